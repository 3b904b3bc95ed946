"""The view: what the checks of more than one host look at, and the groups that they judge."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import Struct

from audit.picture import Picture
from audit.pictures import Pictures
from audit.situation import Situation
from audit.verdict import Judged
from settings.thresholds import Thresholds

HostAudit = Callable[[Picture, Thresholds, float], Judged]
"""Judges one host: its picture, the thresholds that hold for it, and the time."""


class View(Struct, frozen=True):
    """What the checks of more than one host look at."""

    situation: Situation
    pictures: Pictures

    @property
    def at(self) -> float:
        """The time for which is judged (seconds since the epoch)."""
        return self.situation.at


class Group(NamedTuple):
    """Something that is judged as a whole: a site, a server, a mirror, a source.

    `key` is its own within its check; `inputs` are all that its verdicts rest on but the time: while they are equal,
    it is not judged again.
    """

    key: str
    inputs: tuple[Any, ...]
    judge: Callable[[], Judged]


GroupAudit = Callable[[View], Iterable[Group]]
