"""`enclume audit`: what is wrong now."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import click

from audit.verdict import CHECKS
from commands.client import Service
from commands.common import duration, examples, load_settings, print_json, printable
from commands.outcome import FINE, NO, UNKNOWN
from errors import SourceError

Judgement = Mapping[str, Any]
"""A verdict as `web.bodies.Judgement` tells it."""

_COLOURS = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "magenta"}
WRONG = ("critical", "unknown", "warning")
_ORDER = (*WRONG, "ok")
_SILENT = 60.0
"""Seconds after which it is told how long ago something was read."""
_INDENT = 12
_WIDEST = 120


@click.command(
    epilog=examples(
        "enclume audit",
        "enclume audit backup placement --site angers",
        "enclume audit --host web01.example.org --all",
        "enclume audit --json | jq -r '.verdicts[] | [.status, .subject, .sentence] | @tsv'",
    )
)
@click.argument("checks", metavar="[CHECK]...", type=click.Choice(CHECKS), nargs=-1)
@click.option("--site", metavar="SITE", multiple=True, help="Only what is at this site; may be given several times.")
@click.option("--host", metavar="CERTNAME", multiple=True, help="Only what concerns this host; the same.")
@click.option("--all", "everything", is_flag=True, help="Show what is ok, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
@click.pass_obj
def command(  # noqa: PLR0917 - click hands over one argument for each option
    config: str | None, checks: Sequence[str], site: Sequence[str], host: Sequence[str], everything: bool, as_json: bool
) -> int:
    """Show what is wrong now, worst first: of all checks, or of each CHECK.

    layers, placement, capacity, data, backup, storage, mirror, puppet, enc, sources.

    Exit status 0: all is ok. 1: something is wrong. 3: it cannot be known: the service or a source cannot be asked.
    """
    query = [("check", one) for one in checks] + [("site", one) for one in site] + [("host", one) for one in host]
    statuses = [] if everything else [("status", status) for status in WRONG]
    service = Service(load_settings(config), advice="")
    found = service.get_json(f"/verdicts?{urlencode([*query, *statuses])}")
    if found["problem"] is None and not sum(found["counts"].values()):
        described = " and ".join(f"{name} {value}" for name, value in query) or "anything"
        raise SourceError(service.url, f"has no verdict on {described}", "`enclume audit --all` lists what is known")
    if as_json:
        print_json(found)
    else:
        for line in lines_of(found, _width()):
            click.echo(line)
    return _status(found)


def _status(found: Mapping[str, Any]) -> int:
    counts = found["counts"]
    if found["problem"] is not None or found["outdated"] is not None:
        return UNKNOWN
    if counts["critical"] or counts["warning"]:
        return NO
    return UNKNOWN if counts["unknown"] else FINE


def _width() -> int:
    """Characters in a line: a terminal's; elsewhere a sentence stays on one line, for grep."""
    return min(_WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else sys.maxsize


def lines_of(found: Mapping[str, Any], width: int) -> Iterator[str]:
    """The body of `GET /verdicts` as lines for people, no wider than so many characters where words allow it."""
    for reason in (found["problem"], found["outdated"]):
        if reason is not None:
            yield from _wrapped(f"Not to be relied on: {reason}.", "", width)
    by_check: dict[str, list[Judgement]] = {}
    for one in found["verdicts"]:
        by_check.setdefault(one["check"], []).append(one)
    # The verdicts come worst first, and so do the checks then.
    for check, verdicts in by_check.items():
        yield click.style(check, bold=True)
        for one in verdicts:
            yield from _lines(one, width)
    yield _summary(found)


def _lines(one: Judgement, width: int) -> Iterator[str]:
    status, subject, site = one["status"], printable(one["subject"]), printable(one["site"])
    about = f"{subject} at {site}" if site not in ("", subject) else subject
    yield f"  {click.style(f'{status:<{_INDENT - 3}}', fg=_COLOURS[status])} {about}"
    yield from _wrapped(one["sentence"], " " * _INDENT, width)
    silent = [source for source in one["sources"] if source["age"] is None or source["age"] > _SILENT]
    for source in silent:
        read = "was never read" if source["age"] is None else f"was last read {duration(source['age'])} ago"
        yield from _wrapped(f"({source['kind']} {source['target']} {read})", " " * _INDENT, width)


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """Names and DNs stay in one piece, so that they can be copied."""
    return textwrap.wrap(
        printable(text), max(width, 40), initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _summary(found: Mapping[str, Any]) -> str:
    counts = {status: number for status, number in found["counts"].items() if number}
    told = ", ".join(
        click.style(f"{counts[status]} {status}", fg=_COLOURS[status]) for status in _ORDER if status in counts
    )
    return f"{told or 'nothing'} (generation {found['generation']}, judged {duration(found['age'])} ago)"
