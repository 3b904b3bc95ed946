"""Times as people give them on a command line: how long ago, or when."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import click

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGO = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d|w)", re.ASCII)
_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
EXPECTED = "expected how long ago (90min, 12h, 2d, 1w) or when in UTC (2026-11-26, 2026-11-26T02:10)"


class Instant(click.ParamType[float]):
    """How long ago, or when in UTC, as seconds since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds since the epoch."""
        if isinstance(value, float):
            return value
        found = instant(str(value), time.time())
        return self.fail(f"{value!r}: {EXPECTED}", param, ctx) if found is None else found


def instant(text: str, now: float) -> float | None:
    """Seconds since the epoch of what a text says; None when it says nothing."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return max(0.0, now - float(ago[1]) * _UNITS[ago[2]])
    for form in _FORMATS:
        try:
            when = datetime.strptime(text.strip().removesuffix("Z"), form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
        return when if when >= 0 else None
    return None
