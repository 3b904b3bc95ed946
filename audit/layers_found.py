"""What the check of the layers finds: paths, cycles, and what only guests provide."""

from msgspec import Struct

from audit.needs import Effect, Ground
from audit.paths import LeftOut, Path


class Cycle(Struct, frozen=True):
    """Parts outside of guests of which each waits for the next to start, and the last for the first."""

    site: str
    hosts: tuple[str, ...]
    text: str


class GuestsOnly(Struct, frozen=True):
    """What layer 1 of a site needs and only guests provide: the worst that its absence does there, and who needs it."""

    site: str
    what: str
    effect: Effect
    guests: tuple[str, ...]
    users: tuple[str, ...]


class Layers(Struct, frozen=True):
    """All that is known of the layers."""

    ground: Ground
    paths: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    cycles: tuple[Cycle, ...]
    guests_only: tuple[GuestsOnly, ...]
