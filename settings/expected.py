"""What is expected where settings or rules have a key that is not known."""

import difflib
import re
from collections.abc import Iterable

from msgspec import inspect

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`", re.DOTALL)


def expected(reason: str, path: str, into: type) -> str:
    """msgspec's reason, and, of a key that is not known, the keys that are. `path` is as it has it: `a.b[...].c`."""
    wrong = _UNKNOWN.fullmatch(reason)
    known = sorted(_keys(inspect.type_info(into), re.findall(r"[^.\[\]]+|\[\.\.\.\]|\[\d+\]", path))) if wrong else []
    if not wrong or not known:
        return reason
    key = wrong["key"]
    close = difflib.get_close_matches(key, known, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"unknown field `{key}`: {meant}expected {', '.join(known)}"


def _keys(kind: inspect.Type, steps: list[str]) -> Iterable[str]:
    """The keys of what stands there, of every struct that it may be."""
    if isinstance(kind, inspect.Metadata):
        return _keys(kind.type, steps)
    if isinstance(kind, inspect.UnionType):
        return [key for one in kind.types for key in _keys(one, steps)]
    if isinstance(kind, inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        if not steps:
            return fields
        return _keys(fields[steps[0]], steps[1:]) if steps[0] in fields else ()
    inner = _inner(kind)
    return _keys(inner, steps[1:]) if inner is not None and steps else ()


def _inner(kind: inspect.Type) -> inspect.Type | None:
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    return kind.item_type if isinstance(kind, inspect.CollectionType) else None
