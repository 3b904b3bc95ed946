"""Shelving: which files of the state folder are out of date, and what stands in them."""

from collections.abc import Callable, Mapping
from functools import partial

from facts import keep
from facts.estate import Remembered
from facts.facter import cache
from facts.join import Seen
from facts.observatory import HostSeen
from facts.puppet import Run
from facts.shelf import Shelf
from facts.upkeep import Upkeep
from generation import keep as generation_keep
from generation.generation import Generation
from generation.keeper import Keeper

_HOSTS_PAUSE, _HOSTS_PATIENCE = 5.0, 3.0
_RUNS_PAUSE = 60.0
"""Seconds: the runs of ten thousand nodes are megabytes, one is new at any time, and the history has them too."""


class Shelving:
    """Restores what is in the state folder, and has written anew what is no longer the same object."""

    def __init__(self, folder: str) -> None:
        self._shelf = Shelf(folder)
        self._keeper = Keeper()
        # Ten thousand hosts say something every minute: nothing else may wait behind them.
        self._hosts_keeper = Keeper(_HOSTS_PAUSE, _HOSTS_PATIENCE)
        self._runs_keeper = Keeper(_RUNS_PAUSE)
        self._keepers = self._keeper, self._hosts_keeper, self._runs_keeper
        self._kept: dict[str, object] = {}
        self._kept_runs: Mapping[str, Run] = {}

    def start(self) -> None:
        """Begin to write: nobody else does."""
        for keeper in self._keepers:
            keeper.start()

    def stop(self) -> None:
        """Write what still waits, then end."""
        for keeper in self._keepers:
            keeper.stop()

    @property
    def problems(self) -> tuple[str, ...]:
        """Files that cannot be written now, and files that were set aside."""
        kept = [problem for keeper in self._keepers for problem in keeper.problems.values()]
        return (*kept, *self._shelf.set_aside)

    def generation(self) -> Generation | None:
        """The generation in the state folder."""
        restored = generation_keep.restore(self._shelf)
        self._kept["generation"] = restored
        return restored

    def sources(self, upkeep: Upkeep) -> Mapping[str, Remembered]:
        """Give the upkeep what the sources last saw; what libvirt once showed."""
        values, freshness, remembered = keep.restore(self._shelf)
        self._kept.update({f"{key.kind} {key.target}": value for key, value in values.items()})
        self._kept["remembered"] = remembered
        upkeep.restore(values, freshness)
        return remembered

    def hosts(self) -> Mapping[str, HostSeen]:
        """What hosts last said of themselves, by certname."""
        return keep.restore_hosts(self._shelf)

    def keep_host(self, seen: HostSeen) -> None:
        """Write what a host says of itself."""
        self._hosts_keeper.put(f"host {seen.certname}", partial(keep.keep_host, self._shelf, seen))

    def forget_host(self, certname: str) -> None:
        """Remove what a host said of itself that is no host any more."""
        self._hosts_keeper.put(f"host {certname}", partial(keep.forget_host, self._shelf, certname))

    def runs(self) -> Mapping[str, Run]:
        """The last Puppet run of each node, by certname, as it was a minute before the end or later."""
        return keep.restore_runs(self._shelf)

    def keep_runs(self, runs: Mapping[str, Run]) -> None:
        """Write the last run of each node, where one is new; at once when it is another node's, so that no restart
        takes the checks of its runs away.
        """
        if self._kept_runs is runs:
            return
        hurry = runs.keys() != self._kept_runs.keys()
        self._kept_runs = runs
        self._runs_keeper.put("runs", partial(keep.keep_runs, self._shelf, runs), hurry=hurry)

    def facts(self, folder: str, names: tuple[str, ...]) -> tuple[cache.Line, ...]:
        """What was read of a folder of facts, for rules that name these."""
        return cache.restore(self._shelf, folder, names)

    def keep_facts(self, folder: str, names: tuple[str, ...], lines: tuple[cache.Line, ...]) -> None:
        """Write what was read of a folder of facts."""
        self._hosts_keeper.put(f"facts {folder}", partial(cache.keep, self._shelf, folder, names, lines))

    def keep(self, seen: Seen, remembered: Mapping[str, Remembered]) -> None:
        """Write what the sources saw, where it is new."""
        directory = seen.directory
        self._put(f"directory {directory.base}", directory, partial(keep.keep_directory, self._shelf, directory))
        for name, hypervisor in seen.hypervisors.items():
            self._put(f"inventory {name}", hypervisor, partial(keep.keep_hypervisor, self._shelf, name, hypervisor))
        for name in self._hypervisors() - seen.hypervisors.keys():
            del self._kept[f"inventory {name}"]
            self._keeper.put(f"inventory {name}", partial(keep.forget_hypervisor, self._shelf, name))
        self._put("remembered", remembered, partial(keep.keep_remembered, self._shelf, remembered))

    def _hypervisors(self) -> set[str]:
        """The hypervisors that have a file."""
        return {name.removeprefix("inventory ") for name in self._kept if name.startswith("inventory ")}

    def keep_generation(self, generation: Generation) -> None:
        """Write a generation, if it is new; at once when it holds something else, so that no restart forgets it."""
        kept = self._kept.get("generation")
        held = kept.hold if isinstance(kept, Generation) else None
        write = partial(generation_keep.keep, self._shelf, generation)
        self._put("generation", generation, write, hurry=generation.hold is not held)

    def keep_approved(self, generation: Generation) -> None:
        """Write a generation that somebody approved, before they are told so."""
        self._kept["generation"] = generation
        self._keeper.put_and_wait("generation", partial(generation_keep.keep, self._shelf, generation))

    def keep_times(self, upkeep: Upkeep) -> None:
        """Write when each target was last read."""
        self._keeper.put("times", partial(keep.keep_times, self._shelf, upkeep.freshness()))

    def _put(self, name: str, value: object, write: Callable[[], None], *, hurry: bool = False) -> None:
        if self._kept.get(name) is not value:
            self._kept[name] = value
            self._keeper.put(name, write, hurry=hurry)
