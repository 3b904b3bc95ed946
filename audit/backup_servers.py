"""Backup servers: whether each speaks, what it keeps of hosts that nobody has, and how large its pools are."""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from audit.verdict import Judged, Measure, Status, Verdict
from audit.view import Group, View
from audit.voices import Voice, members, voice
from audit.words import counted, names, size
from facts.estate import Node
from facts.observations import BackupPool


class BackupServer(Struct, frozen=True):
    """What is known of a host that keeps backups: how many it keeps, the names that no host has, its pools' sizes.

    It is the `details` of its group. What it says is of its last observation, also while its voice is silent.
    """

    site: str
    voice: Voice
    kept: int = 0
    unknown: tuple[str, ...] = ()
    pools: tuple[BackupPool, ...] = ()


def groups(view: View) -> Iterator[Group]:
    """A group for each backup server, and for each hypervisor that tells of its containers' copies."""
    estate = view.situation.now.estate
    if estate is None:
        return
    servers = {node.host.name: node for node in members(estate, "backup")}
    holders = {name: kept.node for name, kept in view.pictures.archive.items() if name not in servers}
    for kind, nodes in (("backups", servers), ("containers", holders)):
        for name in sorted(nodes):
            server = _server(view, nodes[name], kind)
            yield Group(name, (server,), partial(judge, server))


def _server(view: View, node: Node, kind: str) -> BackupServer:
    name, site = node.host.name, node.site.name if node.site else ""
    kept = view.pictures.archive.get(name)
    speaks = voice(view.situation, node, name, kind)
    if kept is None:
        return BackupServer(site, speaks)
    unknown = view.pictures.unknown.get(name, ())
    of_hosts = sum(map(len, kept.backups.values())) + len(kept.containers) - len(unknown)
    return BackupServer(site, speaks, of_hosts, unknown, kept.pools)


def judge(server: BackupServer) -> Judged:
    """How one server stands."""
    return Judged(tuple(_verdicts(server)), details=server)


def _verdicts(server: BackupServer) -> Iterator[Verdict]:
    name = server.voice.name
    if server.voice.absent:
        way_out = "mount there what holds them, name its place in the configuration of enclume-observe"
        sentence = f"{name} keeps no backups that can be found: {way_out}, or take the host out of the service"
        yield _say(server, "critical", sentence, code="backup_server_missing")
        return
    if server.voice.silent:
        yield _say(server, "unknown", server.voice.excuse("backups"), code="backup_server_silent")
        return
    if server.unknown:
        whose = f"keeps backups of {names(server.unknown)}"
        sentence = f"{name} {whose}, whom nobody has: remove them there, or name them in `backups.hosts`"
        yield _say(server, "warning", sentence, code="backup_of_nobody")
    pools = f" in {size(sum(pool.size_bytes for pool in server.pools))}" if server.pools else ""
    yield _say(server, "ok", f"{name} keeps {counted(server.kept, 'backup')}{pools}", code="backup_server")


def _say(server: BackupServer, status: Status, sentence: str, *, code: str) -> Verdict:
    return Verdict(
        check="backup",
        code=code,
        subject=server.voice.name,
        site=server.site,
        status=status,
        sentence=sentence,
        host=server.voice.name,
        measures=(
            Measure("kept", server.kept),
            Measure("unknown", len(server.unknown)),
            *(Measure(f"pool_{pool.pool}", pool.size_bytes, "B") for pool in server.pools),
        ),
        sources=(server.voice.source,),
    )
