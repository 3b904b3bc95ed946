"""A real slapd of one's own, for tests: started on a short unix socket, driven with OpenLDAP's own tools.

`with Slapd(tmp_path, ldif=LAB) as slapd:` starts and ends it; `slapd.modify(LDIF)` and `slapd.search(FILTER)` use it.
"""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from tests.freezing import freeze
from tests.waiting import free_port, until

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
OURS = (SCHEMA / "puppet.schema", SCHEMA / "enclume.schema")
_DEBIANS = tuple(Path("/etc/ldap/schema", f"{name}.schema") for name in ("core", "cosine", "nis", "inetorgperson"))
_SBIN = ":/usr/sbin:/sbin"

_CONF = """\
{includes}
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload back_null
moduleload back_monitor
moduleload syncprov
sizelimit unlimited
{tls}
authz-regexp "gidNumber={gid}[+]uidNumber={uid},cn=peercred,cn=external,cn=auth" "{admin}"
authz-regexp "gidNumber=0[+]uidNumber=0,cn=peercred,cn=external,cn=auth" "{admin}"

database config
rootdn "{admin}"

database null
suffix "cn=accounts"
rootdn "cn=reader,cn=accounts"
rootpw {reader_password}

database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {folder}/db
maxsize 1073741824
dbnosync
index objectClass eq
index cn eq
index entryCSN,entryUUID eq
{syncprov}
access to attrs=userPassword by anonymous auth by * none
access to * by {readers} read

database monitor
access to * by * read
"""
_SYNCPROV = "overlay syncprov\nsyncprov-checkpoint 100 10\nsyncprov-sessionlog 10000"


class TLSFiles(NamedTuple):
    """PEM files of slapd's own certificate; `ca` signs it, and clients' certificates too."""

    ca: Path
    certificate: Path
    key: Path


class Found(NamedTuple):
    """One entry that a search returned: attribute names as the server spells them, values as text."""

    dn: str
    attributes: Mapping[str, Sequence[str]]


class Refused(Exception):
    """An LDAP tool that failed: its exit code (the LDAP result code, 255 for no connection) and its words."""

    def __init__(self, tool: str, code: int, words: str) -> None:
        self.tool, self.code, self.words = tool, code, words
        super().__init__(f"{tool}: exit {code}: {words}")


