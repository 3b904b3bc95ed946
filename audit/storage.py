"""Storage: whether the NFS servers speak, have threads enough, still hear of their clients, and who loads them."""

from collections.abc import Iterator, Mapping
from functools import partial
from math import inf
from typing import Any

from msgspec import Struct

from audit.nfs_load import GuestLoad, Labels, Rates, heaviest, rates
from audit.reach import Reach
from audit.situation import Situation
from audit.verdict import Judged, Measure, Status, Verdict
from audit.view import Group, View
from audit.voices import Voice, members, voice
from audit.words import counted, names, size, span
from facts.estate import Estate, Node
from facts.fleet import Fleet
from facts.observations import Client, Kinds, NfsServer
from facts.observatory import HostSeen
from settings.thresholds import Thresholds

COURTESY = ("courtesy", "expirable")
"""The kernel's words for clients whose lease ran out, and that it still keeps out of courtesy."""


class NfsLoad(Struct, frozen=True):
    """What is known of an NFS server: what it last said and when (seconds since the epoch, 0: never), its rates, and
    the guests that load it most. It is the `details` of its group.
    """

    site: str
    voice: Voice
    nfsd: NfsServer | None = None
    seen_at: float = 0.0
    rates: Rates | None = None
    guests: tuple[GuestLoad, ...] = ()


def groups(view: View) -> Iterator[Group]:
    """A group for each member of a service that provides nfs, and for each mirror that serves files now."""
    estate, situation = view.situation.now.estate, view.situation
    if estate is None:
        return
    labels, near = Labels(estate), _hypervisors(estate)
    own = members(estate, "nfs")
    standing_in = tuple(node for node in members(estate, "mirror") if node not in own and _serves(situation, node))
    for node in (*own, *standing_in):
        server = _server(view, node, near.get(node.site.key, ()) if node.site else ())
        yield Group(node.host.name, server.inputs(), partial(_judge, situation, estate.fleet, server, labels))


def _hypervisors(estate: Estate) -> Mapping[str, tuple[str, ...]]:
    """The hypervisors at each site, by its normalised DN."""
    found: dict[str, tuple[str, ...]] = {}
    for target in estate.targets:
        node = estate.nodes.get(target.name)
        if node is not None and node.site is not None:
            found[node.site.key] = (*found.get(node.site.key, ()), target.name)
    return found


def _serves(situation: Situation, node: Node) -> bool:
    seen = situation.observations.get(node.host.name)
    return seen is not None and seen.kinds.nfsd is not None and seen.kinds.nfsd.threads > 0


class _Server(Struct, frozen=True):
    """A server with all that its verdicts rest on; `near`: the reaches of the hypervisors at its site, `measured`: when
    each of these was measured.
    """

    node: Node
    voice: Voice
    seen: HostSeen
    thresholds: Thresholds
    near: tuple[Reach, ...]
    measured: tuple[float, ...]

    def inputs(self) -> tuple[Any, ...]:
        """What makes it be judged again: a new reading of the server, or of a hypervisor near it."""
        seen = self.seen
        said = (seen.kinds.nfsd, seen.seen_at.get("nfsd"), seen.earlier)
        return self.node.host, self.node.site, self.voice, said, self.thresholds, self.near, self.measured


def _server(view: View, node: Node, near: tuple[str, ...]) -> _Server:
    situation, reaches, name = view.situation, view.pictures.reaches, node.host.name
    return _Server(
        node,
        voice(situation, node, name, "nfsd"),
        situation.observations.get(name) or HostSeen(name, Kinds(), {}),
        situation.settings.thresholds.of(node.site.name if node.site else None, name),
        tuple(reaches[one] for one in near if one in reaches),
        tuple(situation.statistics[one].read_at for one in near if one in situation.statistics),
    )


def _judge(situation: Situation, fleet: Fleet, server: _Server, labels: Labels) -> Judged:
    seen, site = server.seen, server.node.site
    load = NfsLoad(
        site=site.name if site else "",
        voice=server.voice,
        nfsd=seen.kinds.nfsd,
        seen_at=seen.seen_at.get("nfsd", 0.0),
        rates=None if server.voice.silent else rates(seen),
        guests=heaviest(situation, fleet, server.node, server.near, labels),
    )
    return Judged(tuple(_verdicts(load, server.thresholds)), details=load)


