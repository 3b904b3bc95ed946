"""The observatory: the last that every host's own observer said of it."""

import threading
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from facts.observations import KINDS, Kinds, Observed


class HostSeen(Struct, frozen=True):
    """What a host last said of itself; `seen_at`: when each kind was observed (seconds since the epoch).

    `problems` are the observer's own sentences about what it could not read.
    """

    certname: str
    kinds: Kinds
    seen_at: Mapping[str, float]
    problems: tuple[str, ...] = ()


class Observatory:
    """Keeps what hosts said of themselves. Safe for all threads."""

    def __init__(self, changed: Callable[[HostSeen], None] = lambda _: None) -> None:
        """`changed` is called with what a host has just said."""
        self._lock = threading.Lock()
        self._hosts: dict[str, HostSeen] = {}
        self._changed = changed

    def observed(self, observed: Observed, allowed: frozenset[str], now: float) -> HostSeen:
        """Take the kinds that are allowed of an observation that arrived at `now`; what is older than what is known of
        a kind is passed over.
        """
        with self._lock:
            known = self._hosts.get(observed.certname)
            seen = self._hosts[observed.certname] = merge(known, observed, allowed, now)
        self._changed(seen)
        return seen

    def restore(self, hosts: Mapping[str, HostSeen]) -> None:
        """Take what was kept on disk, wherever no host was faster."""
        with self._lock:
            self._hosts = dict(hosts) | self._hosts

    def forget(self, known: AbstractSet[str], since: float) -> tuple[str, ...]:
        """Drop the hosts that are not known and said nothing since then (seconds since the epoch); which they were."""
        with self._lock:
            strangers = self._hosts.keys() - known
            gone = tuple(name for name in strangers if max(self._hosts[name].seen_at.values(), default=0.0) < since)
            for certname in gone:
                del self._hosts[certname]
        return gone

    def hosts(self) -> Mapping[str, HostSeen]:
        """Every host that said anything, by certname."""
        with self._lock:
            return dict(self._hosts)


def merge(known: HostSeen | None, observed: Observed, allowed: frozenset[str], now: float) -> HostSeen:
    """What is known of a host once it said this: each allowed kind as it says now.

    A kind that it leaves out is there no more; but where it says that it could not read something, the last of what it
    left out stays, with its age. A host whose clock is ahead observed now.
    """
    at = min(observed.observed_at, now)
    before = known or HostSeen(observed.certname, Kinds(), {})
    kinds, seen_at = {}, {}
    for kind in KINDS:
        last, said = before.seen_at.get(kind, 0.0), getattr(observed.kinds, kind)
        stays = said is None and bool(observed.problems)
        if kind in allowed and last <= at and not stays:
            if said is not None:
                kinds[kind], seen_at[kind] = said, at
        elif last:
            kinds[kind], seen_at[kind] = getattr(before.kinds, kind), last
    return replace(before, kinds=Kinds(**kinds), seen_at=seen_at, problems=observed.problems)
