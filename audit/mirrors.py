"""Mirrors: DRBD resources as both ends see them, judged together; what one end does not say, the other's words stand.

A mirror that is not in sync is in order for `thresholds.mirror_warning` seconds: after an interruption it catches up by
itself. How long it has not been is told from what is remembered of its ends (`facts.observatory.Synced`), since DRBD
does not say.
"""

from collections.abc import Iterator
from functools import partial
from math import inf
from typing import NamedTuple

from audit.mirror_ends import End, MirrorSeen, ends_of, known, primaries, roles_known, state, told
from audit.verdict import Judged, Measure, Status, Verdict, lateness
from audit.view import Group, View
from audit.voices import Voice, excuses, members, voice
from audit.words import names, size, when
from facts.estate import Estate, Node
from facts.observatory import REMEMBERED
from settings.thresholds import Thresholds

LOST_DISKS = ("Diskless", "Failed", "Detaching")
"""What a volume's disk is when it is gone: the mirror goes on with its peer's alone."""


class _About(NamedTuple):
    """What a verdict is about, and who said so."""

    site: str
    subject: str
    voices: tuple[Voice, ...]


def groups(view: View) -> Iterator[Group]:
    """A group for each resource that a site shows or lately showed; one for a site that should have a mirror and shows
    none.
    """
    estate, situation = view.situation.now.estate, view.situation
    if estate is None:
        return
    for site, hosts in _by_site(estate).items():
        thresholds = situation.settings.thresholds.of(site or None)
        voices = {node.host.name: voice(situation, node, node.host.name, "mirrors") for node in hosts}
        resources = sorted({resource for name in voices for resource in known(situation, name)})
        for resource in resources:
            ends = tuple(ends_of(situation, voices, resource))
            judge = partial(_judge, site, resource, ends, thresholds, view.at)
            yield Group(f"{site} {resource}", (ends, thresholds), judge)
        meant = tuple(voices[node.host.name] for node in hosts if _should_mirror(node))
        if meant and not resources:
            yield Group(f"{site} ", (meant,), partial(_none, site, meant))


def _by_site(estate: Estate) -> dict[str, list[Node]]:
    """Who may speak of mirrors, by the name of their site ("" for none)."""
    found: dict[str, list[Node]] = {}
    for node in members(estate, "mirror", "nfs"):
        found.setdefault(node.site.name if node.site else "", []).append(node)
    return found


def _should_mirror(node: Node) -> bool:
    return any("mirror" in service.provides for service in node.services)


def _none(site: str, meant: tuple[Voice, ...]) -> Judged:
    """A site whose mirror nobody shows."""
    about, silent = _About(site, "mirror", meant), [one for one in meant if one.unheard]
    if silent:
        return Judged((_say(about, "unknown", excuses(silent, "mirrors"), code="mirror_silent"),))
    sentence = f"{names(one.name for one in meant)} should be a mirror and shows none: start DRBD there"
    return Judged((_say(about, "warning", sentence, code="mirror_missing"),))


def _judge(site: str, resource: str, ends: tuple[End, ...], thresholds: Thresholds, at: float) -> Judged:
    seen = told(site, resource, ends)
    said, until = _whole(seen, thresholds, at) if seen.speaking else ([], inf)
    return Judged((*said, *_of_ends(seen)), until, seen)


def _of_ends(seen: MirrorSeen) -> Iterator[Verdict]:
    """What each end alone is to blame for."""
    for end in seen.ends:
        about = _About(seen.site, f"{seen.resource} on {end.voice.name}", (end.voice,))
        if end.voice.unheard:
            sentence = f"{seen.resource}: {end.voice.excuse('mirrors')}"
            yield _say(about, "unknown", sentence, code="mirror_silent")
        elif end.mirror is None:
            yield _say(about, "warning", _missing(seen, end), code="mirror_missing")
        else:
            lost = [f"volume {one.volume} {one.disk}" for one in end.mirror.volumes if one.disk in LOST_DISKS]
            if lost:
                sentence = f"{end.voice.name} has lost its disk of {seen.resource} ({names(lost)}): replace it there"
                yield _say(about, "critical", sentence, code="mirror_disk")


