"""Assignment: a host's DN added to a service's `member` in LDAP, or removed from it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ldap3
from ldap3.core.exceptions import (
    LDAPAttributeOrValueExistsResult,
    LDAPException,
    LDAPInsufficientAccessRightsResult,
    LDAPNoSuchAttributeResult,
    LDAPNoSuchObjectResult,
    LDAPObjectClassViolationResult,
)
from ldap3.utils.conv import escape_filter_chars
from msgspec import Struct

from errors import EnclumeError, SourceError
from facts.certname import close_to, meant, short_name
from facts.directory.connection import NOT_LDAP, Connection, close, connect, explain
from facts.directory.entries import Entry
from facts.directory.names import normalise
from facts.directory.reading import name_of
from settings import DirectorySettings

_HOSTS = "(&(|(objectClass=enclumeHost)(objectClass=puppetClient)(objectClass=device)(objectClass=ipHost)){})"
_SERVICES = "(&(objectClass=enclumeService)(!(enclumeAtSite=*)){})"
_REFERRAL = 10


class NotFound(EnclumeError):
    """No such host or service, or several; `suggestions` are names that could have been meant."""

    def __init__(self, what: str, name: str, base: str, suggestions: Sequence[str]) -> None:
        self.what, self.name, self.suggestions = what, name, tuple(suggestions)
        super().__init__(f"there is no {what} {name} below {base}{meant(suggestions)}")


class Ambiguous(EnclumeError):
    """A short name that several hosts share."""

    def __init__(self, name: str, certnames: Sequence[str]) -> None:
        self.name, self.certnames = name, tuple(certnames)
        super().__init__(f"{name} is the short name of {', '.join(certnames)}: give the whole certname")


class Named(Struct, frozen=True):
    """A host or a service: its DN and its name."""

    dn: str
    name: str


class Assignment(Struct, frozen=True):
    """A membership that shall be (`member`), or shall not be."""

    host: Named
    service: Named
    member: bool

    @property
    def ldif(self) -> str:
        """The same change as a record for a preview (RFC 2849; UTF-8 as it is)."""
        verb = "add" if self.member else "delete"
        return f"dn: {self.service.dn}\nchangetype: modify\n{verb}: member\nmember: {self.host.dn}\n"


class Assigner:
    """An LDAP server that assignments are looked up and written at."""

    def __init__(self, connection: Connection, settings: DirectorySettings, uri: str) -> None:
        self._connection, self._settings, self._uri = connection, settings, uri

    def host(self, name: str) -> Named:
        """The host of this certname, or else of this short name. Raises `NotFound`, `Ambiguous`, `SourceError`."""
        base = self._settings.hosts_base
        wanted = name.lower()
        value = escape_filter_chars(wanted)
        found = self._search(base, _HOSTS.format(f"(|(cn={value})(cn={value}.*))"))
        exact = [entry for entry in found if entry.name.lower() == wanted]
        candidates = exact or [entry for entry in found if short_name(entry.name.lower()) == wanted]
        if len(candidates) > 1:
            raise Ambiguous(name, [entry.name if not exact else entry.dn for entry in candidates])
        return candidates[0] if candidates else self._not_found("host", name, base, _HOSTS)

    def service(self, name: str) -> Named:
        """The service of this name. Raises `NotFound` or `SourceError`."""
        base = self._settings.services_base
        found = self._search(base, _SERVICES.format(f"(cn={escape_filter_chars(name)})"))
        return found[0] if found else self._not_found("service", name, base, _SERVICES)

    def is_member(self, assignment: Assignment) -> bool:
        """Whether the host is a member of the service now."""
        filter_ = f"(member={escape_filter_chars(assignment.host.dn)})"
        return bool(self._search(assignment.service.dn, filter_, ldap3.BASE))

    def apply(self, assignment: Assignment) -> bool:
        """Write the membership; False when it was so already. Raises `SourceError` when it is refused."""
        operation = ldap3.MODIFY_ADD if assignment.member else ldap3.MODIFY_DELETE
        changes = {"member": [(operation, [assignment.host.dn])]}
        try:
            self._connection.modify(assignment.service.dn, changes)  # type: ignore[no-untyped-call]
        except (LDAPAttributeOrValueExistsResult, LDAPNoSuchAttributeResult):
            return False
        except (LDAPException, OSError, *NOT_LDAP) as error:
            raise self._refused(assignment, error) from error
        self._refuse_referral()
        return True

    def _refused(self, assignment: Assignment, error: Exception) -> SourceError:
        service = assignment.service.dn
        if isinstance(error, LDAPInsufficientAccessRightsResult):
            advice = "name one that may: --bind-dn DN, and --password-file FILE or its password when asked"
            return SourceError(self._uri, f"this identity may not change {service}", advice)
        if isinstance(error, LDAPNoSuchObjectResult):
            return SourceError(self._uri, f"{service} is gone", "somebody removed it just now: look again")
        if isinstance(error, LDAPObjectClassViolationResult):
            return SourceError(self._uri, f"{service}: {error.message}", "correct its objectClass")
        return explain(self._connection, self._uri, error)

    def _refuse_referral(self) -> None:
        """A replica takes no changes; it names the server that does."""
        result: dict[str, Any] = self._connection.result
        if result["result"] == _REFERRAL:
            where = ", ".join(result["referrals"] or ()) or "its provider"
            raise SourceError(self._uri, "this server is a replica, nothing was changed", f"name {where} in --uri")

    def _search(self, base: str, filter_: str, scope: Any = ldap3.SUBTREE) -> list[Named]:
        try:
            self._connection.search(base, filter_, scope, ldap3.DEREF_NEVER, attributes=["cn"])
        except LDAPNoSuchObjectResult:
            return []
        except (LDAPException, OSError, *NOT_LDAP) as error:
            raise explain(self._connection, self._uri, error) from error
        response: list[dict[str, Any]] = self._connection.response or []
        return sorted((_named(one) for one in response if one["type"] == "searchResEntry"), key=_name)

    def _not_found(self, what: str, name: str, base: str, filter_: str) -> Named:
        names = [entry.name for entry in self._search(base, filter_.format("(cn=*)"))]
        raise NotFound(what, name, base, close_to(name, names))


@contextmanager
def assigner(settings: DirectorySettings) -> Iterator[Assigner]:
    """The first server of `directory.uri` that lets us in, ready to be written to. Raises `SourceError`."""
    connection, uri = _connect(settings)
    # Sources read only; this is the one place that may write.
    connection.read_only = False
    try:
        yield Assigner(connection, settings, uri)
    finally:
        close(connection)


def _connect(settings: DirectorySettings) -> tuple[Connection, str]:
    errors = []
    for uri in settings.uris:
        try:
            return connect(settings, uri), uri
        except SourceError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    raise SourceError(settings.base, " | ".join(map(str, errors)), "see directory.uri")


def _named(found: dict[str, Any]) -> Named:
    """A found entry, by the name that the sources read it under."""
    dn = str(found["dn"])
    entry = Entry(dn, normalise(dn), "", "", {"cn": tuple(map(str, found["attributes"].get("cn", ())))})
    return Named(dn, name_of(entry, "cn"))


def _name(entry: Named) -> str:
    return entry.name
