"""`enclume runs unseen`: nodes that should run and do not."""

from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import counted, examples, print_json
from commands.outcome import FINE, NO
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.wrapping import line_width

_ASKED = ("host", "site", "hypervisor", "since", "limit")


@click.command(
    epilog=examples(
        "enclume runs unseen",
        "enclume runs unseen --since 12h --site angers",
        "enclume runs unseen --json | jq -r '.unseen[].certname'",
    )
)
@asking(since="`thresholds.run_seconds` ago")
@click.pass_obj
def command(config: str | None, /, *, as_json: bool, **given: Any) -> int:
    """Show the nodes that had no run since, those that never had one first, with where they belong now.

    Hosts whose enclumeIntent is off, template or retired are not expected to run.

    Exit status 0: every node ran. 1: some did not. 3: it cannot be known.
    """
    found = service_of(config, given).get_json(path("/runs/unseen", given, *_ASKED))
    if as_json:
        print_json(found)
        return NO if found["unseen"] else FINE
    now = text.now()
    for line in text.rows((silent(one, now) for one in found["unseen"]), line_width()) if found["unseen"] else ():
        click.echo(line)
    if not found["unseen"]:
        click.echo(f"All of {counted(found['nodes'], 'node')} ran since {when(found['since'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return NO if found["unseen"] else FINE


def silent(one: Told, now: float) -> tuple[str, ...]:
    """A node that was not seen, as a row."""
    last = f"last ran {text.ago(one['last'], now)}" if one["last"] else "never ran"
    return one["certname"], last, one["status"] or "", text.place(one)
