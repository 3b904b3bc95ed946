"""What every command shares: the settings, examples in the help, and text for people."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

import settings as settings_module
from settings import Settings


def load_settings(file: str | None) -> Settings:
    """The settings of `--config`. Raises `SettingsError`."""
    return settings_module.load(file or settings_module.DEFAULT_FILE)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(content: Any) -> None:
    """A JSON document on stdout, in UTF-8 whatever the locale is; on a terminal with line breaks."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None).encode())


def table(rows: Iterable[tuple[str, ...]], indent: str = "") -> list[str]:
    """Rows as lines with aligned columns."""
    known = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in known
    ]


def heading(text: str) -> None:
    """A line above what it names."""
    click.secho(text, bold=True)


def warn(sentence: str) -> None:
    """One line on stderr."""
    click.secho(f"enclume: {sentence}", err=True, fg="yellow")


def shown(value: Any) -> str:
    """A value of an answer as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def printable(text: str) -> str:
    """Text that stays on its line and cannot move a terminal's cursor."""
    return "".join(one if one.isprintable() else " " for one in text)


def duration(seconds: float) -> str:
    """Seconds in the unit that people would use: 3 s, 12 min, 5 h, 2 days."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.0f} days"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 node, 3 nodes."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
