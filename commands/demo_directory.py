"""The demonstration's LDAP server: a private slapd on a unix socket, with the schema and one of the examples."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import yaml
from msgspec import Struct

from commands.demo_children import Child, child
from commands.demo_stopping import Stopping, pause
from commands.outcome import Misused
from errors import SourceError
from facts.directory.connection import close, connect
from settings import DirectorySettings, convert

_STANDARD = Path("/etc/ldap/schema")
_STANDARD_SCHEMAS = ("core", "cosine", "nis", "inetorgperson")
_INSTALL = "install it: apt-get install slapd ldap-utils"
_SBIN = ":/usr/local/sbin:/usr/sbin:/sbin"
_LONGEST_SOCKET = 107
_PATIENCE = 400

_CONFIGURATION = """\
{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
sizelimit unlimited
# Whoever started the demonstration administers it, by who they are on this machine: there is no password.
authz-regexp "gidNumber={gid}[+]uidNumber={uid},cn=peercred,cn=external,cn=auth" "cn=admin,{base}"

database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
directory "{database}"
maxsize 268435456
dbnosync
index objectClass eq
index cn eq
index entryCSN,entryUUID eq
overlay syncprov
syncprov-sessionlog 10000
access to * by * read
"""


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """What `demo.yaml` of an example says: its base, its LDIF, and each hypervisor's node file."""

    base: str
    directory: str
    hypervisors: Mapping[str, str]


def shared() -> Path:
    """Where `schema/` and `examples/` are: beside the sources, else where an installed Enclume keeps them."""
    for place in (Path(__file__).resolve().parents[1], Path(sys.prefix, "share", "enclume")):
        if (place / "examples").is_dir() and (place / "schema").is_dir():
            return place
    raise Misused("the examples are not installed: run it from the sources, with `make run`")


def example(estate: str) -> Example:
    """One of the examples. Raises `SettingsError` when its file makes no sense."""
    file = shared() / "examples" / estate / "demo.yaml"
    return convert(yaml.safe_load(file.read_text(encoding="utf-8")), Example, str(file))


@contextmanager
def slapd(folder: Path, estate: str, stopping: Stopping) -> Iterator[tuple[Child, DirectorySettings]]:
    """A running slapd that holds the example, and the settings that reach it."""
    program = _program("slapd")
    known = example(estate)
    configuration = _configure(folder, known)
    _load(program, configuration, shared() / "examples" / estate / known.directory)
    with _socket(folder) as socket:
        reached = DirectorySettings(uri=f"ldapi://{quote(str(socket), safe='')}", base=known.base)
        command = [program, "-d", "none", "-f", str(configuration), "-h", reached.uris[0]]
        with child("slapd", command, folder / "slapd.log") as running:
            _await(running, reached, stopping)
            yield running, reached


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + _SBIN)
    if found is None:
        raise Misused(f"{name} is missing; {_INSTALL}")
    return found


def _configure(folder: Path, known: Example) -> Path:
    schemas = [_STANDARD / f"{name}.schema" for name in _STANDARD_SCHEMAS]
    schemas += sorted((shared() / "schema").glob("*.schema"), key=lambda path: path.name != "puppet.schema")
    missing = [str(path) for path in schemas if not path.exists()]
    if missing:
        raise Misused(f"{', '.join(missing)} is missing; {_INSTALL}")
    database = folder / "directory"
    database.mkdir(mode=0o700)
    includes = "\n".join(f'include "{path}"' for path in schemas)
    text = _CONFIGURATION.format(
        schemas=includes, base=known.base, database=database, uid=os.geteuid(), gid=os.getegid()
    )
    file = folder / "slapd.conf"
    file.write_text(text, encoding="utf-8")
    return file


def _load(program: str, configuration: Path, ldif: Path) -> None:
    """Load the example as `slapadd` does; the one binary is several programs, by its name."""
    loaded = subprocess.run(
        [program, "-T", "add", "-q", "-w", "-f", str(configuration), "-l", str(ldif)],
        capture_output=True,
        text=True,
        check=False,
    )
    if loaded.returncode:
        raise SourceError("slapadd", f"could not load {ldif}: {' '.join(loaded.stderr.split())}")


@contextmanager
def _socket(folder: Path) -> Iterator[Path]:
    """Where the unix socket is: in the folder, else in one of a shorter path, since a socket's may have 107 bytes."""
    socket = folder / "ldapi"
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET:
        yield socket
        return
    with tempfile.TemporaryDirectory(prefix="enclume-demo-") as short:
        yield Path(short, "ldapi")


def _await(running: Child, reached: DirectorySettings, stopping: Stopping) -> None:
    """Wait until it answers, or until we are to stop. Raises `SourceError` when it ends or takes too long."""
    reason = ""
    for _ in range(_PATIENCE):
        running.check()
        try:
            close(connect(reached, reached.uris[0]))
        except SourceError as error:
            reason = str(error)
        else:
            return
        if not pause(stopping):
            return
    raise SourceError("slapd", f"runs, but cannot be reached: {reason}")
