"""Puppet runs: late, failed, without effect, on an old catalog, never seen; and runs of what has no entry.

As long as an instance knows of no run and takes no reports (`Situation.knows_runs`), nothing is said at all: that no
run is known then says nothing of the nodes. While reports cannot be read (`Situation.runs_unread`), a run that is late
or missing may have been reported: it is unknown then, and one verdict says why.
"""

from collections.abc import Iterator
from functools import partial
from math import inf

from audit.picture import Picture
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict, lateness
from audit.view import Group, View
from audit.words import names, span, when
from facts.puppet import Run
from facts.source import HISTORY, SourceKey
from settings.thresholds import Thresholds

TIMES = 2
"""How many times `thresholds.run_seconds` without a run are critical."""


def judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """The last run of one host. What is off on purpose, a template or retired runs nothing."""
    if not picture.reporting or picture.node.host.intent != "running":
        return NOTHING
    run, name = picture.run, picture.name
    if run is None and picture.runs_unread:
        return Judged((_unknown(picture, f"whether {name} ever ran Puppet"),))
    if run is None:
        sentence = f"no Puppet run of {name} is known: start its agent, and have it report here"
        return Judged((_say(picture, "warning", sentence, code="run_never"),))
    limit = thresholds.run_seconds
    status, until = lateness(run.ended_at, limit, TIMES * limit, at)
    measures = (
        Measure("age", run.ended_at, "s", limit, TIMES * limit, is_time=True),
        Measure("duration", run.duration, "s"),
    )
    found = []
    if status != "ok" and picture.runs_unread:
        found.append(_unknown(picture, f"whether {name} ran since {when(run.ended_at)}", measures))
    elif status != "ok":
        last = f"last ran {when(run.ended_at)}, should every {span(limit)}"
        sentence = f"{name} {last}: look at its agent and its certificate"
        found.append(_say(picture, status, sentence, measures, code="run_late"))
    found += _blemishes(picture, run, measures)
    if not found:
        sentence = f"{name} ran {when(run.ended_at)}, {run.status}"
        found.append(_say(picture, "ok", sentence, measures, code="run"))
    return Judged(tuple(found), until if status != "critical" else inf)


def _unknown(picture: Picture, what: str, measures: tuple[Measure, ...] = ()) -> Verdict:
    why = "the intake of reports or its database fails: mend it as `reports` in the check puppet says"
    return _say(picture, "unknown", f"{what} is not known, {why}", measures, code="run_unknown")


def _blemishes(picture: Picture, run: Run, measures: tuple[Measure, ...]) -> Iterator[Verdict]:
    name, ended = picture.name, when(run.ended_at)
    if run.status == "failed":
        failed = run.resources.get("failed", 0)
        what = f"{failed} of its resources failed" if failed else "no catalog was applied"
        last = f"last succeeded {when(run.last_success)}"
        sentence = f"the run of {name} {ended} failed: {what}, {last}: read its report"
        yield _say(picture, "critical", sentence, measures, code="run_failed")
    if run.cached_catalog:
        sentence = f"{name} ran {ended} on an old catalog: look why it got no new one (`puppet agent --test` there)"
        yield _say(picture, "warning", sentence, measures, code="run_cached")
    if run.noop:
        sentence = f"{name} ran {ended} in noop, so nothing was changed: remove `noop` there once it is no longer meant"
        yield _say(picture, "warning", sentence, measures, code="run_noop")


def _say(picture: Picture, status: Status, sentence: str, measures: tuple[Measure, ...] = (), *, code: str) -> Verdict:
    return Verdict(
        check="puppet",
        code=code,
        subject=picture.name,
        site=picture.site,
        status=status,
        sentence=sentence,
        host=picture.name,
        measures=measures,
        sources=(HISTORY,),
    )


def groups(view: View) -> Iterator[Group]:
    """Whether reports are read; and the certificates that report and have no entry. The last run of a node that is gone
    is kept for ever: one that has not run for as long as makes a host's run critical reports no more.
    """
    estate, situation = view.situation.now.estate, view.situation
    if situation.runs_unread or situation.knows_runs:
        yield Group("reports", (situation.runs_unread,), partial(_reports, situation.runs_unread))
    if estate is None or not situation.knows_runs:
        return
    since = situation.at - TIMES * situation.settings.thresholds.run_seconds
    gone = situation.runs.keys() - estate.nodes.keys()
    strangers = {name for name in gone if situation.runs[name].ended_at >= since}
    if strangers:
        strangers -= {host.name for host in estate.declared.hosts.values()}
    if strangers and situation.settings.directory.legacy:
        strangers = {name for name in strangers if situation.now.name_of(name, legacy=True) == name}
    found = tuple(sorted(strangers))
    read = (HISTORY, SourceKey("directory", situation.settings.directory.base))
    yield Group("certificates", (found, read), partial(_strangers, found, read))


def _reports(unread: str) -> Judged:
    read = (HISTORY,)
    if not unread:
        return Judged((_of_all("reports", "ok", "the reports of Puppet runs are read", read, code="runs_read"),))
    sentence = f"the reports of Puppet runs are not read, so that nodes may have run though it is not known: {unread}"
    return Judged((_of_all("reports", "unknown", sentence, read, code="runs_unread"),))


def _strangers(found: tuple[str, ...], read: tuple[SourceKey, ...]) -> Judged:
    status: Status = "warning" if found else "ok"
    sentence = "every certificate that reports has an entry"
    if found:
        clean = "clean their certificates (`puppetserver ca clean`) and forget them (`enclume runs forget`)"
        way_out = f"add their entries, or {clean}"
        sentence = f"{names(found)}: Puppet runs of certificates without an entry in the directory: {way_out}"
    measures = (Measure("without_entry", len(found)),)
    return Judged((_of_all("certificates", status, sentence, read, measures, code="run_of_nobody"),))


def _of_all(
    subject: str,
    status: Status,
    sentence: str,
    sources: tuple[SourceKey, ...],
    measures: tuple[Measure, ...] = (),
    *,
    code: str,
) -> Verdict:
    return Verdict(
        check="puppet",
        code=code,
        subject=subject,
        site="",
        status=status,
        sentence=sentence,
        measures=measures,
        sources=sources,
    )
