"""Failover: if one hypervisor dies, who could take each of its guests, and do they all fit?"""

from collections.abc import Iterable, Mapping
from math import inf

from msgspec import Struct

from audit.carriers import Carrier
from audit.load import Load
from audit.packing import Free, Item, pack
from audit.words import names, span, when
from facts.certname import short_name


class Stranded(Struct, frozen=True):
    """A guest that nobody could take, why, and whether that is known (`certain`)."""

    load: Load
    why: str
    certain: bool = True


class Loss(Struct, frozen=True):
    """What the loss of one hypervisor means: where its guests would go, by guest; who is left over; the memory in bytes
    that each other hypervisor would have to find; until when that holds (seconds since the epoch).
    """

    of: Carrier
    placed: Mapping[str, str]
    stranded: tuple[Stranded, ...]
    falls_on: Mapping[str, int]
    until: float

    @property
    def survived(self) -> bool | None:
        """Whether every guest finds room; None where that is not known."""
        if not self.of.readable:
            return None
        if not self.stranded:
            return True
        return None if not any(one.certain for one in self.stranded) else False


class Refuges(Struct, frozen=True):
    """Where a guest could go: certainly (`sure`, None for any other hypervisor that can be read), perhaps (`unsure`,
    with the reason), or not (`why`).
    """

    sure: tuple[str, ...] | None
    unsure: str = ""
    why: str = ""
    until: float = inf


def lose(lost: Carrier, others: tuple[Carrier, ...], free: Free, copy_seconds: float, at: float) -> Loss:
    """What the loss of a hypervisor means. `free` is what each other one that can be read has left; `copy_seconds` how
    old a copy may be where no enclumeMaxAge says.
    """
    around = around_of(others)
    refuges = {load.name: refuges_of(load, around, copy_seconds, at) for load in lost.loads}
    items = (Item(load.name, load.memory, load.vcpus, refuges[load.name].sure) for load in lost.loads)
    packing = pack(items, free)
    left = {item.name for item in packing.left}
    stranded = tuple(_stranded(load, refuges[load.name]) for load in lost.loads if load.name in left)
    falls_on = _falls_on(lost.loads, packing.placed, refuges)
    return Loss(lost, packing.placed, stranded, falls_on, min((one.until for one in refuges.values()), default=inf))


class Around(Struct, frozen=True):
    """The other hypervisors of a site, and those of them that cannot be read."""

    names: frozenset[str]
    dark: tuple[str, ...]


def around_of(others: Iterable[Carrier]) -> Around:
    """The other hypervisors, by what matters to those who look for one."""
    known = tuple(others)
    return Around(frozenset(one.name for one in known), tuple(one.name for one in known if not one.readable))


def refuges_of(load: Load, around: Around, copy_seconds: float, at: float) -> Refuges:
    """Where a guest could go once its hypervisor is lost."""
    dark = around.dark
    if load.anywhere:
        doubt = f"{names(dark)} cannot be read: see the sources" if dark else ""
        return Refuges(None, doubt, "no room" if around.names else "there is no other hypervisor")
    named = [name for name in load.declared or load.defined if name in around.names]
    if not named:
        missing = "LDAP names no other hypervisor" if load.declared else "no other hypervisor defines it"
        return Refuges((), why=f"{missing} at the site")
    kept = {name: _unread(name) if name in dark else _kept(load, name, copy_seconds, at) for name in named}
    sure = tuple(name for name, one in kept.items() if not one.why)
    unsure = [one.why for one in kept.values() if one.why and not one.certain]
    why = [one.why for one in kept.values() if one.why and one.certain]
    until = min((one.until for one in kept.values()), default=inf)
    return Refuges(sure, ", ".join(unsure), ", ".join(why) or f"no room on {' and '.join(sure)}", until)


class _Kept(Struct, frozen=True):
    """Whether a copy counts: it does where there is no reason why not; `certain` where that is known."""

    why: str = ""
    certain: bool = True
    until: float = inf


def _unread(name: str) -> _Kept:
    return _Kept(f"{name} cannot be read: see the sources", certain=False)


def _kept(load: Load, name: str, copy_seconds: float, at: float) -> _Kept:
    """Whether a guest's copy on one hypervisor is good enough to go on with; disks that all reach need none."""
    if name not in load.defined:
        return _Kept(f"not defined on {name}")
    if not load.local:
        return _Kept()
    limit = copy_seconds if load.max_age is None else load.max_age
    there = [one for one in load.copies if one.by != name and one.made_at and _names(one.peer, name)]
    proven = max((one.made_at for one in there if one.verified), default=0.0)
    if at - proven <= limit:
        return _Kept(until=proven + limit)
    if silent := [one for one in load.silent if one != name]:
        return _Kept(f"{names(silent)} says nothing of its copy: look at enclume-observe there", certain=False)
    if proven:
        return _Kept(f"its copy on {name} is of {when(proven)}, may be {span(limit)} old")
    return _Kept(f"its copy on {name} was never verified" if there else f"no copy of its disks on {name}")


def _names(peer: str, hypervisor: str) -> bool:
    """Whether a copy's peer, by its certname or its first label, is this hypervisor; where nobody says, it may be."""
    return peer.lower() in ("", hypervisor, short_name(hypervisor))


def _stranded(load: Load, refuges: Refuges) -> Stranded:
    if refuges.unsure:
        return Stranded(load, refuges.unsure, certain=False)
    return Stranded(load, refuges.why)


def _falls_on(loads: Iterable[Load], placed: Mapping[str, str], refuges: Mapping[str, Refuges]) -> Mapping[str, int]:
    """What each hypervisor would have to find, a guest included that has its copy there and no room."""
    falls_on: dict[str, int] = {}
    for load in loads:
        where = placed.get(load.name) or next(iter(refuges[load.name].sure or ()), None)
        if where is not None:
            falls_on[where] = falls_on.get(where, 0) + load.memory
    return falls_on
