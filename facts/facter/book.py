"""The book of facts: the newest that is known of each node, whoever told it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from facts.exact import exactly_equal
from facts.facter.node_facts import NodeFacts
from facts.puppet import FactSets
from facts.upkeep import Freshness

NO_FACTS = FactSets({})


class Told(Struct, frozen=True):
    """A node's facts, and who told them: a folder, or the node's delivery."""

    facts: NodeFacts
    by: str


class FactBook:
    """Keeps what each source tells of each node. Safe for all threads.

    `names` are the facts that rules name. As long as one of the `awaited` sources was not read and did not fail, the
    book is not `ready`: what is not read yet must take no class from anybody. One that hangs is waited for with
    `patience` (seconds).
    """

    patience = 300.0

    def __init__(
        self,
        names: tuple[str, ...] = (),
        awaited: Iterable[str] = (),
        changed: Callable[[], None] = lambda: None,
        noticed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called when a fact that rules name is another, `noticed` when anything is; by whoever tells."""
        self.names = names
        self._awaited, self._since = set(awaited), time.monotonic()
        self._changed, self._noticed = changed, noticed
        self._lock = threading.Lock()
        self._by: dict[str, dict[str, NodeFacts]] = {}
        self._newest: dict[str, Told] = {}
        self._named: dict[str, Mapping[str, Any]] = {}
        self._sets: FactSets | None = NO_FACTS
        self._all: Mapping[str, NodeFacts] | None = {}

    @property
    def ready(self) -> bool:
        """Whether every source was tried once, or no rule names a fact."""
        return not (self.names and self._awaited) or time.monotonic() - self._since > self.patience

    def tell(self, source: str, told: Mapping[str, NodeFacts | None]) -> None:
        """Take what a source says of some nodes; None where it has nothing any more."""
        with self._lock:
            known = self._by.setdefault(source, {})
            for certname, facts in told.items():
                if facts is not None:
                    known[certname] = facts
                else:
                    known.pop(certname, None)
            other = [self._settle(certname) for certname in told]
            if any(other):
                self._sets = None
            if told:
                self._all = None
        if any(other):
            self._changed()
        if told:
            self._noticed()

    def tried(self, source: str) -> None:
        """A source was read once, or could not be."""
        waited = not self.ready
        with self._lock:
            self._awaited.discard(source)
        if waited and self.ready:
            self._changed()

    def sets(self) -> FactSets:
        """The facts that rules name, of every node; the same object while none of them changes."""
        with self._lock:
            if self._sets is None:
                self._sets = FactSets(dict(self._named))
            return self._sets

    def all(self) -> Mapping[str, NodeFacts]:
        """What is kept of every node; the same object while nothing changes."""
        with self._lock:
            if self._all is None:
                self._all = {certname: told.facts for certname, told in self._newest.items()}
            return self._all

    def of(self, certname: str) -> Told | None:
        """The newest that is known of a node."""
        return self._newest.get(certname)

    def fresh(self, certname: str) -> Freshness:
        """When a node's facts were gathered."""
        told = self._newest.get(certname)
        return Freshness(told.facts.at) if told else Freshness()

    def _settle(self, certname: str) -> bool:
        """Find the newest of a node's facts anew; True when one that rules name is another."""
        told = [Told(known[certname], source) for source, known in self._by.items() if certname in known]
        before = self._newest.get(certname)
        if not told:
            self._newest.pop(certname, None)
            return self._named.pop(certname, None) is not None
        newest = max(told, key=lambda one: (one.facts.at, one.by))
        if before is not None:
            newest = Told(_reused(newest.facts, before.facts), newest.by)
        self._newest[certname] = newest
        named = newest.facts.named
        if before is not None and named is before.facts.named:
            return False
        if named:
            self._named[certname] = named
            return True
        return self._named.pop(certname, None) is not None


def _reused(facts: NodeFacts, before: NodeFacts) -> NodeFacts:
    """The facts with what is as it was before as the same objects."""
    named = before.named if exactly_equal(facts.named, before.named) else facts.named
    claims = before.claims if facts.claims == before.claims else facts.claims
    return facts if named is facts.named and claims is facts.claims else replace(facts, named=named, claims=claims)
