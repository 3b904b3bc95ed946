"""The observatory: the last that every host's own observer said of it."""

import threading
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from facts.observations import KINDS, Kinds, Mirror, NfsServer, Observed, Used, is_of, problems_of
from facts.upkeep import Freshness

_AHEAD = 5.0
"""Seconds by which a host's clock may be ahead of ours, its message's own way included."""
REMEMBERED = 7 * 86_400.0
"""Seconds for which a mirror that a host shows no more is remembered: it may have died, or been taken away."""
_MOST = 64
"""How many of these are remembered of one host."""


class Earlier(Struct, frozen=True):
    """What an NFS server said at `at` (seconds since the epoch), before the last time: its counters, for rates. Its
    clients are left out.
    """

    nfsd: NfsServer
    at: float


class Synced(Struct, frozen=True):
    """Since when a host has shown a mirror, when it last saw it in sync, 0 for never, and since when it shows it no
    more, 0 while it does (seconds since the epoch).
    """

    since: float
    last: float = 0.0
    gone: float = 0.0


class HostSeen(Struct, frozen=True):
    """What a host last said of itself; `seen_at`: when each kind was observed, `absent`: when one that is not there was
    last looked for, `observed_at`: when it last spoke (seconds since the epoch), `ahead`: whole seconds by which its
    clock was ahead of ours then, 0 for a few.

    `problems` are the observer's own sentences about what it could not read. What one observation alone cannot tell is
    remembered: the NFS server's `earlier` counters, and by resource when each mirror was `synced`.
    """

    certname: str
    kinds: Kinds
    seen_at: Mapping[str, float]
    problems: tuple[str, ...] = ()
    observed_at: float = 0.0
    ahead: float = 0.0
    earlier: Earlier | None = None
    synced: Mapping[str, Synced] = {}
    absent: Mapping[str, float] = {}


class Observatory:
    """Keeps what hosts said of themselves. Safe for all threads.

    `restored` says that what was kept on disk is here, so that what a host says is added to what it said before.
    """

    def __init__(self, changed: Callable[[HostSeen], None] = lambda _: None) -> None:
        """`changed` is called with what a host has just said."""
        self._lock = threading.Lock()
        self._hosts: dict[str, HostSeen] = {}
        self.restored = False
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
        """Take what was kept on disk, of each host that has said nothing newer."""
        with self._lock:
            for name, seen in hosts.items():
                known = self._hosts.get(name)
                if known is None or known.observed_at < seen.observed_at:
                    self._hosts[name] = seen
            self.restored = True

    def forget(self, known: AbstractSet[str], since: float) -> tuple[str, ...]:
        """Drop the hosts that are not known and said nothing since then (seconds since the epoch); which they were."""
        with self._lock:
            strangers = self._hosts.keys() - known
            gone = tuple(name for name in strangers if max(self._hosts[name].seen_at.values(), default=0.0) < since)
            for certname in gone:
                del self._hosts[certname]
        return gone

    def fresh(self, certname: str) -> Freshness:
        """When a host last spoke."""
        with self._lock:
            known = self._hosts.get(certname)
        return Freshness(known.observed_at) if known else Freshness()

    def hosts(self) -> Mapping[str, HostSeen]:
        """Every host that said anything, by certname."""
        with self._lock:
            return dict(self._hosts)


