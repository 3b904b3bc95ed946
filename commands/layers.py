"""`enclume layers`: what layer 1 uses of layer 2, the order of a cold start, and what is left with every guest off."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import click

from commands import elsewhere
from commands.common import examples, print_json
from commands.layers_text import lines_of
from commands.outcome import FINE, NO, UNKNOWN
from commands.wrapping import line_width


@click.command(
    epilog=examples(
        "enclume layers",
        "enclume layers --site lille",
        "enclume layers --json | jq -r '.paths[] | [.effect, .text] | @tsv'",
    )
)
@click.option("--site", metavar="SITE", help="Only what is at this site.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@elsewhere.options
@click.pass_obj
def command(config: str | None, /, site: str | None, as_json: bool, **options: str | None) -> int:
    """Show every path from layer 1 into layer 2, the order of a cold start, and what is left with every guest off.

    Layer 1 are the hypervisors and what they use; layer 2 are the guests.

    Exit status 0: nothing keeps layer 1 from booting without guests. 1: something does, or there is no such site. 3: it
    cannot be known: the service or a source cannot be asked.
    """
    query = f"?{urlencode({'site': site})}" if site is not None else ""
    found = elsewhere.named(config, options).get_json(f"/layers{query}")
    if as_json:
        print_json(found)
    else:
        for line in lines_of(found, line_width()):
            click.echo(line)
    return status_of(found)


def status_of(found: Mapping[str, Any]) -> int:
    """The exit status for a body of `GET /layers`."""
    told = (*found["paths"], *found["left_out"], *found["guests_only"])
    if found["cycles"] or any(one["effect"] == "boot" for one in told):
        return NO
    return UNKNOWN if found["unknown"] else FINE
