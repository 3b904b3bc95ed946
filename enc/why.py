"""Why: where each class, parameter, variable and the environment of a node come from."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from enc.classify import HIDDEN, NOTHING, classify
from enc.merge import Outcome
from enc.rules import Rules
from facts.directory.names import normalise
from facts.estate import Aspect, Estate, Node, Statement
from facts.facter.book import FactBook
from facts.findings import Finding


class Place(Struct, frozen=True, kw_only=True):
    """Where a statement stands: a DN, its attribute and entryCSN, or a rules file with its line and the rule's name.

    `value` is what a beaten statement says.
    """

    where: str
    what: str
    entryCSN: str | UnsetType = UNSET  # noqa: N815 - LDAP's own spelling
    value: Any = UNSET


class Explained(Struct, frozen=True, rename={"chosen": "from"}):
    """A value, the statements that it comes from, and those that they beat."""

    value: Any
    chosen: tuple[Place, ...]
    beats: tuple[Place, ...] = ()


class Because(Struct, frozen=True):
    """A word of the join, and the sentence that says why."""

    value: str | int | None
    because: str


class Placed(Because, frozen=True):
    """A guest's hypervisor, its domain's UUID, and the libvirt URIs of the hypervisors that define that domain."""

    domain: str | None
    defined_on: Mapping[str, str | None]


class FactsTold(Struct, frozen=True):
    """When a node's facts were gathered (seconds since the epoch), how many seconds ago that is, and who told them: a
    folder, or `PUT /facts`.
    """

    at: float
    age: int
    by: str


class Joined(Struct, frozen=True):
    """What the join says of the node; `services` with their DNs, `providers` with their certnames; `facts` are those
    that rules ask for, `facts_told` how old they are: None where none are known.
    """

    kind: Because
    site: Because
    layer: Because
    hypervisor: Placed
    services: Mapping[str, str]
    providers: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, Any]
    facts_told: FactsTold | None = None


class Level(Struct, frozen=True):
    """One level of the merge, and the DNs or rules that stand at it."""

    level: str
    where: tuple[str, ...]


class Why(Struct, frozen=True):
    """The reasons of one node's answer; `levels` the most specific first."""

    certname: str
    dn: str
    classes: Mapping[str, tuple[Place, ...]]
    parameters: Mapping[str, Explained]
    variables: Mapping[str, Explained]
    environment: Explained | None
    enclume: Joined
    levels: tuple[Level, ...]
    findings: tuple[Finding, ...]


def why(
    estate: Estate,
    certname: str,
    rules: Rules,
    sensitive: frozenset[str] = NOTHING,
    facts_told: FactsTold | None = None,
) -> Why | None:
    """The reasons of one node's answer; None for a node that is not in the estate. Of the class parameters that are
    secrets (`sensitive`) the values are left out; `facts_told` is of its facts.
    """
    node = estate.nodes.get(certname)
    if node is None:
        return None
    classified = classify(node, rules, sensitive)
    csns = _Csns(estate)
    explained: dict[Aspect, dict[str, Explained]] = {"class": {}, "parameter": {}, "variable": {}, "environment": {}}
    for (aspect, name), outcome in classified.merged.outcomes.items():
        secret = aspect == "parameter" and name in sensitive
        explained[aspect][name] = csns.outcome(_hidden(outcome) if secret else outcome)
    return Why(
        certname=certname,
        dn=node.host.dn,
        classes={name: reasons.chosen for name, reasons in explained["class"].items()},
        parameters=explained["parameter"],
        variables=explained["variable"],
        environment=explained["environment"].get(""),
        enclume=_joined(node, estate, facts_told if rules.fact_names else None),
        levels=tuple(_levels(node, [rule.origin.where for rule in classified.applied])),
        findings=classified.findings,
    )


def facts_told(book: FactBook, certname: str) -> FactsTold | None:
    """How old a node's facts are now."""
    told = book.of(certname)
    return FactsTold(told.facts.at, max(0, int(time.time() - told.facts.at)), told.by) if told else None


def _hidden(outcome: Outcome) -> Outcome:
    """The same, without its values."""
    beaten = tuple(replace(statement, value=HIDDEN) for statement in outcome.beaten)
    return replace(outcome, value=HIDDEN, beaten=beaten)


class _Csns:
    """Finds the entryCSN of the entry that a statement stands in."""

    def __init__(self, estate: Estate) -> None:
        self._entries = estate.directory.entries

    def outcome(self, outcome: Outcome) -> Explained:
        chosen = tuple(self.place(statement, UNSET) for statement in outcome.chosen)
        return Explained(outcome.value, chosen, tuple(self.place(one, one.value) for one in outcome.beaten))

    def place(self, statement: Statement, value: Any) -> Place:
        where = statement.origin.where
        return Place(where=where, what=statement.origin.what, entryCSN=self._of(where) or UNSET, value=value)

    def _of(self, where: str) -> str:
        """The entryCSN of the entry of this DN; "" for a rules file's line, and where there is none."""
        try:
            entry = self._entries.get(normalise(where))
        except ValueError:
            return ""
        return entry.csn if entry else ""


def _joined(node: Node, estate: Estate, facts_told: FactsTold | None) -> Joined:
    """Where the join's own words come from."""
    uris = {target.name: target.uri for target in estate.targets}
    placement = node.placement
    return Joined(
        kind=Because(node.kind, _kind_because(node)),
        site=Because(node.site.name if node.site else None, _site_because(node)),
        layer=Because(node.layer, "enclumeLayer" if node.host.layer else "the default for its kind"),
        hypervisor=Placed(
            placement.hypervisor,
            placement.because,
            node.hardware.uuid if node.hardware else None,
            {name: uris.get(name) for name in placement.observed_on},
        ),
        services={service.name: service.dn for service in node.services},
        providers=node.providers,
        facts=node.facts,
        facts_told=facts_told,
    )


def _kind_because(node: Node) -> str:
    if node.host.kind:
        return "enclumeKind"
    if node.kind == "hypervisor":
        return "enclumeLibvirtURI" if node.host.libvirt_uri else "hypervisors.uris in the settings"
    return (
        "libvirt shows its domain"
        if node.placement.observed_on
        else "libvirt showed it before"
        if node.kind
        else "not known"
    )


def _site_because(node: Node) -> str:
    if node.host.site:
        return "enclumeAtSite"
    return f"its hypervisor is {node.placement.hypervisor}" if node.site else "not declared"


def _levels(node: Node, rules: list[str]) -> Iterable[Level]:
    """The levels that were merged and say something, the most specific first."""
    yield Level("host", (node.host.dn,))
    for name, entries in (("service at the site", node.site_services), ("service", node.services)):
        if entries:
            yield Level(name, tuple(entry.dn for entry in entries))
    for profile in node.profiles:
        yield Level("profile", (profile.dn,))
    if node.site is not None:
        yield Level("site", (node.site.dn,))
    for rule in rules:
        yield Level("rule", (rule,))
