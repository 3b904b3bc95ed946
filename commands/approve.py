"""`enclume approve`: what the guard holds, and its release."""

import time
from collections.abc import Mapping
from typing import Any

import click

from commands.client import Service
from commands.common import counted, duration, examples, load_settings, print_json
from commands.differences import lines_of
from commands.outcome import FINE, No


@click.command(
    epilog=examples(
        "enclume approve                 (shows what is held)",
        "enclume approve 42              (releases exactly that)",
        "enclume approve --json | jq .held.number",
    )
)
@click.argument("number", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print what is held, or what was released, as JSON.")
@click.pass_obj
def command(config: str | None, number: int | None, as_json: bool) -> int:
    """Show what the guard holds, node by node; with NUMBER, release it.

    The number stands for what was reviewed: if anything else is held by now, nothing is released.

    Exit status 1: nothing is held, or not under this number. 3: the service could not be asked.
    """
    service = Service(load_settings(config), advice="")
    held = service.get_json("/held")["held"]
    if held is None:
        raise No("nothing is held: every answer is the newest")
    if number is not None and number != held["number"]:
        raise No(f"generation {number} is not held; held is {held['number']}: review that with `enclume approve`")
    if not as_json:
        _print(held)
    elif number is None:
        print_json({"held": held})
    if number is not None:
        _release(service, number, as_json)
    elif not as_json:
        click.echo(f"Release it with: enclume approve {held['number']}")
    return FINE


def _print(held: Mapping[str, Any]) -> None:
    since = duration(max(0.0, time.time() - held["since"]))
    click.echo(f"Generation {held['number']} has been held for {since}: {'; '.join(held['reasons'])}.")
    for line in lines_of(held["nodes"]):
        click.echo(line)


def _release(service: Service, number: int, as_json: bool) -> None:
    released = service.post_json(f"/approve/{number}")
    if as_json:
        print_json(released)
    else:
        nodes = counted(released["nodes"], "node")
        click.secho(f"Released: generation {released['generation']} answers for {nodes}.", fg="green")
