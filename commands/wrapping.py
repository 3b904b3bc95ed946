"""Lines that fit a terminal."""

import shutil
import sys
import textwrap
from collections.abc import Iterator

import click

from commands.common import printable

ENDLESS = sys.maxsize
"""The width where nothing is wrapped."""
_WIDEST = 120
_NARROWEST = 40
_DEEPER = 6


def line_width() -> int:
    """Characters in a line: a terminal's; elsewhere a sentence stays on one line, for grep."""
    return min(_WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else ENDLESS


def wrapped(text: str, indent: str, width: int) -> list[str]:
    """The text in lines that are all indented. Names and DNs stay in one piece, so that they can be copied."""
    return textwrap.wrap(
        printable(text), max(width, _NARROWEST), initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def hung(label: str, text: str, width: int) -> Iterator[str]:
    """The text beside a label, which may have colours; its further lines stand below its first word."""
    indent = " " * len(click.unstyle(label))
    first, *more = wrapped(text, indent, width) or [indent]
    yield (label + first[len(indent) :]).rstrip()
    yield from more


def folded(line: str, width: int) -> list[str]:
    """A line that is laid out already, its further lines a little deeper; as it is where it fits."""
    if len(click.unstyle(line)) <= width:
        return [line]
    deeper = " " * (len(line) - len(line.lstrip(" ")) + _DEEPER)
    return textwrap.wrap(
        line, max(width, _NARROWEST), subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False
    )
