"""What the service and its inventory child say to each other: one JSON value a line."""

import msgspec
from msgspec import Struct

from facts.inventory.domains import HypervisorTarget
from facts.inventory.statistics import HypervisorStatistics


class Watch(Struct, frozen=True):
    """To the child: observe exactly these from now on. All times in seconds; `statistics` 0 is never."""

    targets: tuple[HypervisorTarget, ...]
    deadline: float
    interval: float
    allow_test: bool = False
    statistics: float = 0.0


class Observed(Struct, frozen=True, tag="observed"):
    """From the child: the target is not as it was. `seen` is a `HypervisorSeen` as JSON; `took`: seconds that its
    reading took.
    """

    target: HypervisorTarget
    read_at: float
    seen: msgspec.Raw
    took: float = 0.0


class Confirmed(Struct, frozen=True, tag="confirmed"):
    """From the child, at least once a second: when each of these was last read and found as it was, and how many
    seconds that took.
    """

    read_at: dict[str, float]
    took: dict[str, float] = {}


class Failed(Struct, frozen=True, tag="failed"):
    """From the child: the target could not be read."""

    target: HypervisorTarget
    at: float
    reason: str


class Measured(Struct, frozen=True, tag="measured"):
    """From the child: what the target's statistics are now."""

    target: HypervisorTarget
    seen: HypervisorStatistics


class Unmeasured(Struct, frozen=True, tag="unmeasured"):
    """From the child: the target's statistics could not be read."""

    target: HypervisorTarget
    reason: str


Message = Observed | Confirmed | Failed | Measured | Unmeasured

encode = msgspec.json.encode
decode_watch = msgspec.json.Decoder(Watch).decode
decode_message = msgspec.json.Decoder(Message).decode
