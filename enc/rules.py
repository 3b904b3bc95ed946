"""Rules: what nodes get because of what they are. One YAML file, a list of rules in the order of their precedence.

    - name: guests log to their site's log server
      when: {kind: guest, providers: log}
      classes: [rsyslog::client]
      parameters: {"rsyslog::client::server": "${site.provider.log}"}
      requires: [log]

`docs/rules.md` describes every key; a file that cannot be read is one `SettingsError` with its line.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from msgspec import Struct

from enc.conditions import CONDITIONS, Condition, size
from enc.references import check
from errors import SettingsError
from facts.directory.fields import PROVIDES
from facts.directory.statements import CLASS, DEEPEST, ENVIRONMENT, PARAMETER, RESERVED, RESERVED_PARAMETERS, VARIABLE
from facts.estate import Aspect, Kind, Node, Origin, Statement
from facts.inventory.domains import StorageKind

SHIPPED = Path(__file__).parent / "rules.yaml"

_KEYS = ("name", "when", "classes", "parameters", "variables", "environment", "requires")
_ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "kind": get_args(Kind),
    "layer": (1, 2),
    "providers": tuple(sorted(PROVIDES)),
    "storage": get_args(StorageKind),
}
_TRUSTED = "facts.trusted"
_FORGEABLE = (
    "is refused: a node could tell such a fact itself, so it proves nothing of its certificate; "
    "ask for `certname`, or for `site` or `services`, which LDAP says"
)
_NAMES = {"class": CLASS, "parameter": PARAMETER, "variable": VARIABLE}


class Rule(Struct, frozen=True):
    """One rule: its conditions, its statements (values may hold `${…}`), the services it requires, where it stands."""

    name: str
    conditions: tuple[Condition, ...]
    statements: tuple[Statement, ...]
    requires: tuple[str, ...]
    origin: Origin

    def applies(self, node: Node) -> bool:
        """Whether every condition holds for the node."""
        return all(condition.holds(node) for condition in self.conditions)


class Rules(Struct, frozen=True):
    """All rules in the file's order, and the dotted names of the facts that they ask for."""

    rules: tuple[Rule, ...]
    fact_names: tuple[str, ...]


def load(file: str | None) -> Rules:
    """Read a rules file, the shipped one for None. Raises `SettingsError` with file, line, key and expectation."""
    path = Path(file) if file else SHIPPED
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), "", f"cannot be read: {error}") from error
    return parse(text, str(path))


