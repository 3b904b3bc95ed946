"""The layers (the body of `GET /layers`) as lines for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
from msgspec import Struct

from audit.words import names
from commands.common import counted, printable
from commands.wrapping import ENDLESS, hung

Told = Mapping[str, Any]

_WORDS = {"boot": "blocks boot", "run": "hurts running", "change": "hinders change"}
_COLOURS = {"boot": "red", "run": "yellow", "change": "yellow"}
_WIDTH = max(map(len, _WORDS.values()))
_INDENT = " " * (_WIDTH + 4)
_MANY = 12
"""Names that are told of a list; the JSON has all."""


class _Row(Struct, frozen=True):
    """A label, which may have colours, and what stands beside it: on a terminal each text on lines of its own."""

    label: str
    texts: Sequence[str]

    def lines(self, width: int) -> Iterator[str]:
        """Its lines; where nothing is wrapped, one."""
        if width == ENDLESS:
            yield self.label + printable("; ".join(self.texts))
            return
        label = self.label
        for text in self.texts:
            yield from hung(label, text, width)
            label = " " * len(click.unstyle(label))


def lines_of(found: Told, width: int = ENDLESS) -> Iterator[str]:
    """Everything, line by line, no wider than so many characters where words allow it; empty parts are left out."""
    yield from _section("Layer 1 uses layer 2", _paths(found), width)
    yield from _section("Nothing starts these", (_Row("  ", [_at(one["text"], one)]) for one in found["cycles"]), width)
    yield from _section("Only guests provide", map(_guests_only, found["guests_only"]), width)
    yield from _section("Not known", (_Row("  ", [_at(one["sentence"], one)]) for one in found["unknown"]), width)
    if not any(found[part] for part in ("paths", "cycles", "guests_only", "unknown")):
        yield "Layer 1 uses nothing of layer 2."
    if found["outside"]:
        yield f"{counted(len(found['outside']), 'use')} of what is no host of the estate (--json tells which)."
    for site in found["sites"]:
        yield from _section(f"Cold start{_of(site)}", _start(site), width)
        yield from _section(f"With every guest off{_of(site)}", _left(site["left"]), width)


def _section(title: str, rows: Iterable[_Row], width: int) -> Iterator[str]:
    told = list(rows)
    if told:
        yield click.style(title, bold=True)
        for row in told:
            yield from row.lines(width)


def _of(site: Told) -> str:
    return f": {printable(site['site'])}" if site["site"] else ": hosts without a site"


def _at(text: str, one: Told) -> str:
    return f"{one['site']}: {text}" if one["site"] else str(text)


def _paths(found: Told) -> Iterator[_Row]:
    for one in found["paths"]:
        more = f" (and {counted(one['paths'] - 1, 'more path')})" if one["paths"] > 1 else ""
        yield _Row(_effect(one), [f"{one['text']}{more}"])
        for hop in one["hops"]:
            yield _Row(_INDENT, [_ground(hop)])
    for one in found["left_out"]:
        yield _Row(_effect(one), [f"{one['host']}: {one['providers']} more of layer 2"])


def _effect(one: Told) -> str:
    effect = one["effect"]
    return f"  {click.style(f'{_WORDS[effect]:<{_WIDTH}}', fg=_COLOURS[effect])}  "


def _ground(hop: Told) -> str:
    """Why a step is believed."""
    where = f": {hop['where']}" if hop["where"] else ""
    return f"{hop['host']} uses {hop['what']} of {hop['to']}, {hop['origin']}{where}"


def _guests_only(one: Told) -> _Row:
    text = f"{one['what']}: {names(one['guests'], _MANY)}; needed by {names(one['users'], _MANY)}"
    return _Row(_effect(one), [_at(text, one)])


def _start(site: Told) -> Iterator[_Row]:
    for level in site["levels"]:
        number = f"{level['number']:>3}  "
        for title, told in (
            ("hosts", _listed(level["hosts"])),
            ("guests", _listed(level["guests"])),
            ("services", _served(level["services"])),
        ):
            if told:
                yield _Row(f"{number}{title:<8}  ", told)
                number = " " * len(number)
    yield from (_Row("     ", [f"{one['starts']} starts without {one['without']}"]) for one in site["without"])
    yield from (_Row("     ", [f"comes up only by hand: {cycle}"]) for cycle in site["cycles"])


def _listed(hosts: Sequence[str]) -> list[str]:
    """The names as one text, or none."""
    return [names(hosts, _MANY)] if hosts else []


def _served(services: Iterable[Told]) -> list[str]:
    return [f"{one['service']} ({names(one['hosts'], _MANY)})" for one in services]


def _left(left: Told) -> Iterator[_Row]:
    for title, told in (
        ("goes on", _served(left["going_on"])),
        ("is lost", _served(left["lost"])),
        ("does not boot", _listed(left["not_booting"])),
        ("runs badly", _listed(left["running_badly"])),
        ("cannot be changed", _listed(left["unchangeable"])),
        ("is fine", _listed(left["fine"])),
    ):
        if told:
            yield _Row(f"  {title:<17}  ", told)
