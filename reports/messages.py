"""What the service and its intake child say to each other: one JSON value a line. Times in seconds."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from facts.puppet import Run


class Begin(Struct, frozen=True):
    """To the child, once: which spool it reads into which database, how long runs are kept, how much of what makes no
    sense; and how many children before it ended in a row, of which only the first had lived for long.
    """

    spool: str
    database: str
    keep_days: float
    rejected_bytes: int
    ends: int = 0


LOOK = b'"look"'
"""To the child, any number of times: there is something new in the spool."""


class Forget(Struct, frozen=True):
    """To the child, any number of times: remove all that the history has of this node."""

    forget: str


class Lives(Struct, frozen=True, tag="lives"):
    """From the child, once a second: what goes wrong ("" when nothing does), whether the spool is its to read, and
    until when it was read (seconds since the epoch): of reports that came before that, none waits.
    """

    problem: str = ""
    is_reading: bool = False
    read_until: float = 0.0


class Spooled(Struct, frozen=True, tag="spooled"):
    """From the child, each time that it has looked: so many reports of so many bytes wait."""

    count: int
    bytes: int


class Drained(Struct, frozen=True, tag="drained"):
    """From the child: so many reports of so many bytes have left the spool. `stored` of them are new in the history;
    `rejected` were kept aside, by reason, `sentences` say why some of these were, and `lost` of which nodes those were
    that had to go for them.
    """

    count: int
    bytes: int
    stored: int = 0
    rejected: Mapping[str, int] = {}
    sentences: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Known(Struct, frozen=True, tag="known"):
    """From the child, in pieces: the last run of every node. Those of all pieces since the last `is_whole` count."""

    runs: tuple[Run, ...]
    is_whole: bool


class Ran(Struct, frozen=True, tag="ran"):
    """From the child: nodes that have a newer last run."""

    runs: tuple[Run, ...]


class Forgotten(Struct, frozen=True, tag="forgotten"):
    """From the child: the history has nothing of this node any more."""

    certname: str


Message = Lives | Spooled | Drained | Known | Ran | Forgotten

encode = msgspec.json.encode
decode_begin = msgspec.json.Decoder(Begin).decode
decode_told = msgspec.json.Decoder(Literal["look"] | Forget).decode
decode_message = msgspec.json.Decoder(Message).decode
