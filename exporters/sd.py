"""Service discovery for Prometheus: the targets of a job, as http_sd reads them.

https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from enc.answer import Answer
from facts.estate import Node
from generation.now import Now
from settings.metrics import PortSettings


class Group(Struct, frozen=True):
    """One group of targets: here always one host."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]


class Target(Struct, frozen=True, kw_only=True):
    """A host to be scraped; "" for what is not known of it. `agent`: it has an answer, so Puppet runs there."""

    certname: str
    address: str
    site: str
    kind: str
    layer: str
    hypervisor: str
    services: tuple[str, ...]
    intent: str = ""
    agent: bool = True

    def group(self, port: int) -> Group:
        """The group that http_sd reads."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        labels = {
            "site": self.site,
            "kind": self.kind,
            "layer": self.layer,
            "hypervisor": self.hypervisor,
            # Between commas and surrounded by them, as Prometheus's own discoveries write lists, for `.*,web,.*`.
            "services": f",{','.join(self.services)}," if self.services else "",
            "certname": self.certname,
            "intent": self.intent,
        }
        return Group((f"{address}:{port}",), {f"__meta_enclume_{name}": value for name, value in labels.items()})


JOBS: Mapping[str, Callable[[Target], bool]] = {
    "node": lambda _: True,
    "libvirt": lambda target: target.kind == "hypervisor",
    "puppet": lambda target: target.agent,
}
"""Which hosts are targets of each job."""


class Discovery:
    """The targets of every job. While the guard holds answers back, the hosts that would lose theirs stay targets: they
    are the last that was believed.
    """

    def __init__(self, ports: PortSettings) -> None:
        self._ports = ports
        self._last: Mapping[str, Node] = {}

    def groups(self, job: str, now: Now, site: str = "") -> tuple[Group, ...] | None:
        """The groups of a job, at one site if that is given, by certname; None while no host is known."""
        found = self._targets(now)
        if not found:
            return None
        port, belongs = getattr(self._ports, job), JOBS[job]
        ordered = (found[name] for name in sorted(found))
        return tuple(one.group(port) for one in ordered if belongs(one) and (not site or one.site == site))

    def _targets(self, now: Now) -> Mapping[str, Target]:
        if now.estate is None:
            return {}
        nodes, answers = now.estate.nodes, now.generation.answers
        targets = {name: _of_node(node, agent=name in answers) for name, node in nodes.items()}
        gone = answers.keys() - nodes.keys() if now.generation.hold is not None else frozenset()
        for name in gone:
            node = self._last.get(name)
            targets[name] = _of_node(node, agent=True) if node else _of_answer(name, answers[name])
        self._last = {**nodes, **{name: self._last[name] for name in gone if name in self._last}}
        return targets


def encode(groups: Iterable[Group]) -> bytes:
    """The body that http_sd reads."""
    return msgspec.json.encode(tuple(groups)) + b"\n"


def _of_node(node: Node, *, agent: bool) -> Target:
    host = node.host
    return Target(
        certname=host.name,
        address=host.addresses[0] if host.addresses else host.name,
        site=node.site.name if node.site else "",
        kind=node.kind or "",
        layer=str(node.layer),
        hypervisor=node.placement.hypervisor or "",
        services=tuple(service.name for service in node.services),
        intent=host.intent if node.kind == "guest" else "",
        agent=agent,
    )


def _of_answer(name: str, answer: Answer) -> Target:
    """A host that is known by its held answer alone, as after a restart: under its name, since no address is kept."""
    said: Mapping[str, Any] = msgspec.json.decode(answer.body)["parameters"]["enclume"]
    return Target(
        certname=name,
        address=name,
        site=said["site"] or "",
        kind=said["kind"] or "",
        layer=str(said["layer"]),
        hypervisor=said["hypervisor"] or "",
        services=tuple(said["services"]),
    )
