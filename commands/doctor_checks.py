"""What `enclume doctor` says of one thing: how it is, and what to do."""

from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warn", "bad"]


class Check(Struct, frozen=True):
    """One thing looked at: its area, whether it is well, and a sentence with what to do if it is not."""

    level: Level
    area: str
    sentence: str


def ok(area: str, sentence: str) -> Check:
    """It is well."""
    return Check("ok", area, sentence)


def warn(area: str, sentence: str) -> Check:
    """It works, and something should be done."""
    return Check("warn", area, sentence)


def bad(area: str, sentence: str) -> Check:
    """It does not work."""
    return Check("bad", area, sentence)
