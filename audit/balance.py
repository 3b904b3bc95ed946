"""Balance: how evenly a site's hypervisors carry its guests, and which guests could move."""

from msgspec import Struct

from audit.carriers import Carrier
from audit.failover import around_of, refuges_of
from audit.load import Load


class Balance(Struct, frozen=True):
    """The hypervisors that carry the largest and the smallest share of their memory, and by how much these differ (0 to
    1); all three are the same one where there is only one.
    """

    most: Carrier
    least: Carrier
    ratio: float


def balance(carriers: tuple[Carrier, ...]) -> Balance | None:
    """How even the load is on these hypervisors; None for none whose memory is known."""
    known = [one for one in carriers if one.memory]
    if not known:
        return None
    most = max(known, key=lambda one: one.share)
    least = min(known, key=lambda one: one.share)
    return Balance(most, least, min(1.0, most.share - least.share))


def moves(uneven: Balance, copy_seconds: float, at: float) -> tuple[Load, ...]:
    """Guests to move from the most to the least loaded hypervisor, as far as their copies allow, until both carry the
    same share; the largest first.
    """
    most, least = uneven.most, uneven.least
    surplus = (most.share - least.share) / (1 / most.memory + 1 / least.memory)
    chosen: list[Load] = []
    for load in sorted(most.loads, key=lambda load: (-load.memory, load.name)):
        if load.memory <= surplus and _can_go(load, least, copy_seconds, at):
            chosen.append(load)
            surplus -= load.memory
    return tuple(chosen)


def _can_go(load: Load, to: Carrier, copy_seconds: float, at: float) -> bool:
    refuges = refuges_of(load, around_of((to,)), copy_seconds, at)
    return refuges.sure is None or bool(refuges.sure)
