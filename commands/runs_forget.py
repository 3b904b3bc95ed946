"""`enclume runs forget`: a node that is no more leaves the history."""

import click

from commands.client import Service
from commands.common import examples, load_settings
from commands.outcome import FINE


@click.command(epilog=examples("enclume runs forget old.example.org"))
@click.argument("certname")
@click.pass_obj
def command(config: str | None, certname: str) -> int:
    """Remove every run of a node that is no longer in the directory from the history.

    Clean its certificate first (`puppetserver ca clean`): should it report again, it is known again.

    Exit status 0: it is forgotten. 1: no run of it is known, or it is in the directory still. 3: the service could not
    be asked, or cannot do it now.
    """
    Service(load_settings(config), advice="").delete(f"/runs/last/{certname}")
    click.echo(f"{certname} is forgotten.")
    return FINE
