"""Why: where each class, parameter, variable and the environment of a node come from."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from enc.classify import classify
from enc.merge import Outcome
from enc.rules import Rules
from facts.estate import Estate, Node, Statement


def why(estate: Estate, certname: str, rules: Rules) -> dict[str, Any] | None:
    """The reasons of one node's answer as plain data, None for a node that is not in the estate.

    Every statement is `{where, what, entryCSN}`: a DN with its attribute and entryCSN, or a rules file with its line
    and the rule's name. A class has a list of them; a parameter its value, where it comes `from` and what it `beats`.
    """
    node = estate.nodes.get(certname)
    if node is None:
        return None
    classified = classify(node, rules)
    csns = _Csns(estate)
    explained: dict[str, dict[str, Any]] = {"class": {}, "parameter": {}, "variable": {}, "environment": {}}
    for (aspect, name), outcome in classified.merged.outcomes.items():
        explained[aspect][name] = csns.outcome(outcome)
    return {
        "certname": certname,
        "dn": node.host.dn,
        "classes": {name: reasons["from"] for name, reasons in explained["class"].items()},
        "parameters": explained["parameter"],
        "variables": explained["variable"],
        "environment": explained["environment"].get(""),
        "enclume": _joined(node, estate),
        "levels": _levels(node, [rule.origin.where for rule in classified.applied]),
        "findings": [asdict(finding) for finding in classified.findings],
    }


class _Csns:
    """Finds the entryCSN of the entry that a statement stands in."""

    def __init__(self, estate: Estate) -> None:
        self._by_dn = {entry.dn: entry.csn for entry in estate.directory.entries.values()}

    def outcome(self, outcome: Outcome) -> dict[str, Any]:
        reasons: dict[str, Any] = {"value": outcome.value, "from": [self.statement(one) for one in outcome.chosen]}
        if outcome.beaten:
            reasons["beats"] = [self.statement(one) | {"value": one.value} for one in outcome.beaten]
        return reasons

    def statement(self, statement: Statement) -> dict[str, str]:
        found = {"where": statement.origin.where, "what": statement.origin.what}
        csn = self._by_dn.get(statement.origin.where)
        return found | {"entryCSN": csn} if csn else found


def _joined(node: Node, estate: Estate) -> dict[str, Any]:
    """Where the join's own words come from."""
    uris = {target.name: target.uri for target in estate.targets}
    return {
        "kind": {"value": node.kind, "because": _kind_because(node)},
        "site": {"value": node.site.name if node.site else None, "because": _site_because(node)},
        "layer": {"value": node.layer, "because": "enclumeLayer" if node.host.layer else "the default for its kind"},
        "hypervisor": {
            "value": node.placement.hypervisor,
            "because": node.placement.because,
            "domain": node.hardware.uuid if node.hardware else None,
            "defined_on": {name: uris.get(name) for name in node.placement.observed_on},
        },
        "services": {service.name: service.dn for service in node.services},
        "providers": {provided: list(names) for provided, names in node.providers.items()},
        "facts": dict(node.facts),
    }


def _kind_because(node: Node) -> str:
    if node.host.kind:
        return "enclumeKind"
    if node.host.libvirt_uri and node.kind == "hypervisor":
        return "enclumeLibvirtURI"
    return "libvirt shows its domain" if node.hardware else "libvirt showed it before" if node.kind else "not known"


def _site_because(node: Node) -> str:
    if node.host.site:
        return "enclumeAtSite"
    return f"its hypervisor is {node.placement.hypervisor}" if node.site else "not declared"


def _levels(node: Node, rules: list[str]) -> list[dict[str, Any]]:
    """The levels that were merged, the most specific first."""
    levels: list[tuple[str, list[str]]] = [
        ("host", [node.host.dn]),
        ("service at the site", [service.dn for service in node.site_services]),
        ("service", [service.dn for service in node.services]),
        *(("profile", [profile.dn]) for profile in node.profiles),
        ("site", [node.site.dn] if node.site else []),
        *(("rule", [rule]) for rule in rules),
    ]
    return [{"level": name, "where": where} for name, where in levels if where]


def one_class(reasons: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The reasons of one class: where it comes from, and its parameters'."""
    prefix = f"{name}::"
    return {
        "certname": reasons["certname"],
        "classes": {name: reasons["classes"].get(name, [])},
        "parameters": {key: value for key, value in reasons["parameters"].items() if key.startswith(prefix)},
    }
