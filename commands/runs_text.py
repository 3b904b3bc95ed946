"""Runs of Puppet as lines for people."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from audit.words import names, span, when
from commands.common import counted, duration, printable
from commands.wrapping import folded, wrapped

Told = Mapping[str, Any]

COLOURS = {"failed": "red", "changed": "green", "unchanged": None, "never": "magenta"}
_MANY = 8
_DEEP = " " * 6


def ago(seconds: float, now: float) -> str:
    """How long ago a time was: "3 min ago"."""
    return f"{duration(max(0.0, now - seconds))} ago"


def place(one: Told) -> str:
    """Where a node was: "angers, hv1.lab.test", as far as is known."""
    return ", ".join(filter(None, (one["site"], one["hypervisor"])))


def where(one: Told) -> str:
    """Where a resource is declared: "site.pp:9", "" where that is not known."""
    return f"{one['file']}:{one['line']}" if one["file"] and one["line"] else one["file"]


def rows(told: Iterable[Sequence[str]], width: int, colours: Mapping[str, str | None] = COLOURS) -> Iterator[str]:
    """Rows with aligned columns, a cell that is a status in its colour. A row that does not fit is folded, a column
    without content left out.
    """
    written = [[printable(cell) for cell in row] for row in told]
    used = [number for number, column in enumerate(zip(*written, strict=True)) if any(column)]
    known = [[row[number] for number in used] for row in written]
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    for row in known:
        padded = [cell.ljust(size) for cell, size in zip(row, widths, strict=True)]
        line = "  " + "  ".join(
            click.style(cell, fg=colours[name]) if colours.get(name) else cell
            for cell, name in zip(padded, row, strict=True)
        )
        yield from folded(line.rstrip(), width)


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines below a title; nothing where there are none."""
    told = list(lines)
    if told:
        yield click.style(title, bold=True)
        yield from told


def failures(told: Iterable[Told], width: int) -> Iterator[str]:
    """What fails, each cause once with the nodes on which it does; `told` are `reports.summaries.Failing`."""
    causes: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        causes.setdefault((one["resource"], one["message"]), []).append(one)
    for (resource, message), of in causes.items():
        runs = sum(one["times"] for one in of)
        since = min(one["since"] for one in of)
        what = resource or "the run itself"
        nodes = names((one["certname"] for one in of), _MANY)
        last = "" if any(one["still"] for one in of) else f", no more since {when(max(one['last'] for one in of))}"
        yield from wrapped(f"{what} on {nodes}: {counted(runs, 'run')}, since {when(since)}{last}", "  ", width)
        yield from wrapped(message, _DEEP, width)
        yield from wrapped(where(of[0]), _DEEP, width)


def still(failing: Told) -> list[Told]:
    """What fails still, of the body of `GET /runs/failing`, on nodes that are in the directory."""
    return [one for one in failing["failing"] if one["still"] and one["certname"] not in (failing["gone"] or ())]


def event(one: Told) -> str:
    """What happened to a property: "content: a → b", or what Puppet said of it."""
    if one["redacted"] or not (one["previous"] or one["desired"]):
        text = f"{one['property']}: {one['message']}" if one["property"] else one["message"]
    else:
        text = f"{one['property']}: {one['previous'] or 'nothing'} → {one['desired'] or 'nothing'}"
    return text


def took(seconds: float) -> str:
    """How long something took."""
    return span(round(seconds, 1)) if seconds < 120 else duration(seconds)


def summary(one: Told) -> str:
    """What a run did to its resources, in words."""
    parts = [f"{one['failed']} failed" if one["failed"] else "", f"{one['changed']} changed" if one["changed"] else ""]
    marks = [name for name in ("noop", "corrective") if one[name]]
    if one["cached_catalog"] in {"on_failure", "explicitly_requested"}:
        marks.append("old catalog")
    if one["status"] == "failed" and not one["failed"]:
        parts = ["no catalog"] if not one["total"] else ["failed"]
    told = ", ".join(filter(None, parts)) + (f" of {one['total']}" if one["total"] and any(parts) else "")
    return " ".join(filter(None, (told, f"({', '.join(marks)})" if marks else "")))


def more_of(more: object, limit: int) -> Iterator[str]:
    """The last line of a list that is not whole."""
    if more:
        yield f"There is more than these {limit}: ask for a shorter period, for one node, or with --limit."


def now() -> float:
    """The clock that ages are counted by."""
    return time.time()
