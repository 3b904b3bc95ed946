"""`enclume runs list`: runs, newest first."""

from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import examples, print_json
from commands.outcome import FINE
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.wrapping import line_width

_ASKED = ("host", "site", "hypervisor", "status", "since", "until", "limit", "after")


@click.command(
    epilog=examples(
        "enclume runs list --host web01.example.org --since 1w",
        "enclume runs list --status failed --since 2026-11-26T02:00 --until 2026-11-26T04:00",
        "enclume runs list --site angers --json | jq -r '.runs[] | [.ended, .certname, .status] | @tsv'",
    )
)
@click.option("--after", metavar="UUID", help="Go on behind this run, as the last line of a list says.")
@asking("status", "until", since="a day")
@click.pass_obj
def command(config: str | None, /, *, as_json: bool, **given: Any) -> int:
    """List runs, newest first, with the place of their node at the time.

    The last column names the run for `enclume runs show`.

    Exit status 0: what there is was listed. 1: there is no run to go on behind. 3: the service cannot say.
    """
    found = service_of(config, given).get_json(path("/runs", given, *_ASKED))
    if as_json:
        print_json(found)
        return FINE
    now = text.now()
    for line in text.rows((_run(one, now) for one in found["runs"]), line_width()) if found["runs"] else ():
        click.echo(line)
    if not found["runs"]:
        click.echo(f"No run between {when(found['since'])} and {when(found['until'])}.")
    if found["next"]:
        click.echo(f"There are more: go on with --after {found['next']}")
    return FINE


def _run(one: Told, now: float) -> tuple[str, ...]:
    began = (when(one["ended"]), text.ago(one["ended"], now), one["certname"])
    return *began, one["status"], text.took(one["seconds"]), text.summary(one), text.place(one), one["uuid"]
