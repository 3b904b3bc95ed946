"""What an answer rests on: the directory, and for a guest the hypervisors that say where it is."""

from functools import lru_cache

from facts.estate import Node
from facts.source import SourceKey


def rests_on(node: Node | None, base: str) -> tuple[SourceKey, ...]:
    """The targets that the answer of a node rests on, the directory of this base first."""
    if node is None or node.kind != "guest":
        return _targets(base, ())
    placement = node.placement
    return _targets(base, placement.observed_on or ((placement.hypervisor,) if placement.hypervisor else ()))


@lru_cache(maxsize=4096)
def _targets(base: str, hypervisors: tuple[str, ...]) -> tuple[SourceKey, ...]:
    """One object for all guests of the same hypervisors."""
    return (SourceKey("directory", base), *(SourceKey("inventory", name) for name in hypervisors))
