"""`enclume assign`: a host added to a service."""

from typing import Any

import click

from commands.common import examples
from commands.membership import Wish, carry_out, options


@click.command(
    epilog=examples(
        "enclume assign web08.example.org web_hosting",
        "enclume assign web08 web_hosting --dry-run",
        "enclume assign web08 web_hosting --bind-dn cn=admin,dc=example,dc=org",
    )
)
@options
@click.pass_obj
def command(config: str | None, /, **asked: Any) -> int:
    """Add HOST to SERVICE in LDAP, and show what Puppet is told from then on.

    HOST is a certname, or a short name that only one host has; SERVICE is the service's cn. The host's DN is added to
    the service's `member`; a host that is there already stays.

    Exit status 0: it is a member. 1: there is no such host or service. 3: LDAP could not be written.
    """
    return carry_out(config, Wish(member=True, **asked))
