"""A report as it waits in the spool: three parts, which anybody can read.

    {"kind":"report","version":1,"received":1764244200.5,"form":"puppet","site":"angers","hypervisor":"hv1.lab.test"}
    --- !ruby/object:Puppet::Transaction::Report
    …
    {"sha256":"…"}

The checksum is over all that stands before it. The body is as it came from the wire, with a newline after it.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from reports.report import Place

Form = Literal["puppet", "foreman"]
"""Who wrote a report's body: Puppet's `http` and `store` processors (YAML), or Foreman's report processor (JSON)."""


class Entry(Struct, frozen=True):
    """A report that was received (seconds since the epoch), with its form and where its node was then."""

    body: bytes
    form: Form
    received: float
    place: Place = Place()


class _Head(Struct, frozen=True):
    kind: Literal["report"]
    version: Literal[1]
    received: float
    form: Form
    site: str = ""
    hypervisor: str = ""


class _Foot(Struct, frozen=True):
    sha256: str


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_foot = msgspec.json.Decoder(_Foot).decode


def encode(entry: Entry) -> tuple[bytes, ...]:
    """The pieces of an entry's file."""
    head = msgspec.json.encode(_Head("report", 1, entry.received, entry.form, entry.place.site, entry.place.hypervisor))
    pieces = (head, b"\n", entry.body, b"\n")
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return (*pieces, msgspec.json.encode(_Foot(digest.hexdigest())), b"\n")


def decode(text: bytes) -> Entry:
    """The entry in a file. Raises `ValueError` with what is wrong with it."""
    whole, newline, foot = text.removesuffix(b"\n").rpartition(b"\n")
    whole += newline
    try:
        told = _decode_foot(foot).sha256
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError("is cut short: it does not end with its checksum") from error
    if told != hashlib.sha256(whole).hexdigest():
        raise ValueError("does not match its checksum")
    head, _, rest = whole.partition(b"\n")
    try:
        read = _decode_head(head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"does not begin with a header that is known here: {error}") from error
    return Entry(rest[:-1], read.form, read.received, Place(read.site, read.hypervisor))
