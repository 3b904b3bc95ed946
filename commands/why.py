"""`enclume why`: where a node's answer comes from."""

import click

from commands.asking import asked
from commands.common import examples, load_settings, print_json
from commands.outcome import FINE, No
from commands.reasons import lines_of, of_class
from commands.wrapping import folded, line_width


@click.command(
    epilog=examples(
        "enclume why web01.example.org",
        "enclume why web01.example.org apache",
        "enclume why web01.example.org --json | jq .enclume.hypervisor",
    )
)
@click.argument("certname")
@click.argument("class_name", metavar="[CLASS]", required=False)
@click.option("--offline", is_flag=True, help="Read LDAP and the hypervisors now, instead of asking the service.")
@click.option("--json", "as_json", is_flag=True, help="Print the reasons as JSON.")
@click.pass_obj
def command(config: str | None, certname: str, class_name: str | None, offline: bool, as_json: bool) -> int:
    """Explain where each class, parameter and the environment of CERTNAME come from.

    For each: the level that states it (host, service, profile, site, rule), the DN and attribute with its entryCSN, or
    the rules file and line; and why its hypervisor is the one it is. With CLASS, of that class alone.

    Exit status 1: there is no such node, or it has no such class. 3: nobody could say.
    """
    reasons = asked(load_settings(config), offline=offline).why(certname)
    if class_name is not None:
        wanted = class_name.removeprefix("::")
        if wanted not in reasons["classes"]:
            raise No(f"{certname} has no class {wanted}; it has {', '.join(reasons['classes']) or 'none'}")
        reasons = of_class(reasons, wanted)
    if as_json:
        print_json(reasons)
    else:
        width = line_width()
        for line in lines_of(reasons):
            click.echo("\n".join(folded(line, width)))
    return FINE
