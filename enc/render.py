"""An answer as bytes: one text that JSON parsers and Ruby's YAML read as the same value.

Puppet reads what an ENC prints as YAML: `puppet apply` through libyaml, Puppet Server through SnakeYAML, both
under Psych. JSON is nearly YAML; `docs/decisions/0040-json-as-yaml.md` lists where it is not, what is written
instead, and what is refused because no text says it to all of them.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

DEEPEST = 32
"""Levels of nesting: a JRuby thread's stack ends between 100 and 300 of them, and the Puppet Server with it."""

LONGEST_KEY = 1024
"""Characters of a key as written, quotes included: YAML's limit for a key without a `?` before it."""

LARGEST = 3_000_000
"""Bytes of an answer: SnakeYAML stops at 3,145,728 characters."""

_ENCODER = msgspec.json.Encoder(order="sorted")
_TO_ESCAPE = re.compile("[\x7f-\uffff]")
_SURELY_SHORT = (LONGEST_KEY - 2) // len("\\uffff")


class _Refused(ValueError):
    """A value that has no common spelling; each container on the way out adds its step to `steps`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.steps: list[str | int] = []

    def sentence(self) -> str:
        """`parameters.ntp.servers[2]: why, and what to do`; a step that is long or unprintable is shortened."""
        shown = [f"[{step}]" if isinstance(step, int) else f".{_shown(step)}" for step in reversed(self.steps)]
        return f"{''.join(shown).removeprefix('.') or 'the answer'}: {self.reason}"


def render(answer: Mapping[str, Any]) -> bytes:
    """The answer as canonical JSON (sorted keys, no spaces), to be read as JSON or as YAML.

    It is ASCII, but for characters beyond U+FFFF, for which JSON and YAML have no common escape.
    Raises `ValueError` naming the path (`parameters.ntp.servers[2]`) of a value that cannot be written so
    that every reader sees the same.
    """
    try:
        written = _escaped(_ENCODER.encode(_hash(answer, 1)))
    except _Refused as refused:
        raise ValueError(refused.sentence()) from None
    if len(written) > LARGEST:
        raise ValueError(f"the answer has {len(written)} bytes, and Puppet Server reads {LARGEST}; give it less")
    return written


def _escaped(written: bytes) -> bytes:
    """The JSON text with an escape for each character that YAML forbids, or reads as the locale says."""
    if written.isascii() and b"\x7f" not in written:
        return written
    return _TO_ESCAPE.sub(lambda found: f"\\u{ord(found[0]):04x}", written.decode()).encode()


def _exact(value: Any, depth: int) -> Any:
    """The value in the types that the encoder writes as every reader reads them; `depth` counts its level."""
    kind = type(value)
    if kind is dict or isinstance(value, Mapping):
        return _hash(value, depth)
    if isinstance(value, list | tuple):
        return _array(value, depth)
    if value is None or kind is bool:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    raise _Refused(f"a {kind.__name__} is no JSON value; write it as a string or a number")


def _hash(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    _check_depth(depth)
    exact = dict(value)
    key = ""
    try:
        for key, item in value.items():
            if type(key) is not str or len(key) > _SURELY_SHORT or key == "<<" or not key.isascii():
                _check_key(key)
            if type(item) is not str or not item.isascii():
                exact[key] = _exact(item, depth + 1)
    except _Refused as refused:
        refused.steps.append(str(key))
        raise
    return exact


def _array(value: Sequence[Any], depth: int) -> list[Any]:
    _check_depth(depth)
    exact = list(value)
    index = 0
    try:
        for index, item in enumerate(value):
            if type(item) is not str or not item.isascii():
                exact[index] = _exact(item, depth + 1)
    except _Refused as refused:
        refused.steps.append(index)
        raise
    return exact


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise _Refused(f"nested deeper than {DEEPEST} levels; flatten it")


def _check_key(key: object) -> None:
    if type(key) is not str:
        raise _Refused(f"the key is a {type(key).__name__}; write it as a string")
    if key == "<<":
        raise _Refused("Ruby's YAML merges what stands under a key << into its parent; choose another key")
    if len(_escaped(_ENCODER.encode(_text(key))).decode()) > LONGEST_KEY:
        raise _Refused(f"the key is longer than YAML's {LONGEST_KEY} characters; shorten it")


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Refused("half of a surrogate pair is no character; remove it") from None
    return str.__str__(value)


def _integer(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise _Refused("Puppet's Integer has 64 bits; write it as a string")
    return int(value)


def _float(value: float) -> msgspec.Raw:
    """A float as YAML 1.1 spells it: with a point, and with a sign in its exponent (`1.0e+22`)."""
    if not math.isfinite(value):
        raise _Refused(f"{value} is no JSON number; write it as a string")
    digits, exponent, power = float.__repr__(value).partition("e")
    point = "" if "." in digits else ".0"
    return msgspec.Raw(f"{digits}{point}{exponent}{power}".encode())


def _shown(step: str) -> str:
    short = step if len(step) <= 60 else step[:57] + "..."
    return short if short.isprintable() else ascii(short)
