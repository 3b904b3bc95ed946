"""docs/commands.md lists every command and option, with the words of its help, and no other."""

import re
from pathlib import Path

import click
import pytest

import cli
from commands import check, group

PAGE = (Path(__file__).parents[2] / "docs/commands.md").read_text(encoding="utf-8")
HEAD, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)


def commands() -> dict[str, click.Command]:
    """Every command but the plugin, which is none of click's, by its whole name."""
    context = click.Context(group.enclume)
    found: dict[str, click.Command] = {}
    for name in cli.COMMANDS:
        command = group.enclume.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
        elif command is not None and name != "check":
            found[name] = command
    return found


def documented(section: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(--[a-z0-9-]+)` \| (.+) \|$", section, re.MULTILINE))


def options(command: click.Command) -> dict[str, str]:
    return {
        max(option.opts, key=len): option.help or "" for option in command.params if isinstance(option, click.Option)
    }


def section_of(name: str) -> str:
    (section,) = [section for section in SECTIONS if re.match(rf"`enclume {name}\b", section)]
    return section


def test_every_command_has_a_section_in_the_order_of_the_help() -> None:
    named = [re.match(r"`enclume (\w+)", section)[1] for section in SECTIONS]  # type: ignore[index]
    assert list(dict.fromkeys(named)) == list(cli.COMMANDS)
    assert len(named) == len(commands()) + 1


@pytest.mark.parametrize("name", list(commands()))
def test_a_section_lists_exactly_the_options_of_its_command(name: str) -> None:
    assert documented(section_of(name)) == options(commands()[name])


def test_the_section_of_the_plugin_lists_exactly_its_options() -> None:
    actions = [one for one in check.parser()._actions if one.option_strings and one.dest != "help"]
    assert documented(section_of("check")) == {one.option_strings[-1]: one.help for one in actions}


def test_the_page_begins_with_the_options_of_all_commands() -> None:
    assert documented(HEAD) == {**options(group.enclume), "--help": "Show this message and exit."}


@pytest.mark.parametrize("name", list(commands()))
def test_a_section_names_the_arguments_of_its_command(name: str) -> None:
    usage = section_of(name).partition("`\n")[0]
    arguments = [one for one in commands()[name].params if isinstance(one, click.Argument)]
    named = re.findall(r"\[?([A-Z]+[A-Za-z.]*)\]?", usage.removeprefix("`enclume"))
    assert [(one.metavar or one.human_readable_name).strip("[].").upper() for one in arguments] == [
        word.strip(".").upper() for word in named
    ]
