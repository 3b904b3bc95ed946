"""What the demonstration says when it is up: lines to try, each of which works as it is printed."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from msgspec import Struct

from commands.common import counted
from settings import Settings


class Try(Struct, frozen=True):
    """A believable change to an example: a host that could also be given a service, and the class it would gain."""

    host: str
    service: str
    class_name: str


TRIES = {
    "lab": Try("roundcube.lab.test", "agenda", "agenda"),
    "platform": Try("webmail1.plm.test", "mailing_lists", "mailing_lists"),
}


def words(estate: str, settings: Settings, file: Path, nodes: int) -> Iterable[str]:
    """The lines; those to type are indented by four spaces."""
    one = TRIES[estate]
    enclume = f"{_program()} --config {shlex.quote(_near(file))}"
    url = f"http://{settings.listen}"
    hypervisors = counted(len(settings.hypervisors.uris), "hypervisor")
    yield click.style(f"The demonstration is up: {counted(nodes, 'node')} on {hypervisors}, {url}", bold=True)
    yield f"Everything that it writes is below {_near(file.parent)}/ and goes away with it. End it with Ctrl-C."
    yield "In another terminal, from this folder (exit status 1: something is wrong, 3: something is not known):"
    for what, line in (
        (f"What is Puppet told about {one.host}?", f"curl -s {url}/enc/{one.host}"),
        ("Why?", f"{enclume} why {one.host}"),
        (f"Give it the service {one.service}, as an administrator would, in LDAP:", _ldapmodify(one, settings)),
        (f"At once it has the class {one.class_name}:", f"{enclume} why {one.host} {one.class_name}"),
        ("Take it away again:", f"{enclume} unassign {one.host} {one.service}"),
        ("Does every guest run where it should?", f"{enclume} audit placement --all"),
        ("What else is wrong, and what is not known while no host speaks of itself?", f"{enclume} audit"),
        ("What do hypervisors need of guests, and in which order would all of it start?", f"{enclume} layers"),
        ("What would Icinga's plugin say?", f"{_program()} check placement --url {url}"),
        ("What does Prometheus see of it?", f"curl -s {url}/metrics | grep guest_state"),
        ("Is everything well with Enclume itself?", f"{enclume} doctor"),
    ):
        yield f"\n  {what}\n    {line}"


def _ldapmodify(one: Try, settings: Settings) -> str:
    directory = settings.directory
    record = (
        f"dn: cn={one.service},{directory.services_base}",
        "changetype: modify",
        "add: member",
        f"member: cn={one.host},{directory.hosts_base}",
    )
    quoted = " ".join(f"'{line}'" for line in record)
    return f"printf '%s\\n' {quoted} | ldapmodify -Q -Y EXTERNAL -H {shlex.quote(directory.uris[0])}"


def _program() -> str:
    """How to start this program from a terminal in this folder."""
    started = Path(sys.argv[0])
    if started.suffix == ".py":
        return f"{shlex.quote(sys.executable)} {shlex.quote(_near(started))}"
    found = shutil.which("enclume")
    return "enclume" if found and Path(found).samefile(started) else shlex.quote(_near(started))


def _near(path: Path) -> str:
    """The path from here where that is shorter."""
    return min(os.path.relpath(path), str(path.absolute()), key=len)
