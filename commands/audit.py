"""`enclume audit`: what is wrong now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import click

from audit.verdict import CHECKS
from audit.words import names
from commands import elsewhere
from commands.causes import Cause, causes, each
from commands.common import duration, examples, print_json, printable
from commands.elsewhere import Elsewhere
from commands.outcome import FINE, NO, UNKNOWN, Misused
from commands.unjudged import WHY
from commands.wrapping import line_width, wrapped
from errors import SourceError

_COLOURS = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "magenta"}
WRONG = ("critical", "unknown", "warning")
_ORDER = (*WRONG, "ok")
_SILENT = 60.0
"""Seconds after which it is told how long ago something was read."""
_INDENT = 12
_WHERE = {"host": "/enc/{}/why", "site": "/layers?site={}"}
"""Who says whether there is such a host or site."""


@click.command(
    epilog=examples(
        "enclume audit",
        "enclume audit backup placement --site angers",
        "enclume audit --host web01.example.org --all",
        "enclume audit --url https://enclume.example.org:8787",
        "enclume audit --json | jq -r '.verdicts[] | [.status, .subject, .sentence] | @tsv'",
    )
)
@click.argument("checks", metavar="[CHECK]...", type=click.Choice(CHECKS), nargs=-1)
@click.option("--site", metavar="SITE", multiple=True, help="Only what is at this site; may be given several times.")
@click.option("--host", metavar="CERTNAME", multiple=True, help="Only what concerns this host; the same.")
@click.option("--all", "everything", is_flag=True, help="Show each verdict by itself, and what is ok, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
@elsewhere.options
@click.pass_obj
def command(
    config: str | None,
    /,
    *,
    checks: Sequence[str],
    site: Sequence[str],
    host: Sequence[str],
    everything: bool,
    as_json: bool,
    **options: str | None,
) -> int:
    """Show what is wrong now, worst first: of all checks, or of each CHECK.

    layers, placement, capacity, data, backup, storage, mirror, puppet, enc, sources.

    Exit status 0: all is ok. 1: something is wrong. 3: it cannot be known: the service or a source cannot be asked.
    """
    query = [("check", one) for one in checks] + [("site", one) for one in site] + [("host", one) for one in host]
    statuses = [] if everything else [("status", status) for status in WRONG]
    service = elsewhere.named(config, options)
    found = service.get_json(f"/verdicts?{urlencode([*query, *statuses])}")
    if found["problem"] is None and not sum(found["counts"].values()):
        raise no_verdict(service, checks, query)
    if as_json:
        print_json(found)
    else:
        for line in lines_of(found, line_width(), everything=everything):
            click.echo(line)
    return _status(found)


def no_verdict(service: Elsewhere, checks: Sequence[str], query: Sequence[tuple[str, str]]) -> SourceError:
    """Why there is no verdict. Raises `No` for a host or site that there is not, with those that could be meant."""
    for name, value in query:
        if name in _WHERE and value != "-":
            # Another reason not to answer says nothing of the name.
            with suppress(SourceError, Misused):
                service.get_json(_WHERE[name].format(quote(value, safe="")))
    described = " and ".join(f"{name} {value}" for name, value in query) or "anything"
    reasons = [WHY[check] for check in checks if check in WHY]
    return SourceError(
        service.url,
        f"has no verdict on {described}",
        "; ".join(reasons) if checks and len(reasons) == len(checks) else "`enclume audit --all` lists what is known",
    )


def _status(found: Mapping[str, Any]) -> int:
    counts = found["counts"]
    if found["problem"] is not None or found["outdated"] is not None:
        return UNKNOWN
    if counts["critical"] or counts["warning"]:
        return NO
    return UNKNOWN if counts["unknown"] else FINE


def lines_of(found: Mapping[str, Any], width: int, *, everything: bool = False) -> Iterator[str]:
    """The body of `GET /verdicts` as lines for people, no wider than so many characters where words allow it.

    With `everything` each verdict is told by itself, else each cause once.
    """
    yield _summary(found)
    for reason in (found["problem"], found["outdated"]):
        if reason is not None:
            yield from wrapped(f"Not to be relied on: {reason}.", "", width)
    by_check: dict[str, list[Cause]] = {}
    for one in (each if everything else causes)(found["verdicts"]):
        by_check.setdefault(one.verdicts[0]["check"], []).append(one)
    # The verdicts come worst first, and so do the checks then.
    for check, known in by_check.items():
        yield click.style(check, bold=True)
        for one in known:
            yield from _lines(one, width)


def _lines(one: Cause, width: int) -> Iterator[str]:
    indent = " " * _INDENT
    yield f"  {click.style(f'{one.status:<{_INDENT - 3}}', fg=_COLOURS[one.status])} {printable(one.about)}"
    yield from wrapped(one.sentence, indent, width)
    for sentence in _unread(one):
        yield from wrapped(f"({sentence})", indent, width)
    if len(one.hosts) > 1:
        yield from wrapped(f"({names(one.hosts)}: --all lists each)", indent, width)


def _unread(one: Cause) -> Iterator[str]:
    """Which sources were not read for a while, where the sentence does not say so itself."""
    ages = {
        (source["kind"], source["target"]): source["age"]
        for told in one.verdicts
        for source in told["sources"]
        if not (one.status == "unknown" and source["target"] in told["sentence"])
    }
    for (kind, target), age in ages.items():
        if age is None:
            yield f"{kind} {target} was never read"
        elif age > _SILENT:
            yield f"{kind} {target} was last read {duration(age)} ago"


def _summary(found: Mapping[str, Any]) -> str:
    counts = {status: number for status, number in found["counts"].items() if number}
    told = ", ".join(
        click.style(f"{counts[status]} {status}", fg=_COLOURS[status]) for status in _ORDER if status in counts
    )
    return f"{told or 'nothing'} (generation {found['generation']}, judged {duration(found['age'])} ago)"
