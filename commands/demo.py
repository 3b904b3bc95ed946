"""`enclume demo`: everything on the examples, on this machine alone, gone when it ends."""

from contextlib import ExitStack
from pathlib import Path

import click

from commands.common import examples
from commands.demo_children import Child
from commands.demo_directory import slapd
from commands.demo_folder import folder
from commands.demo_service import require_free, service, write_settings
from commands.demo_stopping import Stopping, pause, told_to_stop
from commands.demo_words import TRIES, words
from commands.outcome import FINE
from commands.progress import progress


@click.command(
    epilog=examples(
        "enclume demo",
        "enclume demo --estate platform --port 8788",
        "make run PORT=8788",
    )
)
@click.option("--port", type=click.IntRange(1, 65535), default=8787, show_default=True, help="Port of 127.0.0.1.")
@click.option("--estate", type=click.Choice(sorted(TRIES)), default="lab", show_default=True, help="Which example.")
@click.option(
    "--folder",
    "path",
    type=click.Path(path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where everything is written; removed at the end.",
)
def command(port: int, estate: str, path: Path) -> int:
    """Run everything on examples: LDAP, hypervisors and the service, until Ctrl-C.

    A private slapd on a unix socket holds one of the examples, libvirt's test driver stands for its hypervisors, and
    the service answers on 127.0.0.1. Needs no settings and touches nothing else of this machine.

    Exit status 0: ended by you. 2: something is missing, or in the way. 3: a part of it ended by itself.
    """
    require_free(port)
    with ExitStack() as stack, told_to_stop() as stopping:
        with progress("starting slapd and the service"):
            here = stack.enter_context(folder(path.absolute()))
            ldap, directory = stack.enter_context(slapd(here, estate, stopping))
            file = write_settings(here, estate, directory, port)
            served, settings, nodes = stack.enter_context(service(file, stopping))
        if not stopping.wait(0):
            for line in words(estate, settings, file, nodes):
                click.echo(line)
        _run(stopping, ldap, served)
        click.echo("\nEnding; everything is removed.")
    return FINE


def _run(stopping: Stopping, *children: Child) -> None:
    """Wait for the end. Raises `SourceError` when a child ends by itself."""
    while pause(stopping):
        for one in children:
            one.check()
