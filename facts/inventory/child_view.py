"""What the child knows of one hypervisor, brought up to date with as few calls as the changes need."""

import random
import time
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import NamedTuple

import libvirt  # type: ignore[import-untyped]
from msgspec import Struct
from msgspec.structs import replace

from facts.inventory.child_connection import Connection, Glimpse, Host
from facts.inventory.child_errors import is_gone
from facts.inventory.child_surroundings import SurroundingsReader
from facts.inventory.definition import parse_definition
from facts.inventory.domains import Definition, Domain, HypervisorSeen
from facts.inventory.xml import Surroundings, parse_domain

FLAGS_EVERY = 30.0
ALL_EVERY = 300.0
# libvirt's number of a domain that does not run.
OFF = -1


class Known(Struct, frozen=True):
    """A domain as it was last seen, in which run, and the digest of all XML that it was read from."""

    run: int
    digest: bytes
    domain: Domain


class XML(NamedTuple):
    """What libvirt writes of a domain; `inactive` is None when it is not persistent or could not be read."""

    live: str
    inactive: str | None


class View:
    """One hypervisor. The XML of a domain is read when it is new, started, ended, changed, and every five minutes;
    its definition with it.
    """

    def __init__(self, patience: float, around: Surroundings) -> None:
        self._patience = patience
        self._known: dict[str, Known] = {}
        self._host: Host | None = None
        self._reader = SurroundingsReader(around)
        self._around = around
        self._autostart: frozenset[str] = frozenset()
        self._persistent: frozenset[str] = frozenset()
        self._flags_due = self._all_due = 0.0

    @property
    def around(self) -> Surroundings:
        """The networks and pools that were last read."""
        return self._reader.latest

    @property
    def domains(self) -> tuple[Domain, ...] | None:
        """The domains as they were last seen, None before that; from any thread."""
        return tuple(known.domain for known in self._known.values()) if self._host else None

    def distrust(self) -> None:
        """Have the next update read everything, since events may have been missed."""
        self._all_due = 0.0

    def update(self, connection: Connection, stale: AbstractSet[str]) -> HypervisorSeen | None:
        """Read what may have changed; None when everything is as it was.

        `stale` are the UUIDs whose XML changed. Raises libvirt.libvirtError, and ValueError for unreadable XML.
        """
        now = time.monotonic()
        everything = now >= self._all_due
        host = connection.host() if everything or self._host is None else self._host
        if everything:
            self._reader.read(connection.libvirt, self._patience)
        around = self._reader.latest
        glimpses = connection.glimpses()
        reread = {g.uuid for g in glimpses if everything or g.uuid in stale or self._is_new(g)}
        if around is not self._around:
            # The same XML now means another bridge or another storage.
            reread = {g.uuid for g in glimpses}
        if reread or now >= self._flags_due:
            self._autostart, self._persistent = connection.flags()
            self._flags_due = now + _spread(FLAGS_EVERY)
            reread |= {uuid for uuid, known in self._known.items() if self._is_kept(uuid) != known.domain.persistent}
        known = self._read(connection, glimpses, reread, around)
        changed = known != self._known or host != self._host
        self._known, self._around = known, around
        self._host = host
        if everything:
            self._all_due = now + _spread(ALL_EVERY)
        return self._seen(host) if changed else None

    def _is_new(self, glimpse: Glimpse) -> bool:
        known = self._known.get(glimpse.uuid)
        return known is None or known.run != glimpse.run or known.domain.name != glimpse.name

    def _is_kept(self, uuid: str) -> bool:
        return uuid in self._persistent

    def _read(
        self, connection: Connection, glimpses: list[Glimpse], reread: AbstractSet[str], around: Surroundings
    ) -> dict[str, Known]:
        known = {}
        for glimpse in sorted(glimpses, key=lambda glimpse: glimpse.uuid):
            before = self._known.get(glimpse.uuid)
            try:
                if before is None or glimpse.uuid in reread:
                    before = self._from_xml(glimpse, self._xml(connection, glimpse), before, around)
            except libvirt.libvirtError as error:
                if is_gone(error):
                    continue
                raise
            known[glimpse.uuid] = self._with_state(before, glimpse)
        return known

    def _xml(self, connection: Connection, glimpse: Glimpse) -> XML:
        """What runs and what is defined: one and the same while the domain is off."""
        live = connection.xml(glimpse)
        if glimpse.uuid not in self._persistent:
            return XML(live, None)
        return XML(live, live if glimpse.run == OFF else connection.definition(glimpse))

    def _from_xml(self, glimpse: Glimpse, xml: XML, before: Known | None, around: Surroundings) -> Known:
        digest = blake2b("\0".join(filter(None, xml)).encode(), digest_size=16).digest()
        if before is not None and before.digest == digest and around is self._around:
            return before
        try:
            said = parse_domain(xml.live, around)
        except ValueError as error:
            raise ValueError(f"domain {glimpse.name} ({glimpse.uuid}): {error}") from error
        domain = Domain(
            uuid=glimpse.uuid,
            name=glimpse.name,
            state=glimpse.state,
            reason=glimpse.reason,
            memory=said.memory,
            vcpus=said.vcpus,
            autostart=False,
            persistent=False,
            interfaces=said.interfaces,
            disks=said.disks,
            metadata=said.metadata,
            definition=_definition(xml.inactive, around),
        )
        return Known(glimpse.run, digest, domain)

    def _with_state(self, known: Known, glimpse: Glimpse) -> Known:
        """The same object when nothing is different, so that comparing ten thousand of them costs nothing."""
        was = known.domain
        autostart, persistent = glimpse.uuid in self._autostart, glimpse.uuid in self._persistent
        is_now = (glimpse.name, glimpse.state, glimpse.reason, autostart, persistent)
        if is_now == (was.name, was.state, was.reason, was.autostart, was.persistent) and known.run == glimpse.run:
            return known
        name, state, reason, *_flags = is_now
        domain = replace(was, name=name, state=state, reason=reason, autostart=autostart, persistent=persistent)
        return Known(glimpse.run, known.digest, domain)

    def _seen(self, host: Host) -> HypervisorSeen:
        return HypervisorSeen(
            hostname=host.hostname,
            cpus=host.cpus,
            memory=host.memory,
            libvirt_version=host.libvirt_version,
            domains=tuple(known.domain for known in self._known.values()),
        )


def _definition(xml: str | None, around: Surroundings) -> Definition | None:
    """The definition, None when there is none or it says nothing that can be read: nobody's state rests on it."""
    try:
        return None if xml is None else parse_definition(xml, around)
    except ValueError:
        return None


def _spread(seconds: float) -> float:
    """About so many seconds, so that hypervisors that were begun together are not read in full together for ever."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 (no secret rests on it)
