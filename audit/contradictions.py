"""Contradictions: what a node's facts claim of it that the estate knows better.

A claim never overrules the estate; where the two differ, one of them is wrong and somebody should look. What either
does not know is no contradiction, and says nothing.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from audit.addressed import is_address
from audit.picture import Picture
from audit.standing import hypervisor_source
from audit.verdict import Status, Verdict
from audit.words import names
from facts.certname import short_name
from facts.estate import Node
from facts.facter.node_facts import Claims
from facts.source import SourceKey

_CONTAINERS = frozenset(
    {"container_other", "crio", "docker", "illumos-lx", "lxc", "openvzve", "podman", "systemd_nspawn"}
)
"""An agent in a container on a real machine sees that it is virtual, and not that the machine is real."""
_NO_UUID = frozenset({"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"})
_UUID_PARTS = (8, 4, 4, 4, 12)


def verdicts(picture: Picture) -> tuple[Verdict, ...]:
    """What is said of the claims of one host; nothing where it claims nothing, or is not meant to run."""
    claims, node = picture.claims, picture.node
    if claims is None or claims == Claims() or node.host.intent != "running":
        return ()
    found = []
    if said := _uuid(node, claims):
        found.append(_say(picture, "warning", said, code="facts_uuid"))
    if said := _kind(node, claims):
        found.append(_say(picture, "warning", said, code="facts_kind"))
    if said := "; ".join(_place(picture, claims)):
        found.append(_say(picture, "warning", said, code="facts_place"))
    if said := _address(node, claims):
        found.append(_say(picture, "warning", said, code="facts_address"))
    if not found:
        sentence = f"nothing that the facts of {picture.name} claim contradicts what is known of it"
        found.append(_say(picture, "ok", sentence, code="facts"))
    return tuple(found)


def same_uuid(one: str, other: str) -> bool:
    """Whether two UUIDs are one. The firmware has the first three groups in little-endian order; old kernels and old
    versions of dmidecode print them as they stand.
    """
    return one.lower() in {other.lower(), _swapped(other.lower())}


def _swapped(uuid: str) -> str:
    groups = uuid.split("-")
    turned = ["".join(reversed([group[at : at + 2] for at in range(0, len(group), 2)])) for group in groups[:3]]
    return "-".join((*turned, *groups[3:]))


def _is_uuid(text: str) -> bool:
    groups = text.split("-")
    hexadecimal = all(letter in "0123456789abcdef" for group in groups for letter in group)
    return hexadecimal and tuple(map(len, groups)) == _UUID_PARTS and text not in _NO_UUID


def _uuid(node: Node, claims: Claims) -> str:
    known = node.hardware.uuid if node.hardware else node.host.domain_uuid
    if node.kind != "guest" or not known or not _is_uuid(claims.uuid) or same_uuid(claims.uuid, known):
        return ""
    return (
        f"the facts of {node.host.name} come from a machine with the UUID {claims.uuid}, its domain has {known}: look "
        "whether another machine runs Puppet under its certname, or correct enclumeDomainUUID"
    )


def _kind(node: Node, claims: Claims) -> str:
    name, virtual = node.host.name, claims.virtual or "virtual"
    if node.kind == "guest" and claims.is_virtual is False:
        return (
            f"{name} is a guest, and its facts say that it runs on real hardware ({claims.virtual or 'not virtual'}): "
            "look whether another machine runs Puppet under its certname, or correct enclumeKind"
        )
    if node.kind in {"physical", "hypervisor"} and claims.is_virtual and virtual not in _CONTAINERS:
        return (
            f"{name} is {node.kind}, and its facts say that it is a virtual machine ({virtual}): look whether another "
            "machine runs Puppet under its certname, or correct enclumeKind"
        )
    return ""


def _place(picture: Picture, claims: Claims) -> Iterator[str]:
    node, name = picture.node, picture.name
    mend = "correct the fact on the node (facts.d, or the certificate's extension), or the directory"
    if claims.site and node.site is not None and claims.site.lower() != node.site.name.lower():
        yield f"the facts of {name} claim the site {claims.site[:80]}, it is at {node.site.name}: {mend}"
    if claims.layer is not None and node.kind is not None and claims.layer != node.layer:
        yield f"the facts of {name} claim layer {claims.layer}, it is on layer {node.layer}: {mend}"
    runs_on = picture.running_on
    if claims.hypervisor and len(runs_on) == 1 and node.placement.hypervisor in runs_on and not picture.blind:
        (own,) = runs_on
        if claims.hypervisor not in {own.lower(), short_name(own).lower()}:
            yield f"the facts of {name} claim the hypervisor {claims.hypervisor[:80]}, it runs on {own}: {mend}"


def _address(node: Node, claims: Claims) -> str:
    """An address on the very network of its site that a declared address is on, and none of those that are declared:
    neither an address that a router translates nor one that moves between hosts looks like that.
    """
    declared = {str(ip_address(one)) for one in node.host.addresses if is_address(one)}
    if not declared or not declared.isdisjoint(claims.addresses) or node.site is None:
        return ""
    for network in node.site.networks:
        meant = [one for one in sorted(declared) if _within(one, network.cidr)]
        has = [one for one in claims.addresses if _within(one, network.cidr)]
        if meant and has:
            return (
                f"{node.host.name} has {names(has)} on {network.name} as its facts say, its entry {names(meant)}: "
                "correct ipHostNumber, or the host's network"
            )
    return ""


def _within(address: str, cidr: str) -> bool:
    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return False


def _say(picture: Picture, status: Status, sentence: str, *, code: str) -> Verdict:
    shown = tuple([hypervisor_source(name) for name in picture.running_on])
    return Verdict(
        check="sources",
        code=code,
        subject=f"facts {picture.name}",
        site=picture.site,
        status=status,
        sentence=sentence,
        host=picture.name,
        sources=(SourceKey("facts", picture.name), *shown),
    )
