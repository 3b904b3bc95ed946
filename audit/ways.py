"""The ways through the ground: its steps, and which uses of layer 2 each part leads to with which effect.

Uses are bits of integers, so that however many there are, they spread over the graph in one operation a step.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from audit.needs import GRAVEST_FIRST, GRAVITY, Effect, Ground, Lost, Machine, Need, Part, milder


class Step(Struct, frozen=True):
    """A part's use of another one."""

    user: Part
    need: Need
    provider: Part
    effect: Effect


class Use(Struct, frozen=True):
    """A host's use of layer 2: as what, and of whom (the parts that provide it, by host)."""

    user: str
    what: str
    targets: Mapping[str, Part]
    bit: int


class _Entry(Struct, frozen=True):
    """A use as one part has it."""

    need: Need
    effect: Effect
    use: Use


class _Split(Struct, frozen=True):
    """A need's providers: those that a path goes on from, and those in layer 2 with the effect of using them."""

    onward: tuple[Part, ...]
    effect: Effect
    into: tuple[tuple[Effect, Mapping[str, Part]], ...]


class Ways:
    """All ways of a ground."""

    def __init__(self, ground: Ground) -> None:
        self._machines = ground.machines
        guests = frozenset(name for name, machine in ground.machines.items() if machine.guest)
        self._lost = Lost(ground.needs, guests)
        self._steps: dict[Part, list[Step]] = {}
        self._entries: dict[Part, list[_Entry]] = {}
        self.uses: list[Use] = []
        self._read(ground)
        self._leads = {effect: self._spread(GRAVITY[effect]) for effect in GRAVEST_FIRST} if self.uses else {}

    def _read(self, ground: Ground) -> None:
        known: dict[tuple[str, int, int], Use] = {}
        splits: dict[int, _Split] = {}
        for user, needs in ground.needs.items():
            for need in needs:
                split = splits.get(id(need)) or splits.setdefault(id(need), self._split(need))
                steps = [Step(user, need, provider, split.effect) for provider in split.onward]
                self._steps.setdefault(user, []).extend(steps)
                for number, (effect, targets) in enumerate(split.into):
                    if list(targets) != [user.host]:
                        key = user.host, id(need), number
                        if key not in known:
                            known[key] = Use(user.host, need.what, targets, 1 << len(self.uses))
                            self.uses.append(known[key])
                        self._entries.setdefault(user, []).append(_Entry(need, effect, known[key]))

    def _split(self, need: Need) -> _Split:
        """Where another provider goes on without any guest, a need keeps nobody from booting: its user only runs badly.
        What is in layer 2 and no guest boots by itself, so it keeps nobody from booting either.
        """
        effect = need.effect
        if effect == "boot" and not need.all_of and not self._lost.fails(need):
            effect = "run"
        guests: dict[str, Part] = {}
        others: dict[str, Part] = {}
        onward = []
        for provider in need.providers:
            machine = self._machines[provider.host]
            if machine.guest:
                guests[provider.host] = provider
            else:
                onward.append(provider)
                if machine.virtual:
                    others[provider.host] = provider
        into = [(effect, guests)] * bool(guests) + [(milder(effect, "run"), others)] * bool(others)
        return _Split(tuple(onward), effect, tuple(into))

    def _spread(self, gravity: int) -> dict[Part, int]:
        """By part: the uses that it leads to with at least this effect."""
        users: dict[Part, list[Part]] = {}
        for user, steps in self._steps.items():
            for step in steps:
                if GRAVITY[step.effect] >= gravity:
                    users.setdefault(step.provider, []).append(user)
        leads = {
            part: _united(entry.use.bit for entry in entries if GRAVITY[entry.effect] >= gravity)
            for part, entries in self._entries.items()
        }
        waiting = deque(leads)
        while waiting:
            part = waiting.popleft()
            for user in users.get(part, ()):
                more = leads.get(user, 0) | leads[part]
                if more != leads.get(user, 0):
                    leads[user] = more
                    waiting.append(user)
        return leads

    def leads_to(self, machine: Machine, effect: Effect) -> int:
        """The uses that a machine stands on with at least this effect."""
        return _united(self._leads[effect].get(part, 0) for part in machine.parts)

    def uses_in(self, bits: int) -> Iterator[Use]:
        """The uses that these bits stand for."""
        while bits:
            low = bits & -bits
            yield self.uses[low.bit_length() - 1]
            bits ^= low

    def shortest(
        self, machine: Machine, effect: Effect, wanted: Mapping[str, int]
    ) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """The shortest way with at least this effect from a machine to each wanted host, by one of the given uses of
        it; steps within a host cost nothing.
        """
        missing, gravity = dict(wanted), GRAVITY[effect]
        came: dict[Part, Step | None] = dict.fromkeys(machine.parts)
        waiting, done = deque(machine.parts), set[Part]()
        while waiting and missing:
            part = waiting.popleft()
            if part in done:
                continue
            done.add(part)
            for last in self._ends(part, gravity, missing):
                yield last.provider.host, (*_back(part, came), last)
            any_missing = _united(missing.values())
            for step in self._steps.get(part, ()):
                to, near = step.provider, step.provider.host == part.host
                leads = GRAVITY[step.effect] >= gravity and self._leads[effect].get(to, 0) & any_missing
                if leads and to not in done and (to not in came or (near and came[to])):
                    came[to] = step
                    (waiting.appendleft if near else waiting.append)(to)

    def _ends(self, part: Part, gravity: int, missing: dict[str, int]) -> Iterator[Step]:
        """The steps from a part to hosts that are still missing, which then are so no more."""
        for entry in self._entries.get(part, ()):
            if GRAVITY[entry.effect] >= gravity:
                for target in [one for one, bits in missing.items() if bits & entry.use.bit]:
                    del missing[target]
                    yield Step(part, entry.need, entry.use.targets[target], entry.effect)


def _back(part: Part, came: Mapping[Part, Step | None]) -> tuple[Step, ...]:
    """The steps that led to a part, the first one first."""
    steps: list[Step] = []
    while (step := came[part]) is not None:
        steps.append(step)
        part = step.user
    return tuple(reversed(steps))


def _united(bits: Iterable[int]) -> int:
    found = 0
    for one in bits:
        found |= one
    return found
