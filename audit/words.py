"""How verdicts say times, spans, sizes and lists in a sentence."""

from collections.abc import Iterable
from functools import lru_cache
from time import gmtime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_HUNDRED = 100
_TWO_DAYS, _TWO_HOURS, _TWO_MINUTES = 172800, 7200, 120


def when(seconds: float) -> str:
    """A time (seconds since the epoch) to the minute: "2026-11-26 02:10 UTC"; "never" for 0."""
    return _minute(int(seconds // 60)) if seconds else "never"


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> str:
    time = gmtime(minutes * 60)
    return f"{time.tm_year:04}-{time.tm_mon:02}-{time.tm_mday:02} {time.tm_hour:02}:{time.tm_min:02} UTC"


@lru_cache(maxsize=256)
def span(seconds: float) -> str:
    """A length of time in the unit that suits it: "26 h", "8 d"."""
    for unit, size, least in (("d", 86400, _TWO_DAYS), ("h", 3600, _TWO_HOURS), ("min", 60, _TWO_MINUTES)):
        if seconds >= least:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:.3g} s"


def size(count: float) -> str:
    """A number of bytes in the unit that suits it: "4.2 GiB"."""
    step = 0
    while count >= _STEP and step < len(_UNITS) - 1:
        count, step = count / _STEP, step + 1
    return f"{count:.0f} {_UNITS[step]}" if count >= _HUNDRED or not step else f"{count:.3g} {_UNITS[step]}"


def names(listed: Iterable[str], most: int = 8) -> str:
    """A list in words: "a, b and c"; of many, the first few and how many more there are."""
    known = list(listed)
    if len(known) > most:
        known = [*known[:most], f"{len(known) - most} more"]
    return " and ".join(filter(None, (", ".join(known[:-1]), *known[-1:])))


def counted(number: int, what: str) -> str:
    """So many of something: "1 node", "3 nodes"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