def _missing(seen: MirrorSeen, end: End) -> str:
    """What is said of an end that is not there: of a mirror that the other end shows, or that nobody shows any more."""
    name, resource = end.voice.name, seen.resource
    if end.synced is None or any(one.mirror for one in seen.ends):
        return f"{name} shows no {resource}, which it should hold an end of: start DRBD there"
    since, ends = when(end.synced.gone), when(end.synced.gone + REMEMBERED)
    return f"{name} has shown no {resource} since {since}: start DRBD there; if it was taken away, wait until {ends}"


def _whole(seen: MirrorSeen, thresholds: Thresholds, at: float) -> tuple[list[Verdict], float]:
    """How the mirror as a whole stands, and until when (seconds since the epoch)."""
    about, name, words = (
        _About(seen.site, seen.resource, tuple(end.voice for end in seen.ends)),
        seen.resource,
        state(seen),
    )
    if seen.split:
        sentence = f"{name}: split brain: {words}: decide whose data count, and have the other one discard its own"
        return [_say(about, "critical", sentence, code="mirror_split_brain")], inf
    found = []
    primary = primaries(seen)
    if len(primary) > 1:
        sentence = f"{name}: {names(primary)} are both primary: make one of them secondary before both write"
        found.append(_say(about, "critical", sentence, code="mirror_two_primaries"))
    elif not primary and roles_known(seen):
        sentence = f"{name}: no end is primary, so nobody serves it: make one of them primary ({words})"
        found.append(_say(about, "critical", sentence, code="mirror_no_primary"))
    status, until = _lateness(seen, thresholds, at)
    measures = _measures(seen, thresholds)
    if seen.in_sync:
        found.append(_say(about, "ok", f"{name}: {words}", measures, code="mirror"))
    else:
        once = f"last seen in sync {when(seen.last)}" if seen.last else f"not in sync since {when(seen.since)}"
        sentence = f"{name}: {words}; {size(seen.behind)} differ, {once}"
        if status == "ok":
            found.append(_say(about, status, sentence, measures, code="mirror"))
        else:
            sentence = f"{sentence}: {_way_out(seen)}"
            found.append(_say(about, status, sentence, measures, code="mirror_behind"))
    return found, until


def _lateness(seen: MirrorSeen, thresholds: Thresholds, at: float) -> tuple[Status, float]:
    if seen.in_sync:
        return "ok", inf
    return lateness(seen.last or seen.since, thresholds.mirror_warning, thresholds.mirror_critical, at)


def _way_out(seen: MirrorSeen) -> str:
    peers = [peer for _, mirror in seen.speaking for peer in mirror.peers]
    if any(peer.connection == "StandAlone" for peer in peers):
        return "StandAlone does not reconnect by itself: the kernel's log says whether it is a split brain"
    if any(peer.connection != "Connected" for peer in peers):
        return "look at DRBD on the other end, and at the network between them"
    return "look whether it still catches up, and at its speed"


def _measures(seen: MirrorSeen, thresholds: Thresholds) -> tuple[Measure, ...]:
    behind = Measure("out_of_sync", seen.behind, "B")
    if seen.in_sync:
        return (behind,)
    limits = (thresholds.mirror_warning, thresholds.mirror_critical)
    return behind, Measure("in_sync", seen.last, "s", *limits, is_time=True)


def _say(about: _About, status: Status, sentence: str, measures: tuple[Measure, ...] = (), *, code: str) -> Verdict:
    return Verdict(
        check="mirror",
        code=code,
        subject=about.subject,
        site=about.site,
        status=status,
        sentence=sentence,
        host=about.voices[0].name if len(about.voices) == 1 else "",
        measures=measures,
        sources=tuple(one.source for one in about.voices),
    )
