"""`enclume runs drift`: what somebody changes besides Puppet, and Puppet changes back."""

from collections.abc import Iterator
from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import counted, examples, print_json
from commands.outcome import FINE, NO
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.wrapping import line_width, wrapped

_ASKED = ("host", "site", "hypervisor", "resource", "since", "until", "limit")


@click.command(epilog=examples("enclume runs drift", "enclume runs drift --host web01.example.org --since 30d"))
@asking("resource", "until", since="a week")
@click.pass_obj
def command(config: str | None, /, *, as_json: bool, **given: Any) -> int:
    """Show drift: what was changed by something besides Puppet and changed back by it (corrective changes), the most
    often first.

    Exit status 0: nothing drifted. 1: something did. 3: the service cannot say.
    """
    found = service_of(config, given).get_json(path("/runs/drift", given, *_ASKED))
    if as_json:
        print_json(found)
        return NO if found["drift"] else FINE
    for one in found["drift"]:
        for line in _lines(one, line_width()):
            click.echo(line)
    if not found["drift"]:
        click.echo(f"Nothing drifted between {when(found['since'])} and {when(found['until'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return NO if found["drift"] else FINE


def _lines(one: Told, width: int) -> Iterator[str]:
    first = f", first {when(one['first'])}" if one["times"] > 1 else ""
    times = f"{counted(one['times'], 'time')}, last {when(one['last'])}{first}"
    yield from wrapped(f"{one['resource']} on {one['certname']}: {times}", "  ", width)
    yield from wrapped(text.event(one), "      ", width)
    yield from wrapped(text.where(one), "      ", width)