class Slapd:
    """A private slapd: databases, socket and log below `folder`; survives `restart` with its data.

    `uri` is ldapi, which maps the calling user and root to `admin_dn` by EXTERNAL. `tcp=True` adds `ldap_uri`
    (with StartTLS when `tls` is given), `tls` adds `ldaps_uri`; ports stay the same over restarts.
    `admin_dn`/`password` may write, `reader_dn`/`reader_password` only read (never userPassword); `anonymous=False`
    refuses reading without a bind. `syncprov=False` is a server without RFC 4533. `schemas` are loaded after Debian's.
    `config=True` runs from a cn=config folder, so that cn=config changes last.
    """

    reader_dn = "cn=reader,cn=accounts"

    def __init__(
        self,
        folder: Path,
        *,
        base: str = "dc=lab,dc=test",
        ldif: Path | str | None = None,
        syncprov: bool = True,
        tcp: bool = False,
        tls: TLSFiles | None = None,
        anonymous: bool = True,
        schemas: Sequence[Path] = OURS,
        config: bool = False,
        password: str = "secret",
        reader_password: str = "reader",
    ) -> None:
        self.folder = Path(folder) / "slapd"
        self.base, self.admin_dn = base, f"cn=admin,{base}"
        self.password, self.reader_password = password, reader_password
        self.socket = Path(tempfile.mkdtemp(prefix="enc")) / "ldapi"
        self.uri = f"ldapi://{quote(str(self.socket), safe='')}"
        self.ldap_uri = f"ldap://127.0.0.1:{free_port()}" if tcp else None
        self.ldaps_uri = f"ldaps://127.0.0.1:{free_port()}" if tls else None
        self._context = ["-w"] if syncprov else []
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "db").mkdir(parents=True)
        self._password_file = self.folder / "password"
        self._password_file.touch(0o600)
        self._password_file.write_text(password)
        try:
            self._configure(self._conf(syncprov, tls, anonymous, schemas), config)
            if ldif is not None:
                self.load(ldif)
        except Refused:
            self.close()
            raise

    def _conf(self, syncprov: bool, tls: TLSFiles | None, anonymous: bool, schemas: Sequence[Path]) -> str:
        tls_lines = tls and (
            f"TLSCACertificateFile {tls.ca}\nTLSCertificateFile {tls.certificate}\nTLSCertificateKeyFile {tls.key}\n"
            "TLSVerifyClient allow"
        )
        return _CONF.format(
            includes="\n".join(f"include {schema}" for schema in (*_DEBIANS, *schemas)),
            folder=self.folder,
            tls=tls_lines or "",
            gid=os.getegid(),
            uid=os.geteuid(),
            admin=self.admin_dn,
            base=self.base,
            password=self.password,
            reader_password=self.reader_password,
            syncprov=_SYNCPROV if syncprov else "",
            readers="*" if anonymous else "users",
        )

    def _configure(self, conf: str, config: bool) -> None:
        conf_file = self.folder / "slapd.conf"
        conf_file.write_text(conf)
        self._settings = ["-f", str(conf_file)]
        if config:
            config_folder = self.folder / "slapd.d"
            config_folder.mkdir()
            run("slapadd", *self._settings, "-b", self.base)
            run("slaptest", "-f", str(conf_file), "-F", str(config_folder))
            self._settings = ["-F", str(config_folder)]

    @property
    def pid(self) -> int:
        """The running slapd's process id."""
        assert self._process is not None, "slapd does not run"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs (frozen counts)."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What slapd has said since it was made: configuration errors, no requests."""
        return (self.folder / "slapd.log").read_text(errors="replace")

    def start(self) -> Self:
        """Start slapd and return when it answers a search."""
        assert not self.alive, "slapd runs already"
        uris = " ".join(uri for uri in (self.uri, self.ldap_uri, self.ldaps_uri) if uri)
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["slapd", "-d", "none", "-h", uris, *self._settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(),
            )  # fmt: skip
        until(self._answers, what=f"slapd to answer at {self.uri}")
        return self

    def _answers(self) -> bool:
        assert self.alive, f"slapd ended: {self.log}"
        try:
            self._tool("ldapsearch", "-LLL", "-b", "", "-s", "base", "namingContexts")
        except Refused:
            return False
        return True

    def stop(self) -> None:
        """End slapd in good order (nothing when it has ended); `start` goes on with the same data."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End slapd with SIGKILL, without a word to its clients."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(20)
        self._process = None

    def restart(self) -> None:
        """Stop, if it runs, and start with the same data, socket and ports."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop it with SIGSTOP: it accepts connections (the kernel does) and never answers."""
        freeze(self.pid)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its socket; the data stays below `folder`."""
        self.stop()
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self if self.alive else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, ldif: Path | str) -> None:
        """Add an LDIF (its text, or its path): by slapadd while slapd is down, by ldapadd while it runs."""
        text = ldif.read_text(encoding="utf-8") if isinstance(ldif, Path) else ldif
        if self.alive:
            self._tool("ldapadd", words=text)
        else:
            run("slapadd", "-q", *self._context, *self._settings, "-b", self.base, words=text)

    def modify(self, ldif: str) -> None:
        """Apply change records (changetype: add, modify, delete, modrdn) as the administrator; `Refused` if refused."""
        self._tool("ldapmodify", words=ldif)

    def add(self, ldif: str) -> None:
        """Add entries online as the administrator; `Refused` if refused."""
        self._tool("ldapadd", words=ldif)

    def delete(self, dn: str, *, recursive: bool = False) -> None:
        """Delete an entry, with all below it if asked."""
        self._tool("ldapdelete", *(["-r"] if recursive else []), dn)

    def search(
        self, what: str = "(objectClass=*)", *attributes: str, base: str | None = None, scope: str = "sub"
    ) -> list[Found]:
        """The entries below `base` (default: the server's) that match the filter; "+" asks operational attributes."""
        where = self.base if base is None else base
        text = self._tool("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", where, "-s", scope, what, *attributes)
        return [_found(record) for record in text.split("\n\n") if record.strip()]

    def _tool(self, tool: str, *arguments: str, words: str = "") -> str:
        identity = ["-x", "-D", self.admin_dn, "-y", str(self._password_file)]
        return run(tool, "-H", self.uri, *identity, *arguments, words=words)


def run(tool: str, *arguments: str, words: str = "") -> str:
    """Run one of OpenLDAP's tools with `words` on its stdin; its stdout. Raises `Refused`."""
    done = subprocess.run(
        [tool, *arguments], input=words, capture_output=True, encoding="utf-8",
        timeout=60, env=_environment(), check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(tool, done.returncode, done.stderr.strip())
    return done.stdout


def _environment() -> dict[str, str]:
    """The tests' own environment without the user's ldaprc, and with the folder of slapd."""
    return {**os.environ, "LDAPNOINIT": "1", "PATH": os.environ.get("PATH", "/usr/bin:/bin") + _SBIN}


def _found(record: str) -> Found:
    attributes: dict[str, list[str]] = {}
    for line in record.strip().splitlines():
        name, _, rest = line.partition(":")
        coded = rest.startswith(":")
        value = base64.b64decode(rest[1:]).decode(errors="replace") if coded else rest.strip()
        attributes.setdefault(name, []).append(value)
    return Found(attributes.pop("dn")[0], attributes)
