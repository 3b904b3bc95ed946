"""`enclume runs`: the history of Puppet's runs."""

import click

from commands import (
    runs_by,
    runs_changes,
    runs_drift,
    runs_failing,
    runs_forget,
    runs_import,
    runs_last,
    runs_list,
    runs_show,
    runs_slow,
    runs_unseen,
)
from commands.common import examples


class _LastUnlessNamed(click.Group):
    """A group whose command is `last` where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["last", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=_LastUnlessNamed,
    epilog=examples(
        "enclume runs                             (what is wrong now)",
        "enclume runs show web01.example.org      (why)",
        "enclume runs changes --since 6h          (what was changed before it)",
    ),
)
def command() -> None:
    """Tell of Puppet's runs: what they did, what fails, what drifts, which nodes do not run.

    Without a further command: `last`. All of them ask the running service.

    Exit status: as each of the commands has it.
    """


for _name, _command in (
    ("last", runs_last.command),
    ("show", runs_show.command),
    ("list", runs_list.command),
    ("changes", runs_changes.command),
    ("failing", runs_failing.command),
    ("drift", runs_drift.command),
    ("slow", runs_slow.command),
    ("unseen", runs_unseen.command),
    ("by", runs_by.command),
    ("import", runs_import.command),
    ("forget", runs_forget.command),
):
    command.add_command(_command, _name)
