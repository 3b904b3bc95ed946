"""What LDAP's Content Synchronization (RFC 4533) and paged results (RFC 2696) say inside their controls.

The values are BER by declared specifications. The cookie is OpenLDAP's: `rid=…,csn=CSN;CSN`, where a CSN's third
field names the server that it comes from; cookies of other servers are kept as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type.namedtype import DefaultedNamedType, NamedType, NamedTypes, OptionalNamedType
from pyasn1.type.tag import Tag, tagClassContext, tagFormatConstructed, tagFormatSimple
from pyasn1.type.univ import Boolean, Choice, Enumerated, Integer, OctetString, Sequence, SetOf

SYNC_REQUEST = "1.3.6.1.4.1.4203.1.9.1.1"
SYNC_STATE = "1.3.6.1.4.1.4203.1.9.1.2"
PAGED = "1.2.840.113556.1.4.319"

PRESENT, ADD, MODIFY, DELETE = range(4)
_REFRESH_AND_PERSIST = 3


class SyncInfo(Struct, frozen=True):
    """A Sync Info message. `uuids` are present, or with `deletes` gone; `done` ends the refresh.

    `phase` is the message's own name: newcookie, refreshDelete, refreshPresent or syncIdSet.
    """

    phase: str
    cookie: bytes | None
    done: bool = False
    deletes: bool = False
    uuids: tuple[bytes, ...] = ()


def _tagged(spec: Any, number: int, kind: int = tagFormatConstructed) -> Any:
    return spec.subtype(implicitTag=Tag(tagClassContext, kind, number))


class _SyncRequest(Sequence):
    componentType = NamedTypes(
        NamedType("mode", Enumerated()),
        OptionalNamedType("cookie", OctetString()),
        DefaultedNamedType("reloadHint", Boolean(False)),
    )


class _SyncState(Sequence):
    componentType = NamedTypes(
        NamedType("state", Enumerated()),
        NamedType("entryUUID", OctetString()),
        OptionalNamedType("cookie", OctetString()),
    )


class _RefreshEnd(Sequence):
    componentType = NamedTypes(
        OptionalNamedType("cookie", OctetString()), DefaultedNamedType("refreshDone", Boolean(True))
    )


class _SyncIdSet(Sequence):
    componentType = NamedTypes(
        OptionalNamedType("cookie", OctetString()),
        DefaultedNamedType("refreshDeletes", Boolean(False)),
        NamedType("syncUUIDs", SetOf(componentType=OctetString())),
    )


class _SyncInfo(Choice):
    componentType = NamedTypes(
        NamedType("newcookie", _tagged(OctetString(), 0, tagFormatSimple)),
        NamedType("refreshDelete", _tagged(_RefreshEnd(), 1)),
        NamedType("refreshPresent", _tagged(_RefreshEnd(), 2)),
        NamedType("syncIdSet", _tagged(_SyncIdSet(), 3)),
    )


class _Paged(Sequence):
    componentType = NamedTypes(NamedType("size", Integer()), NamedType("cookie", OctetString()))


def sync_request(cookie: bytes | None) -> bytes:
    """The request control's value: refresh, then persist; resumed where `cookie` stands."""
    value = _SyncRequest()
    value["mode"] = _REFRESH_AND_PERSIST
    if cookie is not None:
        value["cookie"] = cookie
    return bytes(encoder.encode(value))


def sync_state(value: bytes) -> tuple[int, bytes, bytes | None]:
    """State, entryUUID and cookie of one entry. Raises ValueError when it is no such value."""
    decoded = _decode(value, _SyncState())
    return int(decoded["state"]), bytes(decoded["entryUUID"]), _optional(decoded["cookie"])


def sync_info(value: bytes) -> SyncInfo:
    """What a Sync Info message says. Raises ValueError when it is none."""
    choice = _decode(value, _SyncInfo())
    phase = str(choice.getName())
    body = choice.getComponent()
    if phase == "newcookie":
        return SyncInfo(phase, bytes(body))
    if phase == "syncIdSet":
        uuids = tuple(bytes(uuid) for uuid in body["syncUUIDs"])
        return SyncInfo(phase, _optional(body["cookie"]), deletes=bool(body["refreshDeletes"]), uuids=uuids)
    return SyncInfo(phase, _optional(body["cookie"]), done=bool(body["refreshDone"]))


def page_request(size: int, cookie: bytes) -> bytes:
    """The paged results control's value that asks for the page after `cookie` (b"" for the first)."""
    value = _Paged()
    value["size"], value["cookie"] = size, cookie
    return bytes(encoder.encode(value))


def page_cookie(value: bytes) -> bytes:
    """Where the next page begins, b"" after the last. Raises ValueError when it is no such value."""
    return bytes(_decode(value, _Paged())["cookie"])


def merge_cookies(old: bytes | None, new: bytes) -> bytes:
    """The cookie that knows what both know: with several providers a cookie names only the one that changed."""
    known, fresh = csns(old), csns(new)
    if not known or not fresh:
        return new
    newest = {sid: max(known.get(sid, ""), fresh.get(sid, "")) for sid in known | fresh}
    return b"rid=000,csn=" + ";".join(newest[sid] for sid in sorted(newest)).encode()


def csns(cookie: bytes | None) -> dict[str, str]:
    """The CSNs of an OpenLDAP cookie by server ID; {} for another server's cookie."""
    text = (cookie or b"").decode("ascii", "replace")
    fields = dict(field.partition("=")[::2] for field in text.split(","))
    return by_server(fields.get("csn", "").split(";"))


def by_server(values: Iterable[str]) -> dict[str, str]:
    """CSNs (a cookie's, or the values of contextCSN) by the server ID in them."""
    return {csn.split("#")[2]: csn for csn in values if csn.count("#") == 3}


def reached(cookie: bytes | None, context: Mapping[str, str]) -> bool:
    """Whether a cookie stands at, or after, contextCSN (as `by_server` gives it)."""
    known = csns(cookie)
    return all(known.get(sid, "") >= csn for sid, csn in context.items())


def _decode(value: bytes, spec: Any) -> Any:
    try:
        decoded, rest = decoder.decode(value, asn1Spec=spec)
    except PyAsn1Error as error:
        raise ValueError(f"no {type(spec).__name__.strip('_')}: {error}") from error
    if rest:
        raise ValueError(f"{len(rest)} bytes after a {type(spec).__name__.strip('_')}")
    return decoded


def _optional(value: Any) -> bytes | None:
    return bytes(value) if value.hasValue() else None
