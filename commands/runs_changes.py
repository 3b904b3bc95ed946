"""`enclume runs changes`: what Puppet changed, and why."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from audit.words import names, when
from commands import runs_text as text
from commands.common import examples, print_json
from commands.outcome import FINE
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.wrapping import line_width, wrapped

_ASKED = ("host", "site", "hypervisor", "event", "resource", "since", "until", "limit")


@click.command(
    epilog=examples(
        "enclume runs changes --since 6h",
        "enclume runs changes --host web01.example.org --since 2026-11-26T02:00 --until 2026-11-26T04:00",
        "enclume runs changes --resource 'File[/etc/resolv.conf]' --since 1w --all",
        "enclume runs changes --noop",
    )
)
@click.option("--noop", is_flag=True, help="Show what runs in noop would have changed, instead.")
@click.option("--all", "everything", is_flag=True, help="Show each change by itself, with its time and its run.")
@asking("resource", "until", since="a day")
@click.pass_obj
def command(config: str | None, /, *, noop: bool, everything: bool, as_json: bool, **given: Any) -> int:
    """Show what changed, newest first: the resource, from what to what, where it is declared, and on which nodes.

    The same change on several nodes is shown once.

    Exit status 0: what there is was shown. 3: the service cannot say.
    """
    given["event"] = "noop" if noop else "success"
    found = service_of(config, given).get_json(path("/runs/changes", given, *_ASKED))
    if as_json:
        print_json(found)
        return FINE
    lines = _each(found["changes"], line_width()) if everything else _grouped(found["changes"], line_width())
    for line in lines:
        click.echo(line)
    if not found["changes"]:
        click.echo(f"Nothing changed between {when(found['since'])} and {when(found['until'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return FINE


def _grouped(changes: Iterable[Told], width: int) -> Iterator[str]:
    same: dict[tuple[str, ...], list[Told]] = {}
    for one in changes:
        same.setdefault((one["resource"], text.event(one), text.where(one)), []).append(one)
    for (resource, event, where), of in same.items():
        nodes = names(dict.fromkeys(one["certname"] for one in of))
        marked = " (corrective)" if any(one["corrective"] for one in of) else ""
        yield from wrapped(f"{resource} on {nodes}, {_times(of)}{marked}", "  ", width)
        yield from wrapped(event, "      ", width)
        yield from wrapped(where, "      ", width)


def _times(of: list[Told]) -> str:
    last, first = max(one["time"] for one in of), min(one["time"] for one in of)
    return when(last) if when(first) == when(last) else f"{when(first)} to {when(last)}"


def _each(changes: Iterable[Told], width: int) -> Iterator[str]:
    for one in changes:
        marked = " (corrective)" if one["corrective"] else ""
        place = f" ({text.place(one)})" if text.place(one) else ""
        yield from wrapped(f"{when(one['time'])} {one['certname']}{place}: {one['resource']}{marked}", "  ", width)
        yield from wrapped(text.event(one), "      ", width)
        yield from wrapped(f"{text.where(one)} run {one['uuid']}".strip(), "      ", width)
