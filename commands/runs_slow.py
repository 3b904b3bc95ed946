"""`enclume runs slow`: the slowest resources."""

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

_ASKED = ("host", "site", "hypervisor", "resource", "by", "since", "until", "limit")


@click.command(
    epilog=examples(
        "enclume runs slow --limit 10",
        "enclume runs slow --by-node --site angers",
        "enclume runs slow --host web01.example.org --since 1d",
    )
)
@click.option("--by-node", is_flag=True, help="Tell each node by itself.")
@asking("resource", "until", since="a week")
@click.pass_obj
def command(config: str | None, /, *, by_node: bool, as_json: bool, **given: Any) -> int:
    """Show the slowest resources, by the median of how long they took, and the longest of all with its node.

    Of unchanged resources only those that took long are kept, so the median is over the runs that have something to say
    of the resource.

    Exit status 0: what there is was shown. 3: the service cannot say.
    """
    given["by"] = "node" if by_node else None
    found = service_of(config, given).get_json(path("/runs/slow", given, *_ASKED))
    if as_json:
        print_json(found)
        return FINE
    for line in text.rows(_rows(found["slow"]), line_width()) if found["slow"] else ():
        click.echo(line)
    if not found["slow"]:
        click.echo(f"Nothing took long between {when(found['since'])} and {when(found['until'])}.")
    for line in text.more_of(found["more"], given["limit"]):
        click.echo(line)
    return FINE


def _rows(slow: Sequence[Told]) -> Iterator[tuple[str, ...]]:
    for one in slow:
        where = one["certname"] or counted(one["nodes"], "node")
        worst = f"at most {text.took(one['worst'])}" + ("" if one["certname"] else f" on {one['worst_certname']}")
        yield text.took(one["median"]), one["resource"], f"{counted(one['runs'], 'run')} of {where}", worst
