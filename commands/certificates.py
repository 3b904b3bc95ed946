"""How long certificates and revocation lists (X.509, PEM) are good for."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

from errors import SettingsError

_BLOCK = re.compile(r"-----BEGIN (CERTIFICATE|X509 CRL)-----(.+?)-----END \1-----", re.DOTALL)


class Validity(Struct, frozen=True):
    """When something begins and ceases to be good. A revocation list need not say when a newer one comes."""

    begins: datetime
    ends: datetime | None


def validities(file: str) -> list[Validity]:
    """Of every certificate or revocation list in a PEM file, in its order. Raises `SettingsError` naming the file."""
    try:
        text = Path(file).read_text(encoding="ascii")
    except OSError as error:
        raise SettingsError(file, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(file, "", "expected PEM") from error
    try:
        found = list(_validities(text))
    except (ValueError, IndexError, PyAsn1Error) as error:
        raise SettingsError(file, "", f"holds a certificate or revocation list that cannot be read: {error}") from error
    if not found:
        raise SettingsError(file, "", "expected at least one certificate or revocation list in PEM form")
    return found


def _validities(text: str) -> Iterator[Validity]:
    for kind, body in _BLOCK.findall(text):
        signed: Any = decoder.decode(base64.b64decode(body))[0][0]
        times = [_time(field) for field in _times(signed, certificate=kind == "CERTIFICATE")]
        yield Validity(times[0], times[1] if len(times) > 1 else None)


def _times(signed: Any, *, certificate: bool) -> list[Any]:
    """The two times of a certificate's validity (RFC 5280, 4.1), or a list's thisUpdate and nextUpdate (5.1)."""
    parts = _parts(signed)
    if certificate:
        # The one part that consists of times.
        parts = [time for part in parts if len(_parts(part)) == 2 for time in _parts(part)]
    times = [part for part in parts if _is_time(part)]
    if not times:
        raise ValueError("it says no time")
    return times


def _parts(sequence: Any) -> list[Any]:
    """The components of an ASN.1 sequence; of anything else, none. Two times of one type are read as a SEQUENCE OF."""
    if type(sequence).__name__ not in ("Sequence", "SequenceOf"):
        return []
    return [sequence[number] for number in range(len(sequence))]


def _is_time(field: Any) -> bool:
    return type(field).__name__ in ("UTCTime", "GeneralizedTime")


def _time(field: Any) -> datetime:
    moment: datetime = field.asDateTime
    return moment.astimezone(UTC)
