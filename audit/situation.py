"""The situation: all that verdicts may look at, at one instant."""

from collections.abc import Mapping

from msgspec import Struct

from facts.facter.node_facts import NodeFacts
from facts.inventory.statistics import HypervisorStatistics
from facts.observatory import HostSeen
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation.now import Now
from settings import Settings


class Situation(Struct, frozen=True):
    """What is served and what it was made of (`now`), at which time (`at`, seconds since the epoch), and what changes
    too often to be a part of it: what hosts observe of themselves, what is kept of their facts, and libvirt's
    statistics, all by certname, the last Puppet run of each node, and every source's freshness. `problems` are
    sentences of the builder's, the first of them about a build that failed where it is `failing`; `reporting` says
    that reports of runs are taken, so that a node without a run has none; `runs_unread` why runs that were reported
    may not be known, "" while they are; `own` is the name of the machine that Enclume
    runs on, as its certificate says.
    """

    now: Now
    at: float
    settings: Settings
    freshness: Mapping[SourceKey, Freshness] = {}
    observations: Mapping[str, HostSeen] = {}
    facts: Mapping[str, NodeFacts] = {}
    statistics: Mapping[str, HypervisorStatistics] = {}
    runs: Mapping[str, Run] = {}
    problems: tuple[str, ...] = ()
    failing: bool = False
    reporting: bool = False
    runs_unread: str = ""
    own: str = ""

    @property
    def measured_since(self) -> float:
        """When libvirt's statistics must have been read to say how a guest is now (seconds since the epoch): three
        readings ago, each of which may wait for a guest that hangs.
        """
        hypervisors = self.settings.hypervisors
        return self.at - 3 * hypervisors.statistics - 2 * hypervisors.deadline

    @property
    def knows_runs(self) -> bool:
        """Whether this instance knows of Puppet runs at all: where it does not, no node is without one. While it does
        not and reports are `runs_unread`, it is not known either whether any node reports here.
        """
        return self.reporting or bool(self.runs)
