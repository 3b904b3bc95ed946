"""Data: never in a guest's own disk, always over NFS; no local logs; the interfaces that the rule allows.

Principle 2: home directories, mailboxes and web pages come from a dedicated server. A large disk is one large file,
heavy to copy, to save, to move.
"""

from collections.abc import Iterator
from math import inf

from msgspec.structs import replace

from audit.interfaces import Interfaces
from audit.mounts import Missing, has_all, silent_mounts
from audit.picture import Picture
from audit.standing import hypervisor_source
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict
from audit.words import names, size, when
from facts.facter.node_facts import Shipped
from facts.observations import Kinds
from facts.observatory import HostSeen
from facts.source import SourceKey
from settings.thresholds import Thresholds

_OBSERVED = ("mounts", "logs")


def judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """A guest's disks, data, logs and interfaces; of other hosts the mounts, where they tell of them."""
    host = _Host(picture, thresholds, at)
    if picture.node.kind == "guest":
        if picture.node.host.intent == "retired":
            return NOTHING
        found = tuple(host.guest())
        return Judged(found or (host.fine(),), host.until)
    return Judged(tuple(host.mounts()), host.until) if picture.own is not None else NOTHING


class _Host:
    """One host, and what it says of itself that is young enough to count."""

    def __init__(self, picture: Picture, thresholds: Thresholds, at: float) -> None:
        self._picture, self._limits, self._name = picture, thresholds, picture.name
        self._kinds, self._old = Kinds(), dict[str, float]()
        self._from_facts = False
        self.until = inf
        self._runs = picture.node.kind != "guest" or any(one.domain.running for one in picture.copies)
        if not self._runs:
            return
        if picture.own is not None:
            self._observed(picture.own, at)
        if picture.shipped is not None:
            self._shipped(picture.shipped, at)

    def _observed(self, own: HostSeen, at: float) -> None:
        """What its observer says."""
        self._kinds = own.kinds
        for kind in _OBSERVED:
            if seen_at := own.seen_at.get(kind, 0.0):
                ends = seen_at + self._limits.observation_seconds
                if at > ends:
                    self._old[kind] = seen_at
                else:
                    self.until = min(self.until, ends)

    def _shipped(self, shipped: Shipped, at: float) -> None:
        """What the module's fact says, where its observer says nothing, or nothing any more; until its next Puppet run
        is late.
        """
        ends = shipped.at + self._limits.run_seconds
        if at > ends:
            return
        for kind, said in (("mounts", shipped.nfs_mounts), ("logs", shipped.logs)):
            silent = getattr(self._kinds, kind) is None or shipped.at > self._old.get(kind, inf)
            if said is not None and silent:
                self._kinds = replace(self._kinds, **{kind: said})
                self._old.pop(kind, None)
                self._from_facts, self.until = True, min(self.until, ends)

    def guest(self) -> Iterator[Verdict]:
        """All that is wrong with a guest."""
        yield from self._disks()
        yield from self._data()
        yield from self.mounts()
        yield from self._logs()
        yield from self._interfaces()
        if unheard := "; ".join(self._unheard()):
            yield self._say("unknown", unheard, code="data_unknown")

    def fine(self) -> Verdict:
        """Nothing is wrong, as far as is known; what is not known is named."""
        sentence = f"nothing is wrong with what is known of the disks, data, logs and interfaces of {self._name}"
        if unseen := names(self._unseen()):
            sentence = f"{sentence}; not looked at: {unseen}, of which nobody ever told (enclume-observe there would)"
        return self._say("ok", sentence, code="data_ok")

    def _unseen(self) -> Iterator[str]:
        """What nobody ever told of it, and nothing that is stated of it asks for."""
        if not self._runs:
            return
        if not self._picture.sizes:
            yield "the sizes of its disks"
        if self._kinds.mounts is None:
            yield "its mounts"
        if self._kinds.logs is None:
            yield "its logs"

    def _unheard(self) -> Iterator[str]:
        """What it never said though it should, and what it said too long ago."""
        picture = self._picture
        if picture.data and self._kinds.mounts is None and self._runs and picture.node.host.intent == "running":
            yield (
                f"{self._name} requires {names(one.service for one in picture.data)}, and has never said what it "
                "mounts: install enclume-observe there, or look at its log"
            )
        if self._old:
            since = when(min(self._old.values()))
            kinds = names(self._old)
            yield f"{self._name} has said nothing of its {kinds} since {since}: look at enclume-observe there"

    def _disks(self) -> Iterator[Verdict]:
        limit = self._limits.disk_bytes
        large = [f"{target} has {size(capacity)}" for target, capacity in self._picture.sizes if capacity > limit]
        if large:
            sentence = (
                f"{self._name}: its disk {names(large)}, and may have {size(limit)}: keep data on the NFS server, or "
                "give it a disk_bytes of its own in `thresholds.hosts`"
            )
            yield self._say("warning", sentence, code="large_disk")

    def _data(self) -> Iterator[Verdict]:
        picture = self._picture
        if not picture.data or self._kinds.mounts is None or "mounts" in self._old:
            return
        if has_all(picture.data, self._kinds.mounts):
            return
        missing = Missing(picture.data, self._kinds)
        if missing.certain:
            servers = names(one for each in missing.certain for one in each.servers)
            sentence = (
                f"{self._name} requires {names(one.service for one in missing.certain)} and mounts nothing of "
                f"{servers}: mount its data, or correct enclumeRequires"
            )
            yield self._say("critical", sentence, code="data_not_mounted")
        if missing.doubtful:
            servers = names(one for each in missing.doubtful for one in each.servers)
            sentence = (
                f"{self._name} mounts from {names(missing.servers)}, and whether that is {servers} is not known: mount "
                f"by that name, or state the ipHostNumber of {servers}"
            )
            yield self._say("unknown", sentence, code="data_server_unknown")

    def mounts(self) -> Iterator[Verdict]:
        """Mounts whose server does not answer."""
        if self._kinds.mounts is None or "mounts" in self._old:
            return
        silent = silent_mounts(self._kinds.mounts)
        if silent:
            sentence = f"{self._name}: {silent} does not respond: look at that server, and at the network to it"
            yield self._say("critical", sentence, code="mount_silent")

    def _logs(self) -> Iterator[Verdict]:
        logs = self._kinds.logs
        if logs is None or "logs" in self._old:
            return
        wrong = []
        if logs.bytes > self._limits.local_logs_bytes:
            limit = size(self._limits.local_logs_bytes)
            wrong.append(f"keeps {size(logs.bytes)} of logs on its own disk, and may keep {limit}")
        if not logs.remote:
            wrong.append("sends its logs to no log server")
        if wrong:
            sentence = f"{self._name} {' and '.join(wrong)}: have it send them away (rsyslog, journald) and keep few"
            yield self._say("warning", sentence, code="local_logs")

    def _interfaces(self) -> Iterator[Verdict]:
        interfaces = Interfaces(self._picture.node)
        if said := interfaces.internal():
            yield self._say("warning", said, code="internal_interfaces")
        if said := interfaces.public():
            yield self._say("warning", said, code="public_interface")
        if said := interfaces.stray():
            yield self._say("warning", said, code="unknown_network")

    def _say(self, status: Status, sentence: str, *, code: str) -> Verdict:
        return Verdict(
            check="data",
            code=code,
            subject=self._name,
            site=self._picture.site,
            status=status,
            sentence=sentence,
            host=self._name,
            measures=self._measures(),
            sources=self._sources(),
        )

    def _measures(self) -> tuple[Measure, ...]:
        measures = []
        if self._picture.sizes:
            largest = max(capacity for _, capacity in self._picture.sizes)
            measures.append(Measure("disk", largest, "B", self._limits.disk_bytes))
        if self._kinds.logs is not None:
            measures.append(Measure("logs", self._kinds.logs.bytes, "B", self._limits.local_logs_bytes))
        return tuple(measures)

    def _sources(self) -> tuple[SourceKey, ...]:
        observed = (SourceKey("observations", self._name),) if self._picture.own is not None else ()
        facts = (SourceKey("facts", self._name),) if self._from_facts else ()
        return (*[hypervisor_source(one.hypervisor) for one in self._picture.copies], *observed, *facts)