def parse(text: str, file: str = "rules") -> Rules:
    """Read rules from text, as `load` does; `file` is the name that errors and `why` give."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(file, "", f"is not YAML: {' '.join(str(error).split())}") from error
    if raw is None:
        return Rules((), ())
    if not isinstance(raw, list) or not isinstance(tree, yaml.SequenceNode):
        raise SettingsError(file, "", "expected a list of rules")
    lines = [item.start_mark.line + 1 for item in tree.value]
    rules = tuple(_Parser(file, line).rule(item) for item, line in zip(raw, lines, strict=True))
    return Rules(rules, tuple(sorted(set(_fact_names(rule.conditions for rule in rules)))))


def _fact_names(groups: Iterable[tuple[Condition, ...]]) -> Iterable[str]:
    for conditions in groups:
        for condition in conditions:
            if condition.key.startswith("facts."):
                yield condition.key.removeprefix("facts.")
            yield from _fact_names([condition.inner])


class _Parser:
    """Reads one rule that begins at a line of a file."""

    def __init__(self, file: str, line: int) -> None:
        self.file, self.line = file, line

    def rule(self, raw: Any) -> Rule:
        if not isinstance(raw, Mapping):
            raise self.wrong("", "expected a rule: a mapping with `name` and `when`")
        for key in raw:
            if key not in _KEYS:
                raise self.wrong(str(key), f"unknown key; known are {', '.join(_KEYS)}")
        name = raw.get("name")
        if not isinstance(name, str) or not name:
            raise self.wrong("name", "expected a sentence that says what the rule does")
        origin = Origin(f"{self.file}:{self.line}", name)
        return Rule(
            name=name,
            conditions=self.conditions({} if raw.get("when") is None else raw["when"], "when"),
            statements=tuple(self.statements(raw, origin)),
            requires=tuple(self.requires(raw.get("requires"))),
            origin=origin,
        )

    def conditions(self, raw: Any, key: str) -> tuple[Condition, ...]:
        if not isinstance(raw, Mapping):
            raise self.wrong(key, "expected a mapping of conditions")
        return tuple(self.condition(str(name), value, f"{key}.{name}") for name, value in raw.items())

    def condition(self, name: str, value: Any, key: str) -> Condition:
        if name == "not":
            return Condition(name, inner=self.conditions(value, key))
        if name not in CONDITIONS and not (name.startswith("facts.") and name != "facts."):
            raise self.wrong(key, f"unknown condition; known are {', '.join(CONDITIONS)}, facts.NAME and not")
        if name == _TRUSTED or name.startswith(f"{_TRUSTED}."):
            raise self.wrong(key, _FORGEABLE)
        values = tuple(value) if isinstance(value, list) else (value,)
        if not values or any(isinstance(one, Mapping | list) or one is None for one in values):
            raise self.wrong(key, "expected a value or a list of values")
        try:
            _check_values(name, values)
        except ValueError as error:
            raise self.wrong(key, str(error)) from error
        return Condition(name, values)

    def statements(self, raw: Mapping[str, Any], origin: Origin) -> Iterable[Statement]:
        for name in self.texts(raw.get("classes"), "classes"):
            yield self.statement("class", name.removeprefix("::"), True, origin)
        for name, value in self.mapping(raw.get("parameters"), "parameters").items():
            yield self.statement("parameter", str(name).removeprefix("::"), value, origin)
        for name, value in self.mapping(raw.get("variables"), "variables").items():
            if name in RESERVED:
                raise self.wrong(f"variables.{name}", "is reserved by Puppet or Enclume; rename it")
            yield self.statement("variable", str(name), value, origin)
        environment = raw.get("environment")
        if environment is not None:
            if not ENVIRONMENT.fullmatch(str(environment)):
                raise self.wrong("environment", f"{environment!r} is no environment name")
            yield Statement("environment", "", str(environment), origin)

    def requires(self, raw: Any) -> Iterable[str]:
        for name in self.texts(raw, "requires"):
            if name not in PROVIDES:
                raise self.wrong("requires", f"{name!r} is none of {', '.join(sorted(PROVIDES))}")
            yield name

    def statement(self, aspect: Aspect, name: str, value: Any, origin: Origin) -> Statement:
        unites = aspect == "parameter" and name.endswith("+")
        name = name.rstrip("+").strip() if unites else name
        if not _NAMES[aspect].fullmatch(name):
            raise self.wrong(name, f"is no {aspect} name that Puppet accepts")
        if name in RESERVED_PARAMETERS:
            raise self.wrong(name, "is what Enclume says of the estate; rename it")
        if unites and not isinstance(value, list | Mapping):
            raise self.wrong(f"{name}+", "expected a list or a mapping: `+` unites them over all levels")
        try:
            _check_json(value, DEEPEST)
            check(value)
        except ValueError as error:
            raise self.wrong(name, str(error)) from error
        return Statement(aspect, name, value, origin, unites)

    def texts(self, raw: Any, key: str) -> list[str]:
        values = raw if isinstance(raw, list) else [] if raw is None else [raw]
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key, "expected a name or a list of names")
        return values

    def mapping(self, raw: Any, key: str) -> Mapping[Any, Any]:
        if raw is not None and not isinstance(raw, Mapping):
            raise self.wrong(key, "expected a mapping of names to values")
        return raw or {}

    def wrong(self, key: str, expected: str) -> SettingsError:
        return SettingsError(f"{self.file}:{self.line}", key, expected)


def _check_values(name: str, values: tuple[Any, ...]) -> None:
    """Refuse values that could never match."""
    if name == "memory":
        for value in values:
            size(value)
    for value in values if name in _ALLOWED else ():
        if isinstance(value, bool) or value not in _ALLOWED[name]:
            raise ValueError(f"{value!r} is none of {', '.join(map(str, _ALLOWED[name]))}")


def _check_json(value: Any, levels: int) -> None:
    """Refuse what YAML can say and JSON cannot: dates, sets, infinities, halves of characters, endless nesting."""
    if levels < 0:
        raise ValueError("is nested too deep: flatten it")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if type(key) not in {str, int}:
                raise ValueError(f"the key {key!r} is no text: put it in quotes")
            _check_json(key, levels)
            _check_json(inner, levels - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, levels - 1)
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{value!a} has half a character: write it whole")
    elif not (value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))):
        raise ValueError(f"{value!r} is no text, number or boolean that JSON has: put it in quotes")
