"""Answers: who has none, whose are held back and by what or are old, what is wrong in the directory, and in here."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from audit import answer_ages
from audit.picture import Picture
from audit.verdict import Judged, Measure, Status, Verdict
from audit.view import Group, View
from audit.words import counted, names, when
from facts.findings import Finding
from facts.source import SourceKey
from generation.generation import Hold
from settings.thresholds import Thresholds


def judge(picture: Picture, _thresholds: Thresholds, _at: float) -> Judged:
    """One host's answer, and the findings in all that was stated of it."""
    name = picture.name
    holding = [one for one in picture.findings if one.holds]
    others = [one for one in picture.findings if not one.holds]
    found = []
    if not picture.answered:
        why = _said(holding) or "none was made of it yet"
        found.append(_of(picture, "critical", f"{name} has no answer: {why}", code="answer_none"))
    elif holding:
        found.append(
            _of(picture, "warning", f"{name} keeps its last good answer: {_said(holding)}", code="answer_kept")
        )
    if picture.held:
        sentence = f"the guard holds back a newer answer of {name}: review and approve it (`enclume approve`)"
        found.append(_of(picture, "warning", sentence, code="answer_held"))
    if others:
        found.append(_of(picture, "warning", f"{name}: {_said(others)}", code="finding"))
    if not found:
        found.append(_of(picture, "ok", f"{name} has its answer", code="answer"))
    return Judged(tuple(found))


def _said(findings: Iterable[Finding]) -> str:
    """Findings as a sentence: what, where, and what to do."""
    return "; ".join(f"{one.message} ({one.code} in {_place(one)})" for one in findings)


def _place(finding: Finding) -> str:
    return f"{finding.what} of {finding.where}" if finding.what else finding.where


def _of(picture: Picture, status: Status, sentence: str, *, code: str) -> Verdict:
    return Verdict(
        check="enc",
        code=code,
        subject=picture.name,
        site=picture.site,
        status=status,
        sentence=sentence,
        host=picture.name,
        sources=picture.rests_on,
    )


class _Service(NamedTuple):
    """The builder's sentences; the first says why a build failed, where one is `failing`."""

    problems: tuple[str, ...]
    failing: bool


def groups(view: View) -> Iterator[Group]:
    """How old the answers are, what the guard holds, what is wrong in the directory beside the nodes, and in the
    service.
    """
    situation = view.situation
    generation, estate = situation.now.generation, situation.now.estate
    yield from answer_ages.groups(view)
    yield Group("guard", (generation.hold,), partial(_guard, generation.hold))
    service = _Service(situation.problems, situation.failing)
    yield Group("service", (service,), partial(_service, service))
    if estate is not None:
        stray = tuple(one for one in situation.now.findings if not one.certname)
        read = (SourceKey("directory", situation.settings.directory.base),)
        yield Group("directory", (stray, read), partial(_directory, stray, read))


def _guard(hold: Hold | None) -> Judged:
    if hold is None:
        return Judged((_global("guard", "ok", "the guard holds nothing back", code="generation"),))
    whom, kept = names(hold.changes), "keeps its old answer" if len(hold.changes) == 1 else "keep their old answers"
    sentence = (
        f"generation {hold.number} is held since {when(hold.since)}: {'; '.join(hold.reasons.values())}; "
        f"{counted(len(hold.changes), 'node')} {kept} ({whom}): "
        f"review them, then `enclume approve {hold.number}`, or undo the change"
    )
    measures = (Measure("held", len(hold.changes)),)
    return Judged((_global("guard", "warning", sentence, measures, code="generation_held"),))


def _service(service: _Service) -> Judged:
    found, problems = [], service.problems
    if service.failing:
        failed, problems = problems[0] if problems else "building failed", problems[1:]
        sentence = f"{failed}; report it with the log of enclume.builder"
        found.append(_global("service", "critical", sentence, code="build_failed"))
    if problems:
        found.append(_global("service", "warning", "; ".join(problems), code="service_problem"))
    if not found:
        found.append(_global("service", "ok", "nothing goes wrong in the service", code="service"))
    return Judged(tuple(found))


def _directory(findings: tuple[Finding, ...], read: tuple[SourceKey, ...]) -> Judged:
    """What is wrong in the directory and concerns no node in particular, entry by entry."""
    by_place: dict[str, list[Finding]] = {}
    for one in findings:
        by_place.setdefault(one.where, []).append(one)
    found = [_global(where, "warning", _said(wrong), code="directory_finding") for where, wrong in by_place.items()]
    ok = _global("directory", "ok", "nothing is wrong in the directory beside its hosts", code="directory")
    return Judged(tuple([replace(one, sources=read) for one in found or [ok]]))


def _global(subject: str, status: Status, sentence: str, measures: tuple[Measure, ...] = (), *, code: str) -> Verdict:
    return Verdict(
        check="enc", code=code, subject=subject, site="", status=status, sentence=sentence, measures=measures
    )
