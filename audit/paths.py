"""The paths by which layer 1 uses layer 2, each with what it does to where it begins.

A path hurts no more than its mildest step: who loses the log server because that one does not boot still boots. Of many
paths from one host to one provider with one effect the shortest is told whole, with how many there are: one for each
use of the provider that the host stands on.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from audit.needs import GRAVEST_FIRST, GRAVITY, Effect, Ground, Machine, Origin
from audit.ways import Step, Ways

MOST = 16
"""So many providers of one host and effect are told; of the others, how many there are."""


class Hop(Struct, frozen=True):
    """One step: `host` uses `to` as `what`, which stands at `where`."""

    host: str
    what: str
    to: str
    origin: Origin
    where: str


class Path(Struct, frozen=True, kw_only=True):
    """The shortest path from a host of layer 1 to a provider in layer 2 with one effect; `paths` says how many there
    are, by whichever user of the provider. `text` is the path in a line; it ends with where a guest runs (`runs_on`).
    """

    site: str
    host: str
    provider: str
    effect: Effect
    paths: int
    hops: tuple[Hop, ...]
    text: str
    to_guest: bool = True
    runs_on: str | None = None


class LeftOut(Struct, frozen=True, kw_only=True):
    """How many more providers in layer 2 a host uses with one effect than are told."""

    site: str
    host: str
    effect: Effect
    providers: int


def paths(ground: Ground) -> tuple[tuple[Path, ...], tuple[LeftOut, ...]]:
    """Every path that is told, by site, host, provider and effect, and what is left out of them."""
    ways = Ways(ground)
    if not ways.uses:
        return (), ()
    told: list[Path] = []
    left_out: list[LeftOut] = []
    for machine in ground.machines.values():
        if not machine.virtual:
            for effect, counts in _counts(ways, machine).items():
                few = sorted(counts)[:MOST]
                found = ways.shortest(machine, effect, {target: counts[target][0] for target in few})
                told += (
                    _path(machine, ground.machines, effect, len(counts[target][1]), steps) for target, steps in found
                )
                if len(counts) > MOST:
                    left = len(counts) - MOST
                    left_out.append(LeftOut(site=machine.site, host=machine.name, effect=effect, providers=left))
    told.sort(key=lambda one: (one.site, one.host, one.provider, -GRAVITY[one.effect]))
    return tuple(told), tuple(left_out)


def _counts(ways: Ways, machine: Machine) -> dict[Effect, dict[str, tuple[int, set[tuple[str, str]]]]]:
    """By effect and provider: the bits of the uses of it, and those uses. Each counts with the gravest effect that it
    has for this machine.
    """
    found: dict[Effect, dict[str, tuple[int, set[tuple[str, str]]]]] = {}
    seen: set[tuple[str, str, str]] = set()
    graver = 0
    for effect in GRAVEST_FIRST:
        here = ways.leads_to(machine, effect)
        fresh = list(ways.uses_in(here & ~graver))
        graver |= here
        new: dict[str, tuple[int, set[tuple[str, str]]]] = {}
        for use in fresh:
            for target in use.targets:
                if (target, use.user, use.what) not in seen:
                    bits, users = new.get(target, (0, set()))
                    users.add((use.user, use.what))
                    new[target] = bits | use.bit, users
        seen.update((target, user, what) for target, (_, users) in new.items() for user, what in users)
        if new:
            found[effect] = new
    return found


def _path(
    machine: Machine, machines: Mapping[str, Machine], effect: Effect, number: int, steps: tuple[Step, ...]
) -> Path:
    hops = tuple(_hops(steps))
    target = machines[hops[-1].to]
    named = (f"{hop.what} → {'guest ' if machines[hop.to].guest else ''}{hop.to}" for hop in hops)
    text = " → ".join((machine.name, *named))
    if target.guest:
        text += f" → {target.runs_on or 'no known hypervisor'}"
    return Path(
        site=machine.site,
        host=machine.name,
        provider=target.name,
        effect=effect,
        paths=number,
        hops=hops,
        text=text,
        to_guest=target.guest,
        runs_on=target.runs_on,
    )


def _hops(steps: tuple[Step, ...]) -> Iterator[Hop]:
    """The steps between hosts: what one service of a host needs of another one there goes without saying."""
    for step in steps:
        if step.user.host != step.provider.host:
            yield Hop(step.user.host, step.need.what, step.provider.host, step.need.origin, step.need.where)
