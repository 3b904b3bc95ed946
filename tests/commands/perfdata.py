"""A strict reader of what a plugin prints, by the Monitoring Plugins' guidelines and what Icinga 2 makes of it."""

import re
from typing import NamedTuple

# A label in quotes, a plain number, a unit that is known, thresholds that are plain numbers.
ONE = re.compile(r"'(?P<quoted>[^'=|\n]+)'=(?P<rest>\S+)|(?P<plain>[A-Za-z_]+)=(?P<value>\S+)")
VALUE = re.compile(r"(-?\d+(?:\.\d+)?)(s|B|%)?(?:;(-?\d+(?:\.\d+)?)?(?:;(-?\d+(?:\.\d+)?))?)?")


class Printed(NamedTuple):
    """What was printed: the first line's text, the further lines, and the performance data by label."""

    head: str
    lines: list[str]
    perfdata: dict[str, str]


def read(text: str) -> Printed:
    """Read it, or fail."""
    assert text.endswith("\n")
    first, *lines = text.removesuffix("\n").split("\n")
    head, bar, data = first.partition(" | ")
    for line in (head, *lines):
        assert line
        assert line.isprintable(), ascii(line)
        assert not set(line) & set("|<>"), line
        assert len(line) <= 1100
    return Printed(head, lines, _perfdata(data) if bar else {})


def _perfdata(data: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(data):
        match = ONE.match(data, position)
        assert match, data[position:]
        label, value = match["quoted"] or match["plain"], match["rest"] or match["value"]
        assert VALUE.fullmatch(value), value
        assert "::" not in label
        assert label.strip() == label
        assert label not in found, label
        found[label] = value
        position = match.end()
        assert data[position : position + 1] in ("", " ")
        position += 1
    return found
