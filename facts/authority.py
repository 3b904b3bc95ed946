"""Authority: who may say what. A host speaks for itself; for others only what LDAP makes it the source of."""

from facts.estate import Node

OWN = frozenset({"nfs", "mounts", "uses", "logs"})
"""What every host may say, since it is about itself alone."""

_BY_SERVICE = {
    "nfsd": frozenset({"nfs", "mirror"}),
    "mirrors": frozenset({"nfs", "mirror"}),
    "backups": frozenset({"backup"}),
}


def may_say(node: Node) -> frozenset[str]:
    """The kinds of observations (`facts.observations.KINDS`) that are this node's to deliver."""
    provided = {what for service in node.services for what in service.provides}
    kinds = {kind for kind, needed in _BY_SERVICE.items() if needed & provided}
    return OWN | kinds | ({"containers"} if node.kind == "hypervisor" else set())


def why_not(kind: str) -> str:
    """What it takes to deliver a kind of observation."""
    needed = _BY_SERVICE.get(kind)
    if needed:
        return f"only members of a service with enclumeProvides {' or '.join(sorted(needed))} say this: assign the host"
    if kind in OWN:
        return "the host is not in the directory"
    return "only hypervisors say this: give the host enclumeKind hypervisor"
