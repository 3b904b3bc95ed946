"""A metric family, and the text of its samples.

The format is Prometheus's text format 0.0.4:
https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Type = Literal["gauge", "counter", "histogram"]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Family(Struct, frozen=True):
    """One metric: its name, its type, its help, and its labels in their order."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()

    @property
    def header(self) -> bytes:
        """What stands before its samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n".encode()

    def line(self, value: float, *labels: str) -> str:
        """One sample; the labels' values in their order."""
        named = ",".join(f'{name}="{escape(given)}"' for name, given in zip(self.labels, labels, strict=True))
        return f"{self.name}{{{named}}} {number(value)}\n" if named else f"{self.name} {number(value)}\n"


Rendered = Mapping[Family, str]
"""The samples of some families, whole lines."""


def gauge(name: str, *labels: str, tells: str) -> Family:
    """A gauge of ours; `name` without the prefix that all have."""
    return Family(f"enclume_{name}", "gauge", tells, labels)


def counter(name: str, *labels: str, tells: str) -> Family:
    """A counter of ours; `name` without the prefix that all have."""
    return Family(f"enclume_{name}", "counter", tells, labels)


def escape(value: str) -> str:
    """A label's value as it stands between its quotes."""
    return value if value.isalnum() else value.translate(_ESCAPES)


def number(value: float) -> str:
    """A sample's value: whole numbers without a fraction, else the shortest text that is the same number."""
    if value != value or value in (_INFINITY, -_INFINITY):  # noqa: PLR0124 - NaN alone differs from itself
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124
    return str(int(value)) if value == int(value) and abs(value) < _EXACT else repr(float(value))


_INFINITY = float("inf")
_EXACT = 2**63
