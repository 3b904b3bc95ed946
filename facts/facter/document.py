"""A document of facts: what Facter prints, what Puppet's fact cache holds, what PuppetDB is sent.

    {"os": {"family": "Debian"}, …}                                  facter --json, puppet facts show
    {"name": "web01", "values": {…}, "timestamp": "2026-11-22T…"}    puppet facts find, server_data/facts/*.json
    {"certname": "web01", "values": {…}, "producer_timestamp": …}    PuppetDB's "replace facts"

In the first form nobody says whose facts they are, nor when they were gathered.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from errors import FactsError

LARGEST = 2 * 2**20
"""Most bytes of one node's facts; a host with a thousand containers has about one million."""
DEEPEST = 32
MOST = 50_000
"""Most values of one node's facts, those in lists and hashes included."""
LONGEST_NAME = 1024

_AHEAD = 5.0
_TIME = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?\d*\s*(Z|UTC|[+-]\d\d:?(?:\d\d)?)?\s*", re.IGNORECASE
)


class Document(Struct, frozen=True):
    """Facts, whose they are ("" where nobody says), and when they were gathered as they say it (seconds since the
    epoch, 0 where they do not).
    """

    name: str
    values: Mapping[str, Any]
    written_at: float = 0.0

    def gathered_at(self, received_at: float) -> float:
        """When they were gathered, as far as that can be believed of facts that were there at `received_at`: none were
        gathered later.
        """
        return self.written_at if 0 < self.written_at <= received_at + _AHEAD else received_at


def read_json(text: bytes) -> Document:
    """The document that a JSON text is. Raises `FactsError` with what is wrong with it."""
    if len(text) > LARGEST:
        raise FactsError(f"{len(text)} bytes: expected at most {LARGEST}")
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FactsError(f"no JSON ({_one_line(error)})") from error
    except RecursionError as error:
        raise FactsError(f"nested too deeply: expected at most {DEEPEST} levels") from error
    return document(raw)


def document(raw: Any) -> Document:
    """The document that plain data are, in any of the three forms. Raises `FactsError`."""
    if not isinstance(raw, Mapping):
        raise FactsError("expected an object of facts by their names")
    values, name = raw.get("values"), raw.get("name", raw.get("certname"))
    if isinstance(values, Mapping) and isinstance(name, str):
        check(values)
        return Document(name, values, time_of(raw.get("timestamp", raw.get("producer_timestamp"))))
    check(raw)
    return Document("", raw)


def check(values: Mapping[str, Any]) -> None:
    """Refuse what is too deep, too much, or has names that are no text. Raises `FactsError`."""
    waiting: list[tuple[Any, int]] = [(values, 1)]
    count = 0
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, Mapping):
            if any(not isinstance(name, str) or len(name) > LONGEST_NAME for name in found):
                raise FactsError(f"a name of a fact that is no text of at most {LONGEST_NAME} letters")
            inner = list(found.values())
        elif isinstance(found, list):
            inner = found
        else:
            continue
        count += len(inner)
        if count > MOST:
            raise FactsError(f"too many values: expected at most {MOST}")
        if depth > DEEPEST:
            raise FactsError(f"nested too deeply: expected at most {DEEPEST} levels")
        waiting += [(one, depth + 1) for one in inner]


def time_of(stamp: Any) -> float:
    """A timestamp in seconds since the epoch; 0 for what is none. Without a zone it is UTC.

    Ruby writes nanoseconds, with `T` or a blank before the time, and with one or none before the zone.
    """
    if isinstance(stamp, int | float) and not isinstance(stamp, bool):
        return float(stamp) if 0 < stamp < 1e11 else 0.0
    found = _TIME.fullmatch(stamp) if isinstance(stamp, str) else None
    if found is None:
        return 0.0
    day, time, fraction, zone = found.groups()
    zone = "+00:00" if not zone or zone.upper() in {"Z", "UTC"} else zone
    try:
        at = datetime.fromisoformat(f"{day}T{time}{fraction or ''}{zone}")
        return max(0.0, at.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return 0.0


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
