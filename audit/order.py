"""The order of a cold start: levels of parts, each of which needs only what stands on the levels before it."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from audit.needs import Need, Needs, Part


class Order(Struct, frozen=True):
    """Every part, level by level; what starts `without` something that hurts it only while running; and each cycle that
    nothing comes out of by itself, as the parts of it in the order in which each needs the next. A cycle is started
    all the same, as one level, once all that it needs besides is there or in other cycles.
    """

    levels: tuple[tuple[Part, ...], ...] = ()
    without: tuple[tuple[Part, str], ...] = ()
    cycles: tuple[tuple[Part, ...], ...] = ()


def order(needs: Needs) -> Order:
    """Order the parts that have needs (or an empty tuple of them). What others provide counts as there already, and so
    does what no provider is there for; what only hinders changes has no part in it. Any needs give an order.
    """
    start = _Start(needs)
    without, cycles = [], []
    ready = start.ready()
    while ready or start.left:
        if not ready:
            ready = tuple(start.without_comfort())
            without += [(part, what) for part in ready for what in start.missing(part)]
        if not ready:
            ready = start.cycle()
            cycles.append(ready)
        ready = start.up(ready)
    return Order(start.levels(), tuple(without), tuple(cycles))


class _Wait:
    """A need that is not met yet: how many of its providers it waits for, the latest level of those that are there, and
    who waits for it.
    """

    __slots__ = ("level", "need", "outstanding", "users")

    def __init__(self, need: Need, providers: int) -> None:
        self.need, self.users, self.level = need, list[Part](), 0
        self.outstanding = providers if need.all_of else 1


class _Start:
    """A start under way. Needs that many parts share are one object, and are counted once.

    The level of a part is the one after the latest level of what it needs, however long the start already goes on
    elsewhere.
    """

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._waits: dict[int, _Wait | None] = {}
        self._of_provider: dict[Part, list[_Wait]] = {}
        self._blocked = dict.fromkeys(needs, 0)
        self._hurt = dict.fromkeys(needs, 0)
        self._level = dict.fromkeys(needs, 0)
        self.left = dict.fromkeys(needs)
        for part, wanted in needs.items():
            for need in wanted:
                if wait := self._wait(need):
                    wait.users.append(part)
                    self._counted(need)[part] += 1

    def _wait(self, need: Need) -> _Wait | None:
        if id(need) not in self._waits:
            providers = [provider for provider in dict.fromkeys(need.providers) if provider in self._needs]
            met = need.effect == "change" or need.together or not providers or (need.elsewhere and not need.all_of)
            self._waits[id(need)] = None if met else self._begin(need, providers)
        return self._waits[id(need)]

    def _begin(self, need: Need, providers: list[Part]) -> _Wait:
        wait = _Wait(need, len(providers))
        for provider in providers:
            self._of_provider.setdefault(provider, []).append(wait)
        return wait

    def _counted(self, need: Need) -> dict[Part, int]:
        return self._blocked if need.effect == "boot" else self._hurt

    def ready(self) -> tuple[Part, ...]:
        """The parts that wait for nothing from the beginning."""
        return tuple(part for part in self.left if not self._blocked[part] and not self._hurt[part])

    def without_comfort(self) -> Iterator[Part]:
        """The parts that could start, though they will run badly at first."""
        return (part for part in self.left if not self._blocked[part])

    def missing(self, part: Part) -> Iterator[str]:
        """What a part waits for."""
        return (need.what for need in self._needs[part] if self._open(need))

    def _open(self, need: Need) -> bool:
        wait = self._waits.get(id(need))
        return wait is not None and wait.outstanding > 0

    def cycle(self) -> tuple[Part, ...]:
        """A cycle among the parts that are left, all of which wait for another one that is left."""
        way: dict[Part, None] = {}
        part = next(iter(self.left))
        while part not in way:
            way[part] = None
            part = self._blocker(part)
        found = list(way)
        cycle = tuple(found[found.index(part) :])
        self._level |= dict.fromkeys(cycle, max(self._level[one] for one in cycle))
        return cycle

    def _blocker(self, part: Part) -> Part:
        blocking = (need for need in self._needs[part] if need.effect == "boot" and self._open(need))
        return next(provider for need in blocking for provider in need.providers if provider in self.left)

    def up(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """These parts are up; returns the others that can start now."""
        freed: dict[Part, None] = {}
        for part in parts:
            self.left.pop(part, None)
        for part in parts:
            for wait in self._of_provider.get(part, ()):
                wait.outstanding -= 1
                wait.level = max(wait.level, self._level[part])
                if wait.outstanding == 0:
                    freed |= dict.fromkeys(self._met(wait))
        return tuple(part for part in freed if part in self.left)

    def _met(self, wait: _Wait) -> Iterator[Part]:
        """The users of a need that is met now who wait for nothing else."""
        counted = self._counted(wait.need)
        for user in wait.users:
            counted[user] -= 1
            if user in self.left:
                self._level[user] = max(self._level[user], wait.level + 1)
                if not self._blocked[user] and not self._hurt[user]:
                    yield user

    def levels(self) -> tuple[tuple[Part, ...], ...]:
        """All parts that are up, by level."""
        found: dict[int, list[Part]] = {}
        for part, level in self._level.items():
            found.setdefault(level, []).append(part)
        return tuple(tuple(found[level]) for level in sorted(found))
