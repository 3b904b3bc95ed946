"""Reports that were kept aside and had to go, since all of those together were larger than `reports.rejected_bytes`.

`SPOOL/rejected/lost.json` counts them until somebody removes it:

    {"count":163,"since":1764244200.5,"at":1764247800.5,"certname":"web01.lab.test","reason":"cannot be read: …"}
"""

import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

NAME = "lost.json"
UNKNOWN = "its reason cannot be read"
_NODES = 10
"""So many nodes are named of those whose reports went at one time; of a flood there may be thousands."""


class Lost(Struct, frozen=True):
    """A report that had to go: whose it was ("" where it does not say), and why it was kept aside."""

    certname: str
    reason: str


class Losses(Struct, frozen=True):
    """So many had to go, the first at `since`, the last `at` (seconds since the epoch); whose the last was, and why."""

    count: int
    since: float
    at: float
    certname: str
    reason: str


_decode = msgspec.json.Decoder(Losses).decode


def read(folder: Path) -> Losses | None:
    """What was noted; None for nothing, or for what makes no sense. Raises `OSError`."""
    try:
        return _decode((folder / NAME).read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def note(folder: Path, lost: Sequence[Lost], now: float) -> None:
    """Add these to the others. A disk that does not take it has only the log and the count to tell of them."""
    new = folder / f".{NAME}"
    with contextlib.suppress(OSError):
        before = read(folder)
        count, since = (before.count, before.since) if before else (0, now)
        last = lost[-1]
        with new.open("wb") as file:
            file.write(msgspec.json.encode(Losses(count + len(lost), since, now, last.certname, last.reason)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / NAME)


def sentences(lost: Sequence[Lost]) -> tuple[str, ...]:
    """How many of each node, and why its last one was kept aside."""
    many, why = Counter(one.certname for one in lost), {one.certname: one.reason or UNKNOWN for one in lost}
    named = many.most_common(_NODES)
    told = tuple(f"{count} of {name or 'unknown nodes'}, the last: {why[name]}" for name, count in named)
    others = len(lost) - sum(count for _, count in named)
    return (*told, f"{others} of others") if others else told
