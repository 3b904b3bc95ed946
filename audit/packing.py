"""Packing: do the guests of a hypervisor that died fit on the others?

Best fit, the largest first, those with the least choice before the others. What it says to fit does fit; where room is
very tight it may find no way although a cleverer packing exists.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

from msgspec import Struct

Free = Mapping[str, tuple[int, float]]
"""What hypervisors have left: bytes of memory and vCPUs."""


class Item(Struct, frozen=True):
    """A guest that must find room; `to` are the hypervisors that could take it, None for any."""

    name: str
    memory: int
    vcpus: int
    to: tuple[str, ...] | None = None


class Packing(Struct, frozen=True):
    """Who goes where, by guest; and those that found no room."""

    placed: Mapping[str, str]
    left: tuple[Item, ...]


def pack(items: Iterable[Item], free: Free) -> Packing:
    """Find room for every guest."""
    shelves = _Shelves(free)
    placed, left = {}, []
    for item in sorted(items, key=_order):
        where = shelves.best(item)
        if where is None:
            left.append(item)
        else:
            shelves.take(where, item)
            placed[item.name] = where
    return Packing(placed, tuple(left))


def _order(item: Item) -> tuple[bool, int, int, int, str]:
    return item.to is None, len(item.to or ()), -item.memory, -item.vcpus, item.name


class _Shelves:
    """The room that is left, by hypervisor and in order of memory."""

    def __init__(self, free: Free) -> None:
        self._free = dict(free)
        self._sorted = sorted((memory, name) for name, (memory, _) in free.items())

    def best(self, item: Item) -> str | None:
        """The hypervisor that has the least memory left among those with room for it."""
        if item.to is not None:
            fitting = [name for name in item.to if name in self._free and self._has_room(name, item)]
            return min(fitting, key=lambda name: (self._free[name], name), default=None)
        start = bisect_left(self._sorted, (item.memory, ""))
        return next((name for _, name in self._sorted[start:] if self._has_room(name, item)), None)

    def take(self, name: str, item: Item) -> None:
        memory, vcpus = self._free[name]
        self._free[name] = (memory - item.memory, vcpus - item.vcpus)
        del self._sorted[bisect_left(self._sorted, (memory, name))]
        insort(self._sorted, (memory - item.memory, name))

    def _has_room(self, name: str, item: Item) -> bool:
        memory, vcpus = self._free[name]
        return item.memory <= memory and item.vcpus <= vcpus
