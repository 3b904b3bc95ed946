"""Searches over an established connection, read message by message as they come, for load and sync.

ldap3's own strategies hold a whole answer back, or read in a thread that knows no deadline; `Link` reads ldap3's
socket itself, with ldap3's fast decoder, and holds nothing up.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import ldap3
from ldap3.operation.search import search_operation
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.strategy.base import BaseStrategy
from ldap3.utils.asn1 import decode_message_fast
from msgspec import Struct
from pyasn1.codec.der.encoder import encode

from errors import SourceError
from facts.directory import failures
from facts.directory.attributes import left_out
from facts.directory.connection import NOT_LDAP
from facts.directory.entries import Entry
from facts.directory.names import normalise

ENTRY, DONE, INTERMEDIATE = 4, 5, 25
"""Tags of the operations that matter here (RFC 4511, appendix B); others are passed over."""
Control = tuple[str, bool, bytes]
Depth = Literal["BASE", "SUBTREE"]

_CHUNK = 64 * 1024
_LONGEST = 64 * 1024 * 1024


class Message(Struct, frozen=True):
    """One LDAP message: its request's ID, its operation's tag, its body as ldap3's fast decoder gives it, controls."""

    request: int
    operation: int
    body: Any
    controls: dict[str, bytes]

    @property
    def result(self) -> tuple[int, str]:
        """LDAP result code and the server's words, of a message that ends an operation."""
        return int(self.body[0][3]), bytes(self.body[2][3]).decode("utf-8", "replace")

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attributes by lower-case name, of an entry: values that are no UTF-8 are left out."""
        return {
            _name(name[3]): _texts([value[3] for value in values[3]]) for _, _, _, (name, values) in self.body[1][3]
        }

    def entry(self, uuid: bytes | None = None) -> Entry:
        """The entry in a search result; its entryUUID where sync told of it."""
        dn = bytes(self.body[0][3]).decode("utf-8", "replace")
        found = self.attributes
        own = str(UUID(bytes=uuid)) if uuid else next(iter(found.get("entryuuid", ())), "")
        csn = next(iter(found.get("entrycsn", ())), "")
        shown = {name: values for name, values in found.items() if values and not left_out(name)}
        return Entry(dn, _key(dn), own, csn, shown, _spelling(tuple([part[3][0][3] for part in self.body[1][3]])))

    @property
    def info(self) -> bytes:
        """The value of an intermediate response."""
        return next((bytes(part[3]) for part in self.body if part[2] == 1), b"")


class Link:
    """A bound connection whose answers are read as they come; one thread uses it."""

    def __init__(self, connection: ldap3.Connection, target: str, deadline: float) -> None:
        self.target = target
        self._connection, self._deadline = connection, deadline
        self._socket = connection.socket
        self._unread = b""
        self._ready: list[Message] = []

    def search(self, base: str, filter_: str, attributes: Sequence[str], with_controls: Sequence[Control]) -> int:
        """Search the subtree (aliases are never followed); the ID that the answers will carry."""
        return self._search(base, ldap3.SUBTREE, filter_, attributes, with_controls)

    def look_at(self, base: str, attributes: Sequence[str]) -> int:
        """Search one entry; the ID that the answers will carry."""
        return self._search(base, ldap3.BASE, "(objectClass=*)", attributes, ())

    def _search(
        self, base: str, depth: Depth, filter_: str, attributes: Sequence[str], with_controls: Sequence[Control]
    ) -> int:
        request = search_operation(
            base, filter_, depth, ldap3.DEREF_NEVER, list(attributes), 0, 0, False, auto_escape=True, auto_encode=True
        )
        number = int(self._connection.server.next_message_id())
        message = LDAPMessage()
        message["messageID"] = MessageID(number)
        message["protocolOp"] = ProtocolOp().setComponentByName("searchRequest", request)
        if with_controls:
            message["controls"] = build_controls_list(list(with_controls))
        self._send(bytes(encode(message)))
        return number

    def read(self, timeout: float) -> list[Message]:
        """The messages that came within `timeout` seconds, as soon as there are any; none may be whole yet.

        What `answers` left, because its reader had enough, comes first. Raises as `receive` does.
        """
        if self._ready:
            messages, self._ready = self._ready, []
            return messages
        return self.receive(timeout)

    def receive(self, timeout: float) -> list[Message]:
        """The next messages from the server, as `read` gives them.

        Raises `SourceError` when the connection broke or carries no LDAP.
        """
        chunk = self._receive(timeout)
        if chunk is None:
            return []
        if not chunk:
            raise failures.network(self.target, [ConnectionResetError()])
        self._unread += chunk
        try:
            return list(self._whole_messages())
        except NOT_LDAP as error:
            raise SourceError(
                self.target, "the server sent what is no LDAP", "is this an LDAP server's port?"
            ) from error

    def answers(self, request: int, during: str) -> Iterator[Message]:
        """The answers to one request up to its end. Raises `SourceError` when the server says nothing for too long."""
        while True:
            pending = self._unread
            messages = self.read(self._deadline)
            if not messages and self._unread == pending:
                raise failures.silent(self.target, during)
            for place, message in enumerate(messages, 1):
                if message.request == request:
                    # What came in one piece with the last answer that is wanted may be the first change after it.
                    self._ready = messages[place:]
                    yield message
                    if message.operation == DONE:
                        return
            self._ready = []

    def ask(self, base: str, attributes: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """One entry's attributes by lower-case name; {} when it is not there or may not be read."""
        found: dict[str, tuple[str, ...]] = {}
        for message in self.answers(self.look_at(base, attributes), f"reading {base or 'the root DSE'}"):
            if message.operation == ENTRY:
                found = message.attributes
        return found

    def _receive(self, timeout: float) -> bytes | None:
        try:
            self._socket.settimeout(timeout)
            return bytes(self._socket.recv(_CHUNK))
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            if type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError"):
                return None
            raise failures.network(self.target, [error]) from error

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._deadline)
            self._socket.sendall(data)
        except OSError as error:
            raise failures.network(self.target, [error]) from error

    def _whole_messages(self) -> Iterator[Message]:
        data, start = self._unread, 0
        while True:
            size = BaseStrategy.compute_ldap_message_size(data[start : start + 8])  # type: ignore[no-untyped-call]
            if size > _LONGEST:
                raise IndexError("an LDAP message of this size is none")
            if size == -1 or start + size > len(data):
                self._unread = data[start:]
                return
            message = _message(data[start : start + size])
            start += size
            if message.request == 0:
                # Only a notice of disconnection comes unasked (RFC 4511, 4.4.1).
                raise failures.network(self.target, [ConnectionResetError()])
            yield message


