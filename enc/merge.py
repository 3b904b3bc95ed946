"""The merge: many statements about one thing become one value, or a conflict.

Levels come from specific to general; the most specific `=` wins over everything more general. `+=` unites: an array
gains the elements of more general levels behind its own, a hash the keys that it lacks. Two statements of one level
that give one thing two values are a conflict.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from facts.estate import Aspect, Statement
from facts.exact import exactly_equal

Thing = tuple[Aspect, str]


class Conflict(Exception):
    """Statements of one level that contradict each other."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.statements = statements
        super().__init__(statements)


class Outcome(Struct, frozen=True):
    """The value of one thing, the statements that it comes from, and those that more specific ones beat."""

    value: Any
    chosen: tuple[Statement, ...]
    beaten: tuple[Statement, ...] = ()


class Merged(Struct, frozen=True):
    """What each thing comes to, in the order of its name, and the conflicts: the statements of each."""

    outcomes: Mapping[Thing, Outcome]
    conflicts: tuple[tuple[Statement, ...], ...]

    def of(self, aspect: Aspect) -> dict[str, Any]:
        """The values of one aspect by name, sorted."""
        return {name: outcome.value for (kind, name), outcome in self.outcomes.items() if kind == aspect}


def merge(levels: Iterable[Iterable[Statement]]) -> Merged:
    """Merge statements; each level is one iterable, the most specific first."""
    things: dict[Thing, list[list[Statement]]] = {}
    for number, level in enumerate(levels):
        for statement in level:
            stated = things.setdefault((statement.aspect, statement.name), [])
            while len(stated) <= number:
                stated.append([])
            stated[number].append(statement)
    outcomes: dict[Thing, Outcome] = {}
    conflicts: list[tuple[Statement, ...]] = []
    for thing in sorted(things):
        try:
            outcomes[thing] = _class(things[thing]) if thing[0] == "class" else _value(things[thing])
        except Conflict as conflict:
            conflicts.append(conflict.statements)
    return Merged(outcomes, tuple(conflicts))


def _class(levels: list[list[Statement]]) -> Outcome:
    """Classes are the union: whoever states one is right."""
    return Outcome(True, tuple(statement for level in levels for statement in level))


def _value(levels: list[list[Statement]]) -> Outcome:
    chosen: list[Statement] = []
    for number, level in enumerate(levels):
        chosen += sorted((one for one in level if one.unites), key=_order)
        setting = [one for one in level if not one.unites]
        if setting:
            _agree(setting)
            chosen += setting
            beaten = tuple(statement for lower in levels[number + 1 :] for statement in lower)
            return Outcome(_unite(chosen, levels), tuple(chosen), beaten)
    return Outcome(_unite(chosen, levels), tuple(chosen))


def _agree(statements: list[Statement]) -> None:
    if any(not exactly_equal(one.value, statements[0].value) for one in statements[1:]):
        raise Conflict(tuple(statements))


def _unite(chosen: list[Statement], levels: list[list[Statement]]) -> Any:
    value = chosen[0].value
    if not chosen[0].unites:
        return value
    if any(type(one.value) is not type(value) for one in chosen):
        raise Conflict(tuple(chosen))
    if isinstance(value, dict):
        return _unite_hashes(chosen, levels)
    return _unite_arrays(chosen)


def _unite_arrays(chosen: list[Statement]) -> list[Any]:
    united: dict[bytes, Any] = {}
    for statement in chosen:
        for element in statement.value:
            united.setdefault(_canonical(element), element)
    return list(united.values())


def _unite_hashes(chosen: list[Statement], levels: list[list[Statement]]) -> dict[str, Any]:
    """Unite hashes; a key that two statements of one level give two values is a conflict."""
    level_of = {id(statement): number for number, level in enumerate(levels) for statement in level}
    united: dict[str, tuple[Any, Statement]] = {}
    for statement in chosen:
        for key, value in statement.value.items():
            first, by = united.setdefault(key, (value, statement))
            if level_of[id(by)] == level_of[id(statement)] and not exactly_equal(first, value):
                raise Conflict((by, statement))
    return {key: value for key, (value, _) in united.items()}


def _order(statement: Statement) -> tuple[str, bytes]:
    return statement.origin.where, _canonical(statement.value)


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
