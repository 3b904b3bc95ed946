"""`enclume preview`: what an LDIF would change."""

from typing import BinaryIO

import click

from commands.asking import asked
from commands.common import examples, load_settings, print_json
from commands.differences import guard_line, lines_of
from commands.outcome import FINE
from commands.progress import progress


@click.command(
    epilog=examples(
        "enclume preview change.ldif",
        "enclume preview change.ldif && ldapmodify -H ldapi:/// -Y EXTERNAL -f change.ldif",
        "enclume preview --json - < change.ldif | jq '.nodes[].certname'",
    )
)
@click.argument("change", metavar="CHANGE.ldif", type=click.File("rb"))
@click.option("--offline", is_flag=True, help="Read LDAP and the hypervisors now, instead of asking the service.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@click.pass_obj
def command(config: str | None, change: BinaryIO, offline: bool, as_json: bool) -> int:
    """Show, node by node, what the answers would gain and lose if CHANGE.ldif were applied.

    The file is what ldapmodify or ldapadd would be given (- is stdin); LDAP is not touched. The last line says whether
    the guard would hold the change for approval.

    Exit status 0: whatever would change. 2: the LDIF cannot be read or applied. 3: nobody could say.
    """
    settings = load_settings(config)
    ldif = change.read()
    whom = asked(settings, offline=offline)
    with progress("comparing every node's answer"):
        previewed = whom.preview(ldif)
    if as_json:
        print_json(previewed)
        return FINE
    for line in lines_of(previewed["nodes"]):
        click.echo(line)
    if previewed["nodes"]:
        click.echo(guard_line(previewed["guard"]))
    return FINE