def merge(known: HostSeen | None, observed: Observed, allowed: frozenset[str], now: float) -> HostSeen:
    """What is known of a host once it said this: each allowed kind as it says now.

    A kind that it looked at and does not tell is absent, and one that is not its to tell is dropped; of one that it did
    not look at, or could not read, the last stays, with its age. A host whose clock is ahead observed now.
    """
    at = min(observed.observed_at, now)
    before = known or HostSeen(observed.certname, Kinds(), {})
    kinds, seen_at, absent = {}, {}, {}
    told, looked_at = replace(observed.kinds, uses=_uses(before.kinds.uses, observed)), _looked_at(observed)
    for kind in KINDS:
        if kind not in allowed:
            continue
        seen, missed, said = before.seen_at.get(kind, 0.0), before.absent.get(kind, 0.0), getattr(told, kind)
        if max(seen, missed) <= at and said is not None:
            kinds[kind], seen_at[kind] = said, at
        elif max(seen, missed) <= at and kind in looked_at:
            absent[kind] = at
        elif seen:
            kinds[kind], seen_at[kind] = getattr(before.kinds, kind), seen
        elif missed:
            absent[kind] = missed
    taken, ahead, newer = Kinds(**kinds), observed.observed_at - now, at >= before.observed_at
    return HostSeen(
        certname=observed.certname,
        kinds=taken,
        seen_at=seen_at,
        problems=_problems(before, observed) if newer else before.problems,
        observed_at=max(before.observed_at, at),
        ahead=before.ahead if not newer else float(round(ahead)) if ahead > _AHEAD else 0.0,
        earlier=_earlier(before, seen_at.get("nfsd", 0.0)),
        synced=_synced(before.synced, taken.mirrors, seen_at.get("mirrors") or absent.get("mirrors", 0.0)),
        absent=absent,
    )


def _looked_at(observed: Observed) -> AbstractSet[str]:
    """The kinds that it looked at and could read: a problem begins with the kind that it is of."""
    return set(observed.looked_at) - {problem.partition(":")[0] for problem in observed.problems}


def permitted(seen: HostSeen, allowed: frozenset[str]) -> HostSeen:
    """What a host said of what is its to tell; the same object where that is all of it."""
    if seen.seen_at.keys() <= allowed and seen.absent.keys() <= allowed:
        return seen
    kinds = {kind: getattr(seen.kinds, kind) for kind in seen.seen_at if kind in allowed}
    absent = {kind: at for kind, at in seen.absent.items() if kind in allowed}
    return replace(seen, kinds=Kinds(**kinds), seen_at={kind: seen.seen_at[kind] for kind in kinds}, absent=absent)


def _problems(before: HostSeen, observed: Observed) -> tuple[str, ...]:
    """What its observer could not read; of kinds that it did not look at now, what it said last."""
    met = {*observed.looked_at, *(problem.partition(": ")[0] for problem in observed.problems)}
    stay = (kind for kind in KINDS if kind not in met)
    return (*observed.problems, *(problem for kind in stay for problem in before.problems if is_of(problem, kind)))


def _uses(before: tuple[Used, ...] | None, observed: Observed) -> tuple[Used, ...] | None:
    """What a host uses; while it cannot tell all of it, what has no address now keeps those that it had: with its name
    server away, no name has any.
    """
    uses = observed.kinds.uses
    if not before or not uses or not problems_of(observed.problems, "uses"):
        return uses
    known = {(used.what, used.name): used.addresses for used in before}
    return tuple(
        used if used.addresses else replace(used, addresses=known.get((used.what, used.name), ())) for used in uses
    )


def _earlier(before: HostSeen, at: float) -> Earlier | None:
    """The counters to compare the NFS server's with, once they are those of `at` (0: there is no server)."""
    last, nfsd = before.seen_at.get("nfsd", 0.0), before.kinds.nfsd
    if not at or nfsd is None:
        return None
    return Earlier(replace(nfsd, clients=()), last) if at > last else before.earlier


def _synced(known: Mapping[str, Synced], mirrors: tuple[Mirror, ...] | None, at: float) -> Mapping[str, Synced]:
    """When each mirror was in sync: of those that the host shows at `at`, and of those that it lately showed; none
    where it may not say, or never said, whether it has any (0).
    """
    if not at:
        return {}
    synced = {}
    for mirror in mirrors or ():
        before = known.get(mirror.resource) or Synced(at)
        synced[mirror.resource] = Synced(before.since, at if mirror.in_sync else before.last)
    gone = [(one.gone or at, resource) for resource, one in known.items() if resource not in synced]
    for since, resource in sorted(gone, reverse=True)[:_MOST]:
        if at - since < REMEMBERED:
            synced[resource] = replace(known[resource], gone=since)
    return synced