def _message(data: bytes) -> Message:
    raw = decode_message_fast(data)  # type: ignore[no-untyped-call]
    found: dict[str, bytes] = {}
    for _, _, _, control in raw["controls"] or ():
        found[control[0][3].decode("ascii")] = control[-1][3] if len(control) > 1 else b""
    return Message(raw["messageID"], raw["protocolOp"], raw["payload"], found)


@lru_cache(maxsize=4096)
def _name(name: bytes) -> str:
    return name.decode("utf-8", "replace").lower()


@lru_cache(maxsize=4096)
def _spelling(names: tuple[bytes, ...]) -> Mapping[str, str]:
    """The server's spelling of these names, where it is not lower case: one value for all entries that have them."""
    spelled = {_name(name): name.decode("utf-8", "replace") for name in names}
    return {name: spelled[name] for name in spelled if not left_out(name) and name != spelled[name]}


def _texts(values: list[bytes]) -> tuple[str, ...]:
    try:
        return tuple([value.decode() for value in values])
    except UnicodeDecodeError:
        return tuple(value.decode() for value in values if _readable(value))


def _readable(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _key(dn: str) -> str:
    """The DN normalised; one that RFC 4514 does not know stays as it is, in lower case, and hurts no other entry."""
    try:
        return normalise(dn)
    except ValueError:
        return dn.lower()
