"""Differences between answers (`enc.preview.Difference` as plain data) as lines for people, and the guard's view."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from commands.common import counted, shown

Difference = Mapping[str, Any]


def lines_of(differences: Sequence[Difference]) -> Iterable[str]:
    """Node by node what the answers gain (+), lose (-) and change (~), new findings (!), and a summary."""
    for difference in differences:
        yield click.style(difference["certname"], bold=True) + _note(difference)
        yield from changes_of(difference)
    yield _summary(differences)


def changes_of(difference: Difference) -> Iterable[str]:
    """What one node's answer gains, loses and changes, and what is newly wrong."""
    for change in difference["loses"]:
        yield click.style(f"  - {_thing(change['path'], change['before'])}", fg="red")
    for change in difference["gains"]:
        yield click.style(f"  + {_thing(change['path'], change['after'])}", fg="green")
    for change in difference["changes"]:
        yield click.style(f"  ~ {change['path']}: {shown(change['before'])} → {shown(change['after'])}", fg="cyan")
    for finding in difference["findings"]:
        yield click.style(f"  ! {finding}", fg="yellow")


def guard_line(guard: Mapping[str, Any]) -> str:
    """What the guard would do with a change, as `web.bodies.Guard` says it."""
    if guard["holds"]:
        return click.style(f"The guard would hold it until you approve: {'; '.join(guard['reasons'])}.", fg="yellow")
    return "The guard would let it pass."


def _note(difference: Difference) -> str:
    if not difference["answered"]:
        return "  loses its answer" if _had_answer(difference) else "  has no answer"
    return "  a new node" if _is_new(difference) else ""


def _had_answer(difference: Difference) -> bool:
    return bool(difference["loses"] or difference["changes"]) or (
        difference["answered"] and not _is_new(difference) and bool(difference["gains"])
    )


def _is_new(difference: Difference) -> bool:
    """Every answer has its kind: one that gains it is new."""
    return any(change["path"] == "$enclume.kind" for change in difference["gains"])


def _thing(path: str, value: Any) -> str:
    """A class by its name; its parameters in an inline answer, and everything else, with the value."""
    return path if path.startswith("class ") and not value else f"{path} = {shown(value)}"


def _summary(differences: Sequence[Difference]) -> str:
    def count(side: str) -> int:
        return sum(change["path"].startswith("class ") for one in differences for change in one[side])

    changed = sum(bool(one["gains"] or one["loses"] or one["changes"]) for one in differences)
    if not differences:
        return "No node's answer would change."
    parts = [f"{counted(changed, 'node')} would change", f"+{count('gains')} -{count('loses')} classes"]
    findings = sum(len(one["findings"]) for one in differences)
    return ", ".join([*parts, *([counted(findings, "new finding")] if findings else [])]) + "."
