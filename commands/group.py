"""The command line in click: each command is loaded only when it is used, so that every one starts quickly."""

import importlib
import os
from collections.abc import Sequence

import click

import cli
from errors import EnclumeError


class Commands(click.Group):
    """The group of all commands; it lists them without loading them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(cli.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name == "check":
            return _check
        if cmd_name not in cli.COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl(list(cli.COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
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


@click.command("check", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def _check(arguments: tuple[str, ...]) -> int:
    """For `enclume --config FILE check …`: the plugin reads no settings, and is never in need of this page."""
    return cli.check(arguments)


def run(arguments: Sequence[str] | None) -> int:
    """Run a command line; returns its exit status. What goes wrong is one line on stderr."""
    try:
        status = enclume.main(arguments, prog_name="enclume", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except click.Abort:
        return cli.INTERRUPTED
    except EnclumeError as error:
        _complain(str(error))
        return importlib.import_module("commands.outcome").status_of(error)  # type: ignore[no-any-return]
    return status if isinstance(status, int) else 0


def _complain(sentence: str) -> None:
    click.secho(f"enclume: {sentence}", err=True, fg="red")
