"""LDIF (RFC 2849): content and change records, read into changes.

Comments, folded lines, base64 and both kinds of line ends are read as the RFC says; UTF-8 may stand as it is.
URL values and controls are refused: a file that is previewed makes nothing be fetched.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import cast

from msgspec import Struct

from errors import LdifError
from facts.directory.changes import Add, Attribute, Change, Delete, Kind, Modification, Modify, Rename, Value

_NAME = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)(?:;[A-Za-z0-9-]+)*")
_KINDS = ("add", "delete", "replace", "increment")


class _Line(Struct, frozen=True):
    """One unfolded line: `name` "-" ends a part of a modify."""

    number: int
    name: str
    value: Value = ""


def parse(text: str) -> list[Change]:
    """The records of an LDIF, in order. Raises `LdifError` with line, DN and reason."""
    changes = []
    for first, block in enumerate(_blocks(text)):
        lines = [_line(number, raw) for number, raw in block]
        if first == 0 and lines[0].name.lower() == "version":
            _check_version(lines.pop(0))
        if lines:
            changes.append(_record(lines))
    return changes


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """Lines between empty ones, unfolded, with the number of each one's first line; comments are left out."""
    block: list[tuple[int, str]] = []
    comment = False
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")
        if line.startswith(" "):
            if not comment:
                _unfold(block, number, line[1:])
            continue
        comment = line.startswith("#")
        if not line and block:
            yield block
            block = []
        elif line and not comment:
            block.append((number, line))
    if block:
        yield block


def _unfold(block: list[tuple[int, str]], number: int, rest: str) -> None:
    if block:
        first, begun = block[-1]
        block[-1] = (first, begun + rest)
    elif rest.strip():
        raise LdifError(number, "", "this line goes on with a line that is not there: it begins with a space")


def _line(number: int, raw: str) -> _Line:
    if raw == "-":
        return _Line(number, "-")
    name, colon, rest = raw.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise LdifError(number, "", f"expected `attribute: value`, found {raw[:60]!r}")
    if rest.startswith("<"):
        raise LdifError(number, "", f"{name}: values that are fetched from a URL (`:<`) are refused; write the value")
    return _Line(number, name, _decoded(number, name, rest[1:]) if rest.startswith(":") else rest.lstrip(" "))


def _decoded(number: int, name: str, coded: str) -> Value:
    try:
        raw = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise LdifError(number, "", f"{name}: is no base64 ({error})") from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _check_version(line: _Line) -> None:
    if line.value != "1":
        raise LdifError(line.number, "", "only version 1 of LDIF is known")


def _record(lines: Sequence[_Line]) -> Change:
    head, rest = lines[0], list(lines[1:])
    if head.name.lower() != "dn":
        raise LdifError(head.number, "", f"a record begins with `dn:`, found `{head.name}:`")
    dn = _text(head)
    if rest and rest[0].name.lower() == "control":
        raise LdifError(rest[0].number, dn, "controls are not supported; leave the line out")
    if not rest:
        raise LdifError(head.number, dn, "nothing follows: a new entry needs attributes, a change its changetype")
    if rest[0].name.lower() != "changetype":
        return _content(head.number, dn, rest)
    kind = _text(rest.pop(0)).strip().lower()
    if kind not in _CHANGES:
        raise LdifError(lines[1].number, dn, f"changetype {kind!r}: expected add, modify, delete, modrdn or moddn")
    return _CHANGES[kind](head.number, dn, rest)


def _content(number: int, dn: str, lines: Sequence[_Line]) -> Change:
    if lines[0].name.lower() in _KINDS:
        raise LdifError(lines[0].number, dn, f"write `changetype: modify` before `{lines[0].name}:`")
    return _add(number, dn, lines)


def _add(number: int, dn: str, lines: Sequence[_Line]) -> Change:
    if not lines:
        raise LdifError(number, dn, "a new entry needs attributes")
    spelled: dict[str, str] = {}
    found: dict[str, list[Value]] = {}
    for line in lines:
        _no_dash(line, dn)
        name = line.name.lower()
        spelled.setdefault(name, line.name)
        found.setdefault(name, []).append(line.value)
    return Add(number, dn, tuple(Attribute(spelled[name], tuple(values)) for name, values in found.items()))


def _modify(number: int, dn: str, lines: Sequence[_Line]) -> Change:
    parts: list[Modification] = []
    rest = list(lines)
    while rest:
        head = rest.pop(0)
        kind, attribute = head.name.lower(), _text(head).strip()
        if kind not in _KINDS or not _NAME.fullmatch(attribute):
            raise LdifError(head.number, dn, "expected `add:`, `delete:`, `replace:` or `increment:` and an attribute")
        values = _values(dn, attribute, rest)
        if not values and kind in ("add", "increment"):
            raise LdifError(head.number, dn, f"{kind} needs a value of {attribute}")
        parts.append(Modification(head.number, cast("Kind", kind), Attribute(attribute, values)))
    if not parts:
        raise LdifError(number, dn, "nothing is modified: say `add:`, `delete:` or `replace:` and an attribute")
    return Modify(number, dn, tuple(parts))


def _values(dn: str, attribute: str, rest: list[_Line]) -> tuple[Value, ...]:
    """Take the values up to the dash, which the record's end may stand for."""
    values: list[Value] = []
    while rest and (line := rest.pop(0)).name != "-":
        if line.name.lower() != attribute.lower():
            raise LdifError(line.number, dn, f"expected a value of {attribute}, or `-`, found `{line.name}:`")
        values.append(line.value)
    return tuple(values)


def _delete(number: int, dn: str, lines: Sequence[_Line]) -> Change:
    if lines:
        raise LdifError(lines[0].number, dn, "nothing may follow `changetype: delete`")
    return Delete(number, dn)


def _rename(number: int, dn: str, lines: Sequence[_Line]) -> Change:
    found = {line.name.lower(): line for line in lines}
    for line in lines:
        if line.name.lower() not in ("newrdn", "deleteoldrdn", "newsuperior") or found[line.name.lower()] is not line:
            raise LdifError(line.number, dn, "expected newrdn, deleteoldrdn and perhaps newsuperior, each once")
    if "newrdn" not in found or "deleteoldrdn" not in found:
        raise LdifError(number, dn, "a rename needs newrdn and deleteoldrdn")
    deletes = _text(found["deleteoldrdn"]).strip()
    if deletes not in ("0", "1"):
        raise LdifError(found["deleteoldrdn"].number, dn, f"deleteoldrdn {deletes!r}: expected 0 or 1")
    superior = _text(found["newsuperior"]) if "newsuperior" in found else None
    return Rename(number, dn, _text(found["newrdn"]), deletes == "1", superior)


def _no_dash(line: _Line, dn: str) -> None:
    if line.name == "-":
        raise LdifError(line.number, dn, "`-` stands only in a modify")


def _text(line: _Line) -> str:
    if isinstance(line.value, bytes):
        raise LdifError(line.number, "", f"{line.name}: is no UTF-8")
    return line.value


_CHANGES = {"add": _add, "modify": _modify, "delete": _delete, "modrdn": _rename, "moddn": _rename}
