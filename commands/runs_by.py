"""`enclume runs by`: runs by where their nodes were at the time."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import counted, examples, print_json
from commands.outcome import FINE
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.wrapping import line_width

_ASKED = ("host", "site", "hypervisor", "status", "since", "until", "limit")


@click.command(
    epilog=examples(
        "enclume runs by hypervisor --since 2026-11-26T02:00 --until 2026-11-26T04:00",
        "enclume runs by site --status failed --since 1w",
    )
)
@click.argument("place", type=click.Choice(("site", "hypervisor")))
@asking("status", "until", since="a day")
@click.pass_obj
def command(config: str | None, /, *, place: str, as_json: bool, **given: Any) -> int:
    """Count the runs by site or by hypervisor, where each node was at the time: how they ended, how long they took.

    PLACE is `site` or `hypervisor`.

    Exit status 0: what there is was shown. 3: the service cannot say.
    """
    found = service_of(config, given).get_json(path(f"/runs/by/{place}", given, *_ASKED))
    if as_json:
        print_json(found)
        return FINE
    for line in text.rows(_rows(found["places"]), line_width()) if found["places"] else ():
        click.echo(line)
    if not found["places"]:
        click.echo(f"No run between {when(found['since'])} and {when(found['until'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return FINE


def _rows(places: Sequence[Told]) -> Iterator[tuple[str, ...]]:
    for one in places:
        ended = [f"{one[status]} {status}" if one[status] else "" for status in ("failed", "changed", "corrective")]
        took = f"{text.took(one['mean'])} in the mean, {text.took(one['worst'])} at most"
        runs = f"{counted(one['runs'], 'run')} of {counted(one['nodes'], 'node')}"
        yield one["name"] or "(not known)", runs, *ended, took
