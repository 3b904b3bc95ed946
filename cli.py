"""The command line `enclume`. Each command is loaded only when it is used, so that every one starts quickly."""

import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from errors import EnclumeError

COMMANDS = {
    "serve": "Run the service.",
    "demo": "Run everything on examples, on this machine alone.",
    "classify": "Show what Puppet is told about a node.",
    "why": "Explain where a node's classes and parameters come from.",
    "preview": "Show what an LDIF would change, without touching LDAP.",
    "approve": "Show what the guard holds, and release it by its number.",
    "assign": "Add a host to a service in LDAP.",
    "unassign": "Remove a host from a service in LDAP.",
    "doctor": "Check everything that Enclume stands on, and say what to do.",
}
INTERRUPTED = 130


class Commands(click.Group):
    """The group of all commands; it lists them without loading them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted:
        from importlib import metadata  # noqa: PLC0415 - 30 ms that nobody else shall pay

        click.echo(f"enclume {metadata.version('enclume')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 fine, 1 the answer is no, 2 wrong use or settings, 3 could not know.",
)
@click.option(
    "--config",
    metavar="FILE",
    envvar="ENCLUME_CONFIG",
    show_envvar=True,
    help="Settings file; default: /etc/enclume/enclume.yaml.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def enclume(ctx: click.Context, config: str | None) -> None:
    """Enclume tells Puppet what each machine should be, from LDAP and libvirt, and why."""
    ctx.obj = config
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit status. What goes wrong is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A locale without some letter or arrow is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        status = enclume.main(arguments, prog_name="enclume", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except EnclumeError as error:
        _complain(str(error))
        return importlib.import_module("commands.outcome").status_of(error)  # type: ignore[no-any-return]
    return status if isinstance(status, int) else 0


def _complain(sentence: str) -> None:
    click.secho(f"enclume: {sentence}", err=True, fg="red")


if __name__ == "__main__":
    sys.exit(main())
