"""The settings: one YAML file, parsed once into one frozen value.

Every setting is declared here, with its type, its default and its help; `docs/settings.md` is checked against it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import yaml
from msgspec import Meta, Struct

from errors import SettingsError
from settings.backups import BackupSettings
from settings.expected import expected
from settings.metrics import MetricsSettings
from settings.reports import ReportSettings
from settings.thresholds import ThresholdSettings

T = TypeVar("T")

DEFAULT_FILE = "/etc/enclume/enclume.yaml"

Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Port = r"(?P<host>\[[0-9a-fA-F:]+\]|[^:\s]+):(?P<port>\d{1,5})"

_RDN = r"\s*(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*(?:[^\\,+\"<>;\s]|\\.)(?:[^\\,+\"<>;]|\\.)*"
_DN = re.compile(rf"{_RDN}(?:[,+]{_RDN})*")


class DirectorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the directory is reached and read (`directory`)."""

    uri: Annotated[str | tuple[str, ...], Meta(description="LDAP URI, or a list of them, tried in turn")]
    base: Annotated[str, Meta(min_length=3, description="DN below which everything stands")]
    hosts: Annotated[str | None, Meta(description="search base of the hosts; default ou=hosts,BASE")] = None
    profiles: Annotated[str | None, Meta(description="search base of the profiles; default ou=profiles,BASE")] = None
    services: Annotated[str | None, Meta(description="search base of the services; default ou=services,BASE")] = None
    sites: Annotated[str | None, Meta(description="search base of the sites; default ou=sites,BASE")] = None
    bind_dn: Annotated[
        str | None, Meta(description="DN of the simple bind; none: EXTERNAL on ldapi, else anonymous")
    ] = None
    password_file: Annotated[str | None, Meta(description="file whose first line is the bind's password")] = None
    start_tls: Annotated[bool, Meta(description="StartTLS on ldap:// URIs")] = False
    ca_file: Annotated[str | None, Meta(description="CA certificates that the LDAP server is verified against")] = None
    legacy: Annotated[bool, Meta(description="serve puppetClient entries as Puppet's old LDAP terminus did")] = False
    legacy_attributes: Annotated[
        bool, Meta(description="with legacy: every attribute of an entry becomes a parameter, but userPassword")
    ] = False
    deadline: Annotated[Seconds, Meta(description="seconds that one exchange with the server may take")] = 5.0
    heartbeat: Annotated[Seconds, Meta(description="seconds between two comparisons of contextCSN")] = 5.0
    reload_interval: Annotated[
        Seconds, Meta(description="seconds between two full loads from a server without RFC 4533 sync")
    ] = 30.0

    def __post_init__(self) -> None:
        if not self.uris:
            raise ValueError("name at least one LDAP URI in `uri`")
        for uri in self.uris:
            if not re.match(r"(ldap|ldaps|ldapi)://", uri):
                raise ValueError(f"`uri` {uri!r}: expected ldap://, ldaps:// or ldapi://")
        for key in ("base", "hosts", "profiles", "services", "sites", "bind_dn"):
            dn = getattr(self, key)
            if dn is not None and not _DN.fullmatch(dn):
                raise ValueError(f"`{key}` {dn!r}: expected a DN such as dc=example,dc=org")
        if (self.bind_dn is None) != (self.password_file is None):
            raise ValueError("`bind_dn` and `password_file` go together")
        if self.legacy_attributes and not self.legacy:
            raise ValueError("`legacy_attributes` needs `legacy: true`")

    @property
    def uris(self) -> tuple[str, ...]:
        """The LDAP URIs in the order in which they are tried."""
        return (self.uri,) if isinstance(self.uri, str) else self.uri

    @property
    def hosts_base(self) -> str:
        """The DN below which the hosts stand."""
        return self.hosts or f"ou=hosts,{self.base}"

    @property
    def profiles_base(self) -> str:
        """The DN below which the profiles stand."""
        return self.profiles or f"ou=profiles,{self.base}"

    @property
    def services_base(self) -> str:
        """The DN below which the services stand."""
        return self.services or f"ou=services,{self.base}"

    @property
    def sites_base(self) -> str:
        """The DN below which the sites stand."""
        return self.sites or f"ou=sites,{self.base}"


class TLSSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Certificates of the HTTP service (`tls`)."""

    certificate: Annotated[str, Meta(description="this service's certificate, PEM")]
    key: Annotated[str, Meta(description="its private key, PEM")]
    ca: Annotated[str, Meta(description="the Puppet CA's certificates: who may connect, PEM")]
    crl: Annotated[str | None, Meta(description="the Puppet CA's revocation lists, PEM; reread when they change")] = (
        None
    )


class HypervisorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How hypervisors are read (`hypervisors`)."""

    uris: Annotated[
        Mapping[str, str], Meta(description="libvirt URIs by hypervisor certname, beside those in the directory")
    ] = {}
    deadline: Annotated[Seconds, Meta(description="seconds that a hypervisor may take to answer")] = 5.0
    interval: Annotated[Seconds, Meta(description="seconds between two polls; events make changes faster")] = 2.0
    allow_test: Annotated[bool, Meta(description="accept libvirt's test driver: for demonstrations")] = False
    statistics: Annotated[
        float, Meta(ge=0, description="seconds between two readings of the guests' statistics; 0: never")
    ] = 30.0


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is held for approval (`guard`)."""

    changed: Annotated[
        Share, Meta(description="share of the nodes that may lose classes, services, environment or answer at once")
    ] = 0.1
    shrunk: Annotated[Share, Meta(description="share of its entries that the directory may lose at once")] = 0.1
    at_least: Annotated[
        Annotated[int, Meta(ge=1)], Meta(description="fewer nodes or entries than this never trip the guard")
    ] = 5
    protected: Annotated[
        tuple[str, ...], Meta(description="certnames whose answer never changes without approval")
    ] = ()


class AnswerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The form of the answers (`answer`)."""

    parameters: Annotated[
        Literal["hiera", "inline"], Meta(description="where class parameters travel: through Hiera, or in the answer")
    ] = "hiera"


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the HTTP service (`limits`)."""

    threads: Annotated[
        Annotated[int, Meta(ge=2, le=512)], Meta(description="requests that are answered at one time")
    ] = 64
    request_seconds: Annotated[Seconds, Meta(description="seconds after which a dawdling request is ended")] = 10.0
    body_bytes: Annotated[Annotated[int, Meta(ge=1024)], Meta(description="largest body of a request, in bytes")] = (
        16 * 1024 * 1024
    )


class AccessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may ask for what (`access`)."""

    servers: Annotated[tuple[str, ...], Meta(description="certnames of the Puppet servers: may ask for all nodes")] = ()
    administrators: Annotated[
        tuple[str, ...], Meta(description="certnames that may ask for all nodes, preview and approve")
    ] = ()
    monitoring: Annotated[
        tuple[str, ...], Meta(description="certnames of Prometheus and Icinga: may read metrics, targets and verdicts")
    ] = ()


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; paths in them are absolute once `load` has read them."""

    directory: Annotated[DirectorySettings, Meta(description="the LDAP directory")]
    sites: Annotated[tuple[str, ...], Meta(description="the sites that this instance serves; none named: all")] = ()
    state: Annotated[str, Meta(description="folder of what is kept over a restart")] = "/var/lib/enclume"
    database: Annotated[
        str | None, Meta(description="URL of the history of Puppet runs; default: SQLite, STATE/history.sqlite")
    ] = None
    reports: Annotated[ReportSettings, Meta(description="how reports of Puppet runs are taken and kept")] = (
        ReportSettings()
    )
    listen: Annotated[str, Meta(pattern=f"^{Port}$", description="address and port of the service")] = "127.0.0.1:8787"
    tls: Annotated[TLSSettings | None, Meta(description="TLS with the Puppet CA; without it, loopback only")] = None
    rules: Annotated[str | None, Meta(description="file of rules; default: the rules shipped with Enclume")] = None
    facts: Annotated[
        str | tuple[str, ...] | None,
        Meta(description="folder of the Puppet server's fact cache (server_data/facts, yaml/facts), or a list of them"),
    ] = None
    code: Annotated[
        str | None, Meta(description="folder of Puppet Server's environment_classes, to keep Sensitive out of LDAP")
    ] = None
    hypervisors: Annotated[HypervisorSettings, Meta(description="the hypervisors' libvirt")] = HypervisorSettings()
    thresholds: Annotated[ThresholdSettings, Meta(description="where verdicts turn to warning and critical")] = (
        ThresholdSettings()
    )
    backups: Annotated[BackupSettings, Meta(description="whose backups the backup servers keep")] = BackupSettings()
    metrics: Annotated[MetricsSettings, Meta(description="what Prometheus is told")] = MetricsSettings()
    guard: Annotated[GuardSettings, Meta(description="what holds back a change that takes too much away")] = (
        GuardSettings()
    )
    freshness: Annotated[
        Seconds, Meta(description="seconds within which the directory was read for a 404 to be believed")
    ] = 300.0
    answer: Annotated[AnswerSettings, Meta(description="the form of the answers")] = AnswerSettings()
    limits: Annotated[LimitSettings, Meta(description="limits of the HTTP service")] = LimitSettings()
    access: Annotated[AccessSettings, Meta(description="who may ask for what, by certificate name")] = AccessSettings()

    def __post_init__(self) -> None:
        if not 0 < self.address[1] < 65536:
            raise ValueError(f"`listen` {self.listen!r}: expected a port from 1 to 65535")
        if self.database is not None:
            _check_database(self.database)

    @property
    def database_url(self) -> str:
        """The URL of the history of Puppet runs."""
        return self.database or f"sqlite:///{self.state}/history.sqlite"

    @property
    def fact_folders(self) -> tuple[str, ...]:
        """The folders of fact caches."""
        return (self.facts,) if isinstance(self.facts, str) else tuple(dict.fromkeys(self.facts or ()))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def _check_database(url: str) -> None:
    """The URL is not said again: a password may stand in it."""
    if re.fullmatch(r"postgresql\+psycopg://[^/:@]*:.*@.*", url, re.DOTALL) or re.search("[?&]password=", url):
        raise ValueError("`database` holds a password: name a file that holds it, postgresql+psycopg://…?passfile=FILE")
    if not re.fullmatch(r"sqlite:////[^?#]+|postgresql\+psycopg://.*", url):
        raise ValueError("`database`: expected sqlite:////FOLDER/FILE or postgresql+psycopg://USER@HOST/NAME")


_PATHS = ("password_file", "ca_file", "certificate", "key", "ca", "crl", "state", "rules", "facts", "code")


def load(file: str | os.PathLike[str]) -> Settings:
    """Read a settings file. Relative paths in it are taken from its own folder.

    Raises `SettingsError` naming the file, the key and what was expected there.
    """
    path = Path(file)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = _absolute(raw, path.absolute().parent) if isinstance(raw, dict) else None
    except OSError as error:
        raise SettingsError(str(path), "", f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(str(path), "", f"is not YAML: {_one_line(error)}") from error
    if found is None:
        raise SettingsError(str(path), "", "expected a mapping with at least directory.uri and directory.base")
    return parse(found, str(path))


def parse(raw: Mapping[str, Any], file: str = "settings") -> Settings:
    """Make settings of plain data, as `load` does; `file` is the name that an error gives."""
    return convert(raw, Settings, file)


def convert(raw: object, into: type[T], file: str) -> T:
    """Make a frozen value of plain data, or raise the `SettingsError` that names the key and what was expected."""
    try:
        return msgspec.convert(raw, into)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        part, _, path = where.rstrip("`").rpartition("$")
        key, what = path.removeprefix("."), "a name among its keys: " if part else ""
        raise SettingsError(file, key, f"{what}{expected(reason, key, into)}") from error


def _absolute(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, dict):
            found[key] = value if key == "uris" else _absolute(value, folder)
        elif key in _PATHS and isinstance(value, str):
            found[key] = str(folder / value)
        elif key == "facts" and isinstance(value, list):
            found[key] = [str(folder / one) if isinstance(one, str) else one for one in value]
        else:
            found[key] = value
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
