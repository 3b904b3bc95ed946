"""Classification: one node's statements, level by level, merged into what Puppet is told.

Specific beats general: the host, its services at the site, its services, its profiles (nearest first), the site, then
the rules in their file's order.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from enc.merge import Merged, merge
from enc.references import Unresolved, resolve
from enc.rules import Rule, Rules
from facts.estate import Node, Statement
from facts.findings import Finding

NOTHING: frozenset[str] = frozenset()
HIDDEN = "(sensitive)"
"""Stands for a value that is a secret."""


class Classified(Struct, frozen=True):
    """What a node comes to. With any finding that holds, it is no answer: the node keeps its last good one."""

    merged: Merged
    applied: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether something keeps this from being an answer."""
        return any(finding.holds for finding in self.findings)


def classify(node: Node, rules: Rules, sensitive: frozenset[str] = NOTHING) -> Classified:
    """Classify one node; `sensitive` are the class parameters that are secrets. Pure; never raises: what is wrong is a
    finding.
    """
    applied = tuple(rule for rule in rules.rules if rule.applies(node))
    findings = list(node.findings)
    from_rules = [_of_rule(rule, node, findings) for rule in applied]
    merged = merge([*levels_of(node), *from_rules])
    findings += [_conflict(statements, node.host.name) for statements in merged.conflicts]
    findings += _secrets(merged, sensitive, node.host.name)
    findings += [unmet for rule in applied for unmet in _unmet(rule, node)]
    return Classified(merged, applied, tuple(findings))


def levels_of(node: Node) -> Iterable[Iterable[Statement]]:
    """What entries state of a node, a level each, the most specific first."""
    yield node.host.statements
    yield [statement for service in node.site_services for statement in service.statements]
    yield [statement for service in node.services for statement in service.statements]
    for profile in node.profiles:
        yield profile.statements
    yield node.site.statements if node.site else ()


def _of_rule(rule: Rule, node: Node, findings: list[Finding]) -> list[Statement]:
    """A rule's statements with their references filled in; one that has no value is a finding."""
    statements = []
    for statement in rule.statements:
        try:
            statements.append(replace(statement, value=resolve(statement.value, node)))
        except Unresolved as missing:
            message = f"${{{missing.reference}}} has no value for this node: provide it, or narrow the rule's `when`"
            findings.append(
                Finding("bad_reference", rule.origin.where, statement.name, message, node.host.name, holds=True)
            )
    return statements


def _conflict(statements: tuple[Statement, ...], certname: str) -> Finding:
    first = statements[0]
    what = {"environment": "the environment"}.get(first.aspect, f"{first.aspect} {first.name}")
    where = sorted({statement.origin.where for statement in statements})
    message = f"{' and '.join(where)} give {what} different values; make them agree, or state it on the host"
    return Finding("conflict", where[0], first.origin.what, message, certname, holds=True)


def _secrets(merged: Merged, sensitive: frozenset[str], certname: str) -> Iterable[Finding]:
    """Every statement of a parameter that is a secret, also of one that others beat. The value is said nowhere."""
    for (aspect, name), outcome in merged.outcomes.items():
        if aspect == "parameter" and name in sensitive:
            message = f"{name} is Sensitive in the code: change that secret, and keep the new one in eyaml alone"
            for statement in (*outcome.chosen, *outcome.beaten):
                origin = statement.origin
                yield Finding("sensitive_parameter", origin.where, origin.what, message, certname, holds=True)


def _unmet(rule: Rule, node: Node) -> Iterable[Finding]:
    for required in rule.requires:
        if node.site is not None and required not in node.providers:
            where = f"nothing provides {required} at {node.site.name}"
            message = f"{where}: give a service enclumeProvides and a member there"
            yield Finding("no_provider", rule.origin.where, "requires", message, node.host.name)
