"""The layers (the body of `GET /layers`) as lines for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from audit.words import names
from commands.common import counted, printable

Told = Mapping[str, Any]

_WORDS = {"boot": "blocks boot", "run": "hurts running", "change": "hinders change"}
_COLOURS = {"boot": "red", "run": "yellow", "change": "yellow"}
_WIDTH = max(map(len, _WORDS.values()))
_INDENT = " " * (_WIDTH + 4)
_MANY = 12
"""Names that are told of a list; the JSON has all."""


def lines_of(found: Told) -> Iterator[str]:
    """Everything, line by line; the parts that are empty are left out."""
    yield from _section("Layer 1 uses layer 2", _paths(found))
    yield from _section("Nothing starts these", (printable(f"  {_at(one['text'], one)}") for one in found["cycles"]))
    yield from _section("Only guests provide", map(_guests_only, found["guests_only"]))
    yield from _section("Not known", (printable(f"  {_at(one['sentence'], one)}") for one in found["unknown"]))
    if not any(found[part] for part in ("paths", "cycles", "guests_only", "unknown")):
        yield "Layer 1 uses nothing of layer 2."
    if found["outside"]:
        yield f"{counted(len(found['outside']), 'use')} of what is no host of the estate (--json tells which)."
    for site in found["sites"]:
        yield from _section(f"Cold start{_of(site)}", map(printable, _start(site)))
        yield from _section(f"With every guest off{_of(site)}", map(printable, _left(site["left"])))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = list(lines)
    if told:
        yield click.style(title, bold=True)
        yield from told


def _of(site: Told) -> str:
    return f": {printable(site['site'])}" if site["site"] else ": hosts without a site"


def _at(text: str, one: Told) -> str:
    return f"{one['site']}: {text}" if one["site"] else str(text)


def _paths(found: Told) -> Iterator[str]:
    for one in found["paths"]:
        more = f" (and {counted(one['paths'] - 1, 'more path')})" if one["paths"] > 1 else ""
        yield f"  {_effect(one)}  {printable(one['text'])}{more}"
        for hop in one["hops"]:
            yield printable(f"{_INDENT}{_ground(hop)}")
    for one in found["left_out"]:
        yield f"  {_effect(one)}  {printable(one['host'])}: {one['providers']} more of layer 2"


def _effect(one: Told) -> str:
    return click.style(f"{_WORDS[one['effect']]:<{_WIDTH}}", fg=_COLOURS[one["effect"]])


def _ground(hop: Told) -> str:
    """Why a step is believed."""
    where = f": {hop['where']}" if hop["where"] else ""
    return f"{hop['host']} uses {hop['what']} of {hop['to']}, {hop['origin']}{where}"


def _guests_only(one: Told) -> str:
    text = f"{one['what']}: {names(one['guests'], _MANY)}; needed by {names(one['users'], _MANY)}"
    return f"  {_effect(one)}  {printable(_at(text, one))}"


def _start(site: Told) -> Iterator[str]:
    for level in site["levels"]:
        number = f"{level['number']:>3}  "
        for title, told in (
            ("hosts", names(level["hosts"], _MANY)),
            ("guests", names(level["guests"], _MANY)),
            ("services", "; ".join(map(_served, level["services"]))),
        ):
            if told:
                yield f"{number}{title:<8}  {told}"
                number = " " * len(number)
    yield from (f"     {one['starts']} starts without {one['without']}" for one in site["without"])
    yield from (f"     comes up only by hand: {cycle}" for cycle in site["cycles"])


def _served(one: Told) -> str:
    return f"{one['service']} ({names(one['hosts'], _MANY)})"


def _left(left: Told) -> Iterator[str]:
    for title, told in (
        ("goes on", "; ".join(map(_served, left["going_on"]))),
        ("is lost", "; ".join(map(_served, left["lost"]))),
        ("does not boot", names(left["not_booting"], _MANY)),
        ("runs badly", names(left["running_badly"], _MANY)),
        ("cannot be changed", names(left["unchangeable"], _MANY)),
        ("is fine", names(left["fine"], _MANY)),
    ):
        if told:
            yield f"  {title:<17}  {told}"
