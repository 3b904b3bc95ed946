"""docs/commands.md lists every command and option, with the words of its help, and no other."""

import re
from pathlib import Path

import click
import pytest

import cli

PAGE = (Path(__file__).parents[2] / "docs/commands.md").read_text(encoding="utf-8")
HEAD, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)


def commands() -> dict[str, click.Command]:
    context = click.Context(cli.enclume)
    found = {name: cli.enclume.get_command(context, name) for name in cli.COMMANDS}
    return {name: command for name, command in found.items() if command is not None}


def documented(section: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(--[a-z-]+)` \| (.+) \|$", section, re.MULTILINE))


def options(command: click.Command) -> dict[str, str]:
    return {
        max(option.opts, key=len): option.help or "" for option in command.params if isinstance(option, click.Option)
    }


def section_of(name: str) -> str:
    (section,) = [section for section in SECTIONS if re.match(rf"`enclume {name}\b", section)]
    return section


def test_every_command_has_a_section_in_the_order_of_the_help() -> None:
    assert [re.match(r"`enclume (\w+)", section)[1] for section in SECTIONS] == list(cli.COMMANDS)  # type: ignore[index]
    assert list(commands()) == list(cli.COMMANDS)


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_a_section_lists_exactly_the_options_of_its_command(name: str) -> None:
    assert documented(section_of(name)) == options(commands()[name])


def test_the_page_begins_with_the_options_of_all_commands() -> None:
    assert documented(HEAD) == {**options(cli.enclume), "--help": "Show this message and exit."}


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_a_section_names_the_arguments_of_its_command(name: str) -> None:
    usage = section_of(name).partition("`\n")[0]
    arguments = [one for one in commands()[name].params if isinstance(one, click.Argument)]
    named = re.findall(r"\[?([A-Z]+[A-Za-z.]*)\]?", usage.removeprefix("`enclume"))
    assert [(one.metavar or one.human_readable_name).strip("[]").upper() for one in arguments] == [
        word.upper() for word in named
    ]
