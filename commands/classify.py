"""`enclume classify`: what Puppet is told about a node."""

import json

import click

from commands.asking import Given, asked
from commands.common import duration, examples, heading, load_settings, shown, table
from commands.outcome import FINE


@click.command(
    epilog=examples(
        "enclume classify web01.example.org",
        "enclume classify web01.example.org --json | jq .classes",
        "enclume classify web01.example.org --offline",
    )
)
@click.argument("certname")
@click.option("--offline", is_flag=True, help="Read LDAP and the hypervisors now, instead of asking the service.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as Puppet gets it.")
@click.pass_obj
def command(config: str | None, certname: str, offline: bool, as_json: bool) -> int:
    """Show what Puppet is told about CERTNAME: environment, classes and variables.

    Exit status 1: there is no such node. 3: nobody could say.
    """
    given = asked(load_settings(config), offline=offline).answer(certname)
    if as_json:
        click.echo(given.body)
    else:
        _print(certname, given)
    return FINE


def _print(certname: str, given: Given) -> None:
    answer = json.loads(given.body)
    known = "as LDAP and the hypervisors are now"
    if given.generation:
        known = f"generation {given.generation}, as read {duration(given.age)} ago"
    click.echo(f"{click.style(certname, bold=True)}  {known}")
    if "environment" in answer:
        click.echo(f"environment  {answer['environment']}")
    heading("classes")
    for name, parameters in answer["classes"].items():
        click.echo(f"  {name}{'  ' + shown(parameters) if parameters else ''}")
    variables = dict(answer["parameters"])
    ours = {f"$enclume.{name}": value for name, value in variables.pop("enclume", {}).items()}
    heading("variables")
    rows = [(name, shown(value)) for name, value in ours.items()]
    rows += [(f"${name}", shown(value)) for name, value in variables.items()]
    for line in table(rows, "  "):
        click.echo(line)
