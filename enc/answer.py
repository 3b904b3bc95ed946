"""The answer: what Puppet reads (`docs/http.md`).

{"classes": {"apache": {}}, "environment": "production", "parameters": {"enclume": {"site": "angers", …}}}
"""

import hashlib
import ipaddress
from typing import Any

from msgspec import Struct

from enc.classify import NOTHING, Classified, classify
from enc.render import render
from enc.rules import Rules
from enc.topology import NOT_SHOWN, shown
from facts.estate import Network, Node
from facts.findings import Finding
from settings import AnswerSettings


class Answer(Struct, frozen=True, gc=False):
    """A rendered answer: its bytes, its class parameters for Hiera as JSON, the digest over all of it (hexadecimal),
    and what other nodes are shown of this one (JSON of `enc.topology.Shown`).
    """

    body: bytes
    parameters: bytes
    digest: str
    shown: bytes = NOT_SHOWN


class Result(Struct, frozen=True, gc=False):
    """What a node is told, None when something keeps it from a new answer, and what is wrong."""

    answer: Answer | None
    findings: tuple[Finding, ...]


def answer(node: Node, rules: Rules, settings: AnswerSettings, sensitive: frozenset[str] = NOTHING) -> Result:
    """Classify a node and render its answer; `sensitive` are the class parameters that are secrets. Pure; never raises:
    what is wrong is a finding.
    """
    classified = classify(node, rules, sensitive)
    if classified.holds:
        return Result(None, classified.findings)
    inline = settings.parameters == "inline"
    missing = tuple(_without_class(classified, node)) if inline else ()
    try:
        body = render(document(node, classified, inline=inline))
        parameters = render(classified.merged.of("parameter"))
        others = render(shown(node))
    except ValueError as error:
        message = f"{error}: write it differently"
        wrong = Finding("not_representable", node.host.dn, "", message, node.host.name, holds=True)
        return Result(None, (*classified.findings, wrong))
    digest = hashlib.sha256(b"\n".join((body, parameters, others))).hexdigest()[:32]
    return Result(Answer(body, parameters, digest, others), classified.findings + missing)


def document(node: Node, classified: Classified, *, inline: bool) -> dict[str, Any]:
    """The answer as a mapping: classes, parameters, and environment where something sets it."""
    merged = classified.merged
    classes: dict[str, dict[str, Any]] = {name: {} for name in merged.of("class")}
    if inline:
        for name, value in merged.of("parameter").items():
            class_name, _, parameter = name.rpartition("::")
            if class_name in classes:
                classes[class_name][parameter] = value
    written: dict[str, Any] = {"classes": classes, "parameters": merged.of("variable") | {"enclume": enclume(node)}}
    environment = merged.outcomes.get(("environment", ""))
    return written if environment is None else written | {"environment": environment.value}


def enclume(node: Node) -> dict[str, Any]:
    """The one top-scope variable of ours: where the node is, and what it is joined to."""
    return {
        "site": node.site.name if node.site else None,
        "kind": node.kind,
        "layer": node.layer,
        "hypervisor": node.placement.hypervisor,
        "services": sorted({service.name for service in node.services}),
        "providers": {provided: list(names) for provided, names in node.providers.items()},
        "networks": _networks(node),
        "storage": _storage(node),
    }


def _networks(node: Node) -> list[dict[str, Any]]:
    """The guest's interfaces on the site's networks; for other hosts, the networks that their addresses lie in."""
    networks = node.site.networks if node.site else ()
    if node.hardware is None:
        present: list[tuple[Network, str | None]] = [(network, None) for network in networks if _address(node, network)]
    else:
        present = [
            (network, interface.mac)
            for interface in node.hardware.interfaces
            for network in networks
            if network.attachment and network.attachment in (interface.network, interface.bridge)
        ]
    return [
        {"name": network.name, "role": network.role, "mac": mac, "address": _address(node, network)}
        for network, mac in present
    ]


def _address(node: Node, network: Network) -> str | None:
    cidr = ipaddress.ip_network(network.cidr)
    return next((text for text in node.host.addresses if ipaddress.ip_address(text) in cidr), None)


def _storage(node: Node) -> list[dict[str, Any]]:
    storage = node.hardware.storage if node.hardware else ()
    return [{"kind": one.kind, "server": one.server, "path": one.path} for one in storage]


def _without_class(classified: Classified, node: Node) -> list[Finding]:
    """Parameters that entries state and an inline answer has no place for, as their class is not assigned.

    Rules may offer parameters to whoever has the class: theirs are left out without a word.
    """
    outcomes = classified.merged.outcomes
    rules = {rule.origin for rule in classified.applied}
    message = "its class is not assigned by Enclume, so an inline answer leaves it out: assign it, or use Hiera"
    return [
        Finding("parameter_without_class", node.host.dn, name, message, node.host.name)
        for (aspect, name), outcome in outcomes.items()
        if aspect == "parameter"
        and ("class", name.rpartition("::")[0]) not in outcomes
        and not all(statement.origin in rules for statement in outcome.chosen)
    ]
