"""The bodies that answer requests about runs. It loads the database's library, so the first such request loads it."""

from facts.estate import Estate
from reports.questions.changed import changed
from reports.questions.drifted import drifted
from reports.questions.failing import failing
from reports.questions.last import last
from reports.questions.listed import listed
from reports.questions.places import Place, at_places
from reports.questions.slow import slow
from reports.questions.unseen import unseen
from reports.questions.whole import whole
from reports.reader import Reader
from reports.report import Place as At
from reports.summaries import WholeRun
from reports.wanted import Wanted
from web import runs_bodies as bodies


class Answers:
    """Asks one database. Every method raises `HistoryError`, and takes what is wanted and the estate (`run` does not);
    None says that there is nothing to go on after.
    """

    def __init__(self, url: str, seconds: float, at_once: int) -> None:
        self._reading = Reader(url, seconds, at_once).reading

    def run(self, uuid: str) -> WholeRun | None:
        """One run; None where there is none."""
        with self._reading() as connection:
            return whole(connection, uuid)

    def runs(self, wanted: Wanted, _estate: Estate | None) -> bodies.Runs | None:
        """Runs, newest first."""
        with self._reading() as connection:
            found = listed(connection, wanted)
        return None if found is None else bodies.Runs(wanted.since, wanted.until, found.runs, found.next)

    def last(self, wanted: Wanted, estate: Estate | None) -> bodies.LastRuns | None:
        """The last run of each node."""
        with self._reading() as connection:
            found = last(connection, wanted, None if estate is None else estate.nodes)
        if found is None:
            return None
        counts = bodies.Ended(**{status: found.counts.get(status, 0) for status in ("failed", "changed", "unchanged")})
        return bodies.LastRuns(counts, found.runs, None if estate is None else found.gone, found.next)

    def changes(self, wanted: Wanted, _estate: Estate | None) -> bodies.Changes:
        """What changed."""
        with self._reading() as connection:
            found = changed(connection, wanted)
        return bodies.Changes(wanted.since, wanted.until, found.changes, found.more)

    def failing(self, wanted: Wanted, estate: Estate | None) -> bodies.FailingResources:
        """What fails again and again."""
        with self._reading() as connection:
            found = failing(connection, wanted)
        names = sorted({one.certname for one in found.failing})
        gone = None if estate is None else tuple(name for name in names if name not in estate.nodes)
        return bodies.FailingResources(wanted.since, wanted.until, found.failing, gone, found.more)

    def drift(self, wanted: Wanted, _estate: Estate | None) -> bodies.Drifted:
        """What was corrected."""
        with self._reading() as connection:
            found = drifted(connection, wanted)
        return bodies.Drifted(wanted.since, wanted.until, found.drift, found.more)

    def slow(self, wanted: Wanted, _estate: Estate | None) -> bodies.SlowResources:
        """The slowest resources."""
        with self._reading() as connection:
            found = slow(connection, wanted)
        return bodies.SlowResources(wanted.since, wanted.until, found.slow, found.more)

    def by_site(self, wanted: Wanted, _estate: Estate | None) -> bodies.Places:
        """Runs by the site of their node at the time."""
        return self._by(wanted, "site")

    def by_hypervisor(self, wanted: Wanted, _estate: Estate | None) -> bodies.Places:
        """Runs by the hypervisor of their node at the time."""
        return self._by(wanted, "hypervisor")

    def _by(self, wanted: Wanted, place: Place) -> bodies.Places:
        with self._reading() as connection:
            found = at_places(connection, wanted, place)
        return bodies.Places(wanted.since, wanted.until, found.places, found.more)

    def unseen(self, wanted: Wanted, estate: Estate) -> bodies.UnseenNodes:
        """Nodes without a recent run."""
        expected = _expected(estate, wanted)
        with self._reading() as connection:
            found = unseen(connection, expected, wanted.since, wanted.limit)
        return bodies.UnseenNodes(wanted.since, len(expected), found.unseen, found.more)


def _expected(estate: Estate, wanted: Wanted) -> dict[str, At]:
    """The nodes that are asked for and should run, with where they belong now."""
    running = {name: node for name, node in estate.nodes.items() if node.host.intent == "running"}
    where = {
        name: At(node.site.name if node.site else "", node.placement.hypervisor or "") for name, node in running.items()
    }
    return {
        name: place
        for name, place in where.items()
        if (not wanted.hosts or name in wanted.hosts)
        and (not wanted.sites or place.site in wanted.sites)
        and (not wanted.hypervisors or place.hypervisor in wanted.hypervisors)
    }
