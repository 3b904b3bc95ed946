"""The YAML of Puppet's older fact cache (`yaml/facts/CERTNAME.yaml`), read without making anything of Ruby's.

    --- !ruby/object:Puppet::Node::Facts
    name: web01.lab.test
    values:
      osfamily: Debian
      !ruby/sym _timestamp: 2015-03-11 10:20:30.123456 +01:00     (Puppet 3)
    timestamp: 2026-11-27 03:35:49.566929060 +00:00

It is read from the parser's events: faster than by PyYAML's own constructors, and plain words mean what Ruby meant by
them. Ruby quotes every text that it would itself read as something else; PyYAML would take the bare MAC address
`52:54:00:12:34:56` for a number. Aliases are followed, since Ruby writes them for a text that it has twice.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from errors import FactsError
from facts.facter.document import DEEPEST, LARGEST, MOST, Document, document

_ROOT = "!ruby/object:Puppet::Node::Facts"
_SYMBOLS = frozenset({"!ruby/sym", "!ruby/symbol"})
_TEXTS = frozenset({"!", "!str", "tag:yaml.org,2002:str", "!binary", "tag:yaml.org,2002:binary"})
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,200})")
_FLOAT = re.compile(r"[-+]?\d{1,200}\.\d{1,200}(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_SYMBOL = re.compile(r":[A-Za-z_]\w*")
_SIGNS = frozenset("+-0123456789")
_LAST = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def read_yaml(text: bytes) -> Document:
    """The document that a file of the cache is. Raises `FactsError` with what is wrong with it."""
    if len(text) > LARGEST:
        raise FactsError(f"{len(text)} bytes: expected at most {LARGEST}")
    try:
        raw = _Reader(yaml.parse(text, Loader=yaml.CSafeLoader)).whole()
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise FactsError(f"no YAML ({' '.join(str(error).split())[:200]})") from error
    if isinstance(raw, dict) and isinstance(raw.get("values"), dict):
        stamp = raw["values"].pop("_timestamp", None)
        raw.setdefault("timestamp", stamp)
    return document(raw)


class _Reader:
    """Makes plain data of a parser's events; counts them, so that aliases of aliases make nothing large."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._count = 0

    def whole(self) -> Any:
        """The first document."""
        for event in self._events:
            if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                return self._value(event, 0)
        raise FactsError("it is empty")

    def _value(self, event: yaml.Event, depth: int) -> Any:
        before = self._count
        self._counted(1)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            return self._aliased(event.anchor)
        elif depth > DEEPEST + 1:
            raise FactsError(f"nested too deeply: expected at most {DEEPEST} levels")
        else:
            value = self._collection(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor], self._sizes[anchor] = value, self._count - before
        return value

    def _aliased(self, anchor: str | None) -> Any:
        if anchor is None or anchor not in self._anchors:
            raise FactsError(f"an alias of nothing, or of what holds it: *{anchor}")
        self._counted(self._sizes[anchor])
        return self._anchors[anchor]

    def _collection(self, event: yaml.Event, depth: int) -> Any:
        tag = getattr(event, "tag", None)
        if tag and not (tag == _ROOT and not depth):
            raise FactsError(f"the tag {tag[:80]}: facts are plain data")
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._inner(depth))
        if not isinstance(event, yaml.MappingStartEvent):
            raise FactsError("it ends too early")
        flat = self._inner(depth)
        return {_name(key): value for key, value in zip(flat, flat, strict=True)}

    def _inner(self, depth: int) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, _LAST):
                return
            yield self._value(event, depth + 1)

    def _counted(self, more: int) -> None:
        self._count += more
        # Names count here, and values once more where an alias stands for them.
        if self._count > 3 * MOST:
            raise FactsError(f"too many values: expected at most {MOST}")


def _name(key: Any) -> str:
    """A name of a fact; one that is a number or a word of YAML's is as Ruby's own `to_s` has it."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return "" if key is None else str(key).lower()
    if isinstance(key, int | float):
        return str(key)
    raise FactsError("a name of a fact that is no text")


def _scalar(event: yaml.ScalarEvent) -> Any:
    """What a scalar means. One that is quoted, or a symbol, is text; so is a plain one that is no word of Ruby's."""
    text, tag = event.value, event.tag
    if tag in _SYMBOLS:
        return text
    if tag and tag not in _TEXTS:
        raise FactsError(f"the tag {tag[:80]}: facts are plain data")
    if tag or event.style or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _SIGNS:
        return _number(text)
    # A symbol without a tag: a name as Puppet 3 writes it with a newer Ruby.
    return text[1:] if text[0] == ":" and _SYMBOL.fullmatch(text) else text


def _number(text: str) -> float | str:
    """A number that Ruby writes, else the text: an address, a version."""
    if _INTEGER.fullmatch(text):
        return int(text)
    return _finite(text) if _FLOAT.fullmatch(text) else text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if number - number == 0 else text
