"""`enclume runs failing`: what fails again and again."""

from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import examples, print_json
from commands.outcome import FINE, NO
from commands.runs_asking import asking, path, service_of
from commands.wrapping import line_width

_ASKED = ("host", "site", "hypervisor", "resource", "since", "until", "limit")


@click.command(
    epilog=examples(
        "enclume runs failing",
        "enclume runs failing --since 1d --site angers",
        "enclume runs failing --json | jq -r '.failing[] | select(.still) | [.certname, .resource] | @tsv'",
    )
)
@asking("resource", "until", since="a week")
@click.pass_obj
def command(config: str | None, /, *, as_json: bool, **given: Any) -> int:
    """Show what fails: each resource with its message, on which nodes, in how many runs and since when.

    First what failed in the last run of a node, too, then what does no more, then nodes that left the directory.
    Runs that failed without a resource, such as those that got no catalog, are told as the run itself.

    Exit status 0: nothing fails in the last run of a node. 1: something does. 3: the service cannot say.
    """
    found = service_of(config, given).get_json(path("/runs/failing", given, *_ASKED))
    still = text.still(found)
    if as_json:
        print_json(found)
        return NO if still else FINE
    past = [one for one in found["failing"] if not one["still"]]
    gone = [one for one in found["failing"] if one["still"] and one not in still]
    width = line_width()
    for line in text.section("Fails still", text.failures(still, width)):
        click.echo(line)
    for line in text.section("Fails no more", text.failures(past, width)):
        click.echo(line)
    for line in text.section("Failed last on nodes that left the directory", text.failures(gone, width)):
        click.echo(line)
    if not found["failing"]:
        click.echo(f"Nothing failed between {when(found['since'])} and {when(found['until'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return NO if still else FINE
