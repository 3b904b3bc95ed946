"""A builder with a ledger that the test writes in as sources would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from enc.rules import Rules
from facts.directory.entries import Entry
from facts.facter.book import FactBook
from facts.inventory.domains import Domain, HypervisorTarget
from facts.source import Observation, SourceKey
from facts.upkeep import Upkeep
from generation.builder import Builder
from generation.generation import Hold
from tests.factories import BASE, NO_RULES, directory, host, kvm, settings, shows, site
from tests.waiting import until

DIRECTORY = SourceKey("directory", BASE)
SITE = (site("angers"), kvm("kvm1", "angers"), kvm("kvm2", "angers"))


class House:
    """A builder with a ledger that the test writes in as sources would."""

    def __init__(
        self,
        folder: Path,
        rules: Rules = NO_RULES,
        handover: float = 60.0,
        facts: FactBook | None = None,
        **more: Any,
    ) -> None:
        self.watched: list[tuple[HypervisorTarget, ...]] = []
        self.upkeep = Upkeep()
        known = settings(state=str(folder), **more)
        self.builder = Builder(known, rules, self.upkeep, self.watched.append, handover, facts=facts)

    def read(self, *entries: Entry, at: float = 100.0) -> None:
        """The directory has these entries."""
        self.upkeep.observed(Observation(DIRECTORY, directory(*entries), at))

    def see(self, name: str, *domains: Domain, at: float = 100.0) -> None:
        """A hypervisor shows these domains."""
        self.upkeep.observed(Observation(SourceKey("inventory", name), shows(*domains), at))

    def answers(self) -> dict[str, Any]:
        """Everything that is served."""
        served = self.builder.now.generation.answers
        return {name: msgspec.json.decode(answer.body) for name, answer in served.items()}

    def classes(self) -> dict[str, list[str]]:
        """The classes that are served."""
        return {name: list(answer["classes"]) for name, answer in self.answers().items()}

    def serves(self, condition: Callable[[dict[str, list[str]]], object]) -> None:
        """Wait until the classes that are served satisfy a condition."""
        until(lambda: condition(self.classes()), what=f"other answers than {self.classes()}")

    def hold(self) -> Hold:
        """What is held, once something is."""
        hold = until(lambda: self.builder.now.generation.hold, what="a hold")
        assert hold is not None
        return hold

    def looked(self) -> None:
        """Wait until the builder has looked at everything that was observed before, whatever comes of it."""
        for _ in range(2):
            before = self.builder.heartbeat
            self.upkeep.wake()
            until(lambda before=before: self.builder.heartbeat > before, what="a heartbeat")  # type: ignore[misc]

    def built(self) -> None:
        """Wait until everything that was observed before has been looked at."""
        before = self.builder.now
        self.upkeep.wake()
        until(lambda: self.builder.now is not before, what="a build")


Open = Callable[..., House]


def close(house: House) -> None:
    """Stop a builder unless it is stopped."""
    house.builder.stop()


def hosts(count: int, *classes: str) -> list[Entry]:
    return [
        host(f"n{number:02d}", puppetClass=classes) if classes else host(f"n{number:02d}") for number in range(count)
    ]
