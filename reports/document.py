"""A YAML document as plain data: text, None, lists, and mappings by text. No object of Ruby or Python is ever made.

A tag decides nothing here: `!ruby/object:Puppet::Util::Log` is read as the mapping that stands below it, `!ruby/sym x`
as `x`. So are all others, for old reports carry whatever classes a site's own providers use, and a tag that makes
nothing can do no harm. One alone counts: what Ruby marks as Sensitive is read as `[redacted]`.

Everything is text as the document has it (`0644`, `1e3`, `yes`, `2024-01-02`): who asks for a number or a time reads it
as one. Only a plain `null`, `~` or nothing is None, and a plain `:name` is the name, as Ruby reads it.

The limits bound the time and the memory that a document may cost: its bytes, its depth, and its weight, which counts
what each text takes as JSON and `NODE` for each value, with every alias written out. An alias itself costs nothing,
since it is the same object again; its weight counts all the same, so that nobody who writes the value out can be made
to write much.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from errors import ReportError

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_WEIGHT = 48 * 1024 * 1024
NODE = 32
"""What a value weighs beside its text: about the memory of a short one."""

REDACTED = "[redacted]"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_as_json = msgspec.json.Encoder().encode
_GZIP = b"\x1f\x8b"


class Document(NamedTuple):
    """A document's content, and the tag at its root ("" for none)."""

    tag: str
    content: Any


def read(body: bytes) -> Document:
    """The first document of a text. Raises `ReportError` with the line and the column."""
    _check(body)
    loader = yaml.CSafeLoader(body)
    try:
        return _Growing().grown(loader.get_event)
    except yaml.YAMLError as error:
        raise ReportError(_said(error)) from None
    finally:
        loader.dispose()


def _check(body: bytes) -> None:
    """Refuse what need not be parsed. Directives are refused too, which Ruby never writes: libyaml looks through all
    `%TAG` lines again for each one.
    """
    if len(body) > MAX_BYTES:
        raise ReportError(f"it has {len(body)} bytes, more than {MAX_BYTES}")
    if body.startswith(_GZIP):
        raise ReportError("it is compressed with gzip: send it as it is")
    if not body.startswith(b"---"):
        raise ReportError("line 1, column 1: it is not a YAML document that begins with `---`")
    if not body.endswith(b"\n"):
        raise ReportError("its last line has no end: the rest is missing")


class _Open:
    """A list or mapping that is being read. `hidden`: what stands in it is not to be known."""

    def __init__(self, content: Any, anchor: str | None, began: int, *, hidden: bool) -> None:
        self.content, self.anchor, self.began, self.hidden = content, anchor, began, hidden
        self.key: str | None = None

    def put(self, value: Any, event: Event) -> None:
        """The next value: of a mapping, its keys and their values by turns."""
        if type(self.content) is list:
            self.content.append(value)
        elif self.key is not None:
            self.content[self.key] = value
            self.key = None
        elif value is None or type(value) is str:
            self.key = value or ""
        else:
            raise ReportError(f"{_where(event.start_mark)}: a mapping's key is no text")


class _Growing:
    """The document as far as it has been read: the containers that are open, outermost first, and what has a name."""

    def __init__(self) -> None:
        self._root = _Open([], None, 0, hidden=False)
        self._open = [self._root]
        self._weight = 0
        self._named: dict[str, tuple[Any, int]] = {}
        self._tag = ""
        self._steps: Mapping[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            AliasEvent: self._alias,
            SequenceStartEvent: self._begin,
            MappingStartEvent: self._begin,
            SequenceEndEvent: self._end,
            MappingEndEvent: self._end,
        }

    def grown(self, next_event: Callable[[], Event | None]) -> Document:
        """The document when its end is reached; what follows it is not looked at."""
        steps = self._steps
        while (event := next_event()) is not None and type(event) is not DocumentEndEvent:
            step = steps.get(type(event))
            if step is not None:
                step(event)
                if self._weight > MAX_WEIGHT:
                    raise ReportError(f"{_where(event.start_mark)}: it is too large, with its aliases written out")
        return Document(self._tag, self._root.content[0] if self._root.content else None)

    def _scalar(self, event: ScalarEvent) -> None:
        inner = self._open[-1]
        # An escape is six letters as JSON: weighed as one, aliases of it would be a gigabyte to whoever writes them.
        weight = NODE + len(_as_json(event.value))
        self._weight += weight
        value = REDACTED if event.tag and _is_sensitive(event.tag) else _value(event)
        inner.put(value, event)
        if event.anchor:
            self._named[event.anchor] = (REDACTED if inner.hidden else value, weight)

    def _begin(self, event: SequenceStartEvent | MappingStartEvent) -> None:
        outer = self._open[-1]
        if len(self._open) > MAX_DEPTH:
            raise ReportError(f"{_where(event.start_mark)}: it is nested more than {MAX_DEPTH} levels deep")
        if outer is self._root:
            self._tag = event.tag or ""
        content: Any = {} if type(event) is MappingStartEvent else []
        sensitive = event.tag is not None and _is_sensitive(event.tag)
        outer.put(REDACTED if sensitive else content, event)
        self._open.append(_Open(content, event.anchor, self._weight, hidden=sensitive or outer.hidden))
        self._weight += NODE

    def _end(self, _event: Event) -> None:
        ended = self._open.pop()
        if ended.anchor:
            content = REDACTED if ended.hidden else ended.content
            self._named[ended.anchor] = (content, self._weight - ended.began)

    def _alias(self, event: AliasEvent) -> None:
        name = event.anchor or ""
        named = self._named.get(name)
        if named is None:
            raise ReportError(f"{_where(event.start_mark)}: the alias *{name[:40]} names nothing before it")
        value, weight = named
        self._weight += weight
        self._open[-1].put(value, event)


def _is_sensitive(tag: str) -> bool:
    return "PSensitiveType" in tag


def _value(event: ScalarEvent) -> str | None:
    """What a scalar says. NUL is no text to a database."""
    text: str = event.value
    if event.implicit[0]:
        if text in _NULL:
            return None
        if text[0] == ":" and len(text) > 1:
            return _symbol(text)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


def _symbol(text: str) -> str:
    """The name of a Ruby symbol: `:absent`, `:"in quotes"`."""
    name = text[1:]
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


def _said(error: yaml.YAMLError) -> str:
    """A YAML error as one sentence."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is no YAML"
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{_where(mark)}: {problem}"
    position = getattr(error, "position", None)
    return f"byte {position}: {problem}" if position is not None else str(problem)


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