def _verdicts(load: NfsLoad, thresholds: Thresholds) -> Iterator[Verdict]:
    name, nfsd = load.voice.name, load.nfsd
    if load.voice.absent:
        sentence = f"{name} runs no NFS server: start it there, or take the host out of the service"
        yield _say(load, "critical", sentence, code="nfsd_down")
        return
    if load.voice.silent or nfsd is None:
        excuse = load.voice.excuse("its NFS server")
        yield _say(load, "unknown", f"{excuse}{_busiest(load)}", code="nfsd_silent")
        return
    if not nfsd.threads:
        yield _say(load, "critical", f"{name} runs no thread of its NFS server: start it there", code="nfsd_down")
        return
    waiting = load.rates.waiting if load.rates else None
    if waiting is not None and waiting > thresholds.nfsd_enqueued:
        sentence = f"on {name}, {waiting:.0%} of the packets found none of its {nfsd.threads} threads idle"
        yield _say(
            load, "warning", f"{sentence}: give it more, or see who loads it{_busiest(load)}", code="nfsd_starved"
        )
    lost = [client for client in _youngest(nfsd.clients) if _is_lost(client, thresholds)]
    if lost:
        sentence = f"{name} has not heard of {names(map(_known_as, lost))} for {span(thresholds.nfsd_renew_seconds)}"
        yield _say(load, "warning", f"{sentence}: look whether they are up and reach it", code="nfsd_client_silent")
    yield _say(load, "ok", _summary(load, nfsd), _measures(load, nfsd, thresholds), code="nfsd")


def _youngest(clients: tuple[Client, ...]) -> list[Client]:
    """One client an address: of one that came back, the kernel keeps the old entries too, out of courtesy."""
    found: dict[str, Client] = {}
    for client in sorted(clients, key=_silence, reverse=True):
        found[client.address] = client
    return [found[address] for address in sorted(found)]


def _silence(client: Client) -> tuple[float, bool]:
    return inf if client.renew_age is None else client.renew_age, client.status in COURTESY


def _is_lost(client: Client, thresholds: Thresholds) -> bool:
    late = client.renew_age is not None and client.renew_age > thresholds.nfsd_renew_seconds
    return late or client.status in COURTESY


def _known_as(client: Client) -> str:
    return f"{client.address} ({client.name})" if client.name else client.address


def _summary(load: NfsLoad, nfsd: NfsServer) -> str:
    done = "no second reading of it yet"
    if load.rates is not None:
        read, written = size(load.rates.read_bytes), size(load.rates.written_bytes)
        done = f"{load.rates.requests:.3g} requests/s, {read}/s read, {written}/s written"
    having = f"{counted(nfsd.threads, 'thread')}, {counted(len(nfsd.clients), 'NFSv4 client')}"
    return f"{load.voice.name} serves with {having}: {done}{_busiest(load)}"


def _busiest(load: NfsLoad) -> str:
    listed = names(f"{one.guest} ({size(one.both)}/s)" for one in load.guests)
    return f"; most by {listed}" if listed else ""


def _measures(load: NfsLoad, nfsd: NfsServer, thresholds: Thresholds) -> tuple[Measure, ...]:
    sizes = (Measure("threads", nfsd.threads), Measure("clients", len(nfsd.clients)))
    if load.rates is None:
        return sizes
    measured = (
        Measure("requests", round(load.rates.requests, 2)),
        Measure("read", round(load.rates.read_bytes), "B"),
        Measure("written", round(load.rates.written_bytes), "B"),
        Measure("reply_cache_hits", round(load.rates.reply_cache_hits, 2)),
    )
    waiting = load.rates.waiting
    if waiting is None:
        return (*sizes, *measured)
    return (*sizes, *measured, Measure("waiting", round(waiting * 100, 1), "%", thresholds.nfsd_enqueued * 100))


def _say(load: NfsLoad, status: Status, sentence: str, measures: tuple[Measure, ...] = (), *, code: str) -> Verdict:
    return Verdict(
        check="storage",
        code=code,
        subject=load.voice.name,
        site=load.site,
        status=status,
        sentence=sentence,
        host=load.voice.name,
        measures=measures,
        sources=(load.voice.source,),
    )
