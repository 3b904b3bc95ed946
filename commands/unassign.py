"""`enclume unassign`: a host removed from a service."""

from typing import Any

import click

from commands.common import examples
from commands.membership import Wish, carry_out, options


@click.command(
    epilog=examples(
        "enclume unassign web08.example.org web_hosting",
        "enclume unassign web08 web_hosting --dry-run",
        "enclume unassign web08 web_hosting --bind-dn cn=admin,dc=example,dc=org",
    )
)
@options
@click.pass_obj
def command(config: str | None, /, **asked: Any) -> int:
    """Remove HOST from SERVICE in LDAP, and show what Puppet is told from then on.

    HOST is a certname, or a short name that only one host has; SERVICE is the service's cn. The host's DN is removed
    from the service's `member`; one that is not there is no error.

    Exit status 0: it is no member. 1: there is no such host or service. 3: LDAP could not be written.
    """
    return carry_out(config, Wish(member=False, **asked))
