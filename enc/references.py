"""References: `${…}` in a rule's values, filled in from the node's estate.

`${site.provider.nfs}` is the first provider's certname; a value that is one reference alone may be a list, as
`${site.providers.nfs}`. `$${` stands for `${`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from facts.directory.fields import PROVIDES
from facts.estate import Node

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")

REFERENCES: Mapping[str, Callable[[Node], Any]] = {
    "site.name": lambda node: node.site.name if node.site else None,
    "node.certname": lambda node: node.host.name,
    "node.kind": lambda node: node.kind,
    "node.layer": lambda node: node.layer,
    "node.hypervisor": lambda node: node.placement.hypervisor,
    "node.services": lambda node: sorted(service.name for service in node.services),
    "node.addresses": lambda node: list(node.host.addresses),
    "node.memory": lambda node: node.hardware.memory if node.hardware else None,
    "node.vcpus": lambda node: node.hardware.vcpus if node.hardware else None,
}
PROVIDER = re.compile(rf"site\.(providers?)\.({'|'.join(sorted(PROVIDES))})")


class Unresolved(Exception):
    """A reference that has no value for this node."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(reference)


def check(value: Any) -> None:
    """Raise ValueError when a value holds a reference that no node could have."""
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            if match[1] is not None and match[1] not in REFERENCES and not PROVIDER.fullmatch(match[1]):
                known = ", ".join([*REFERENCES, "site.provider.WHAT", "site.providers.WHAT"])
                raise ValueError(f"${{{match[1]}}} is no reference; known are {known}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            check(key)
            check(inner)
    elif isinstance(value, list):
        for inner in value:
            check(inner)


def resolve(value: Any, node: Node) -> Any:
    """The value with every reference filled in. Raises `Unresolved` for one that has no value here."""
    if isinstance(value, str):
        return _resolve_text(value, node) if "${" in value else value
    if isinstance(value, Mapping):
        return {str(resolve(key, node)): resolve(inner, node) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, node) for inner in value]
    return value


def _resolve_text(text: str, node: Node) -> Any:
    alone = _REFERENCE.fullmatch(text)
    if alone and alone[1] is not None:
        return _lookup(alone[1], node)
    return _REFERENCE.sub(lambda match: "${" if match[1] is None else _as_text(_lookup(match[1], node)), text)


def _as_text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _lookup(reference: str, node: Node) -> Any:
    match = PROVIDER.fullmatch(reference)
    value = _provider(match[1], node.providers.get(match[2])) if match else REFERENCES[reference](node)
    if value is None:
        raise Unresolved(reference)
    return value


def _provider(which: str, certnames: tuple[str, ...] | None) -> Any:
    """The first provider for `provider`, all of them for `providers`; None where there is none."""
    if not certnames:
        return None
    return list(certnames) if which == "providers" else certnames[0]
