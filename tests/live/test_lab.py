"""Two nodes with a real NFS server and a real DRBD pair: their kernels' figures, and what Enclume makes of them."""

import time
from collections.abc import Iterator

import pytest

from tests.lab import drbd, nfs
from tests.lab.estate import GUEST, GUEST_ADDRESS, MIRROR, SERVER
from tests.lab.nodes import Node
from tests.lab.seen import alone, behind, connected, in_sync, mirrors, served, used
from tests.lab.site import LATE, Site, running_site
from tests.live.service.estate import dn_of
from tests.waiting import eventually, until

# The first of them has the nodes' image made, and both boot: minutes, where other tests run beside it.
pytestmark = pytest.mark.timeout(900)

KIB = 1024
DEADLINE = 50.0
"""Seconds after which a run of enclume-observe ends, whatever is slow: as it is shipped."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def pair(site: Site) -> Iterator[tuple[Node, Node]]:
    """The mirror's two nodes; the test leaves it in sync, and if it fails, this does."""
    yield site.nodes
    drbd.mend(*site.nodes)


@pytest.fixture
def mount(site: Site, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the second node has mounted what the first one exports; NFS 4.2 unless the test says otherwise."""
    server, client = site.nodes
    path = nfs.mount(client, server, getattr(request, "param", "4.2"))
    nfs.write(client, f"{path}/file", blocks=1, size=64 * KIB)
    yield path
    nfs.unmount(client, path)


@pytest.mark.parametrize("mount", ["3", "4.2"], indirect=True)
def test_reads_and_writes_are_counted_by_server_and_client_as_they_were_made(site: Site, mount: str) -> None:
    _, client = site.nodes
    served_before, used_before = served(site), used(site, mount)
    nfs.write(client, f"{mount}/file", blocks=7, size=64 * KIB)
    nfs.read(client, f"{mount}/file", blocks=5, size=16 * KIB)
    served_now, used_now = served(site), used(site, mount)
    grown = {name: served_now.requests[name] - served_before.requests.get(name, 0) for name in ("write", "read")}
    assert grown == {"write": 7, "read": 5}
    assert served_now.written_bytes - served_before.written_bytes == 7 * 64 * KIB
    assert served_now.read_bytes - served_before.read_bytes == 5 * 16 * KIB
    assert used_now.written_bytes - used_before.written_bytes == 7 * 64 * KIB
    assert used_now.read_bytes - used_before.read_bytes == 5 * 16 * KIB
    assert used_now.responding is True


def test_what_was_read_and_written_stands_in_the_metrics(site: Site, mount: str) -> None:
    server, client = site.nodes
    of = {"server": server.name}
    before = served(site)
    nfs.write(client, f"{mount}/file", blocks=3, size=64 * KIB)
    nfs.read(client, f"{mount}/file", blocks=2, size=32 * KIB)
    site.report()
    written = before.written_bytes + 3 * 64 * KIB
    eventually(lambda: site.figures("nfsd_written_bytes_total", **of), {(): written})
    assert site.figures("nfsd_read_bytes_total", **of) == {(): before.read_bytes + 2 * 32 * KIB}
    for operation, number in {"write": 3, "read": 2}.items():
        counted = site.figures("nfsd_requests_total", operation=operation, **of)
        assert counted == {(): before.requests.get(operation, 0) + number}
    assert site.figures("nfsd_threads", **of) == {(): nfs.THREADS}
    assert site.figures("nfsd_clients", **of) == {("confirmed",): 1}
    ((client_address,),) = site.figures("nfsd_client_last_renew_seconds", **of)
    assert client_address == client.address


def test_a_client_that_vanishes_is_told_until_it_is_back(site: Site, mount: str, pair: tuple[Node, Node]) -> None:
    server, client = pair
    (seen,) = served(site).clients
    assert (seen.address, seen.status) == (client.address, "confirmed")
    assert client.name in seen.name
    server.pull_cable()
    until(lambda: nfs.unheard(server) > LATE, 60, "the client to be late")
    site.one.push()
    eventually(lambda: site.verdicts("storage").get("nfsd_client_silent"), "warning")
    assert client.address in site.sentences("storage")
    drbd.mend(*pair)
    nfs.read(client, f"{mount}/file", blocks=1, size=KIB)
    site.one.push()
    eventually(lambda: site.verdicts("storage"), {"nfsd": "ok"})


@pytest.mark.parametrize("mount", ["3", "4.2"], indirect=True)
def test_a_mount_whose_server_is_cut_off_is_told_in_time_until_it_responds_again(
    site: Site, mount: str, pair: tuple[Node, Node]
) -> None:
    server, client = pair
    site.two.push()
    eventually(lambda: site.verdicts("data"), {"data_ok": "ok"})
    server.pull_cable()
    assert used(site, mount).responding is False
    begun = time.monotonic()
    site.two.push()
    assert time.monotonic() - begun < DEADLINE
    until(lambda: not site.two.processes(), 10, "the end of all that looked at the mount")
    eventually(lambda: site.verdicts("data"), {"mount_silent": "critical", "data_ok": "ok"})
    assert f"{mount} ({server.name}:" in site.sentences("data")
    drbd.mend(*pair)
    nfs.read(client, f"{mount}/file", blocks=1, size=KIB)
    assert used(site, mount).responding is True
    site.two.push()
    eventually(lambda: site.verdicts("data"), {"data_ok": "ok"})


def test_threads_that_are_too_few_are_told_until_there_are_more(site: Site, mount: str) -> None:
    server, client = site.nodes
    for threads, expected in ((1, {"nfsd_starved": "warning", "nfsd": "ok"}), (16, {"nfsd": "ok"})):
        nfs.set_threads(server, threads)
        site.one.push()
        nfs.storm(client, f"{mount}/file")
        site.one.push()
        eventually(lambda: site.verdicts("storage"), expected)
    nfs.set_threads(server, nfs.THREADS)


def test_a_server_that_is_down_is_told_until_it_runs(site: Site) -> None:
    server, _ = site.nodes
    for threads, expected in ((0, {"nfsd_down": "critical"}), (nfs.THREADS, {"nfsd": "ok"})):
        nfs.set_threads(server, threads)
        site.one.push()
        eventually(lambda: site.verdicts("storage"), expected)


def test_a_server_that_is_not_there_at_all_is_down_until_it_is_started(site: Site) -> None:
    server, _ = site.nodes
    site.one.push()
    eventually(lambda: site.verdicts("storage"), {"nfsd": "ok"})
    nfs.stop(server)
    assert site.one.see("nfsd").nfsd is None
    site.one.push()
    eventually(lambda: site.verdicts("storage"), {"nfsd_down": "critical"})
    eventually(lambda: site.figures("nfsd_threads", server=server.name), {(): 0})
    nfs.start(server)
    site.one.push()
    eventually(lambda: site.verdicts("storage"), {"nfsd": "ok"})
    eventually(lambda: site.figures("nfsd_threads", server=server.name), {(): nfs.THREADS})


def test_a_mirror_that_vanishes_from_both_ends_is_missed_until_it_is_back(site: Site, pair: tuple[Node, Node]) -> None:
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})
    drbd.stop(*pair)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror_missing": "warning"})
    assert all(f"{node.name} has shown no r0 since" in site.sentences("mirror") for node in pair)
    drbd.start(*pair)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})


def test_a_cut_mirror_counts_what_is_out_of_sync_until_it_is_mended(site: Site, pair: tuple[Node, Node]) -> None:
    one, two = pair
    site.report()
    eventually(lambda: connected(site), {(one.name, two.name): 1, (two.name, one.name): 1})
    one.pull_cable()
    drbd.write(one, kilobytes=1024)
    drbd.until_connection("WFConnection", *pair)
    assert mirrors(site) == (
        alone("Primary", two, "Connecting", 1024 * KIB),
        alone("Secondary", one, "Connecting", 0),
    )
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror_behind": "critical"})
    assert "1 MiB differ" in site.sentences("mirror")
    eventually(lambda: connected(site), {(one.name, two.name): 0, (two.name, one.name): 0})
    assert behind(site) == {(two.name, "0"): 1024 * KIB, (one.name, "0"): 0}
    (before,) = site.figures("drbd_last_in_sync_timestamp_seconds", resource="r0").values()
    drbd.mend(*pair)
    assert mirrors(site) == in_sync(*pair)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})
    assert connected(site) == {(one.name, two.name): 1, (two.name, one.name): 1}
    assert behind(site) == {(two.name, "0"): 0, (one.name, "0"): 0}
    (now,) = site.figures("drbd_last_in_sync_timestamp_seconds", resource="r0").values()
    assert now > before


def test_a_split_brain_is_seen_from_both_ends_until_one_side_gives_up(site: Site, pair: tuple[Node, Node]) -> None:
    one, two = pair
    one.pull_cable()
    drbd.until_connection("WFConnection", *pair)
    drbd.write(one, kilobytes=256)
    drbd.promote(two)
    drbd.write(two, kilobytes=512, offset=4096)
    one.plug_cable()
    drbd.until_connection("StandAlone", *pair)
    assert mirrors(site) == (
        alone("Primary", two, "StandAlone", 256 * KIB),
        alone("Primary", one, "StandAlone", 512 * KIB),
    )
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror_split_brain": "critical"})
    assert all(node.name in site.sentences("mirror") for node in pair)
    assert site.figures("drbd_split_brain", resource="r0") == {(): 1}
    assert set(site.figures("drbd_role", resource="r0")) == {(one.name, "Primary"), (two.name, "Primary")}
    assert behind(site) == {(two.name, "0"): 256 * KIB, (one.name, "0"): 512 * KIB}
    drbd.mend(*pair)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})
    assert site.figures("drbd_split_brain", resource="r0") == {(): 0}
    assert set(site.figures("drbd_role", resource="r0")) == {(one.name, "Primary"), (two.name, "Secondary")}


def test_a_mirror_that_lost_a_disk_is_told_until_the_disk_is_back(site: Site, pair: tuple[Node, Node]) -> None:
    _, two = pair
    drbd.detach(two)
    site.report()
    eventually(lambda: site.verdicts("mirror").get("mirror_disk"), "critical")
    assert f"{two.name} has lost its disk of r0 (volume 0 Diskless)" in site.sentences("mirror")
    drbd.attach(two)
    drbd.until_in_sync(*pair)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})


def test_two_primaries_that_see_each_other_are_told_until_one_gives_way(site: Site, pair: tuple[Node, Node]) -> None:
    _, two = pair
    drbd.allow_two_primaries(*pair, allowed=True)
    drbd.promote(two)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror_two_primaries": "critical", "mirror": "ok"})
    assert "nfs1.lab.test and nfs2.lab.test are both primary" in site.sentences("mirror")
    drbd.demote(two)
    drbd.allow_two_primaries(*pair, allowed=False)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})


def test_a_mirror_without_a_primary_is_told_until_there_is_one(site: Site, pair: tuple[Node, Node]) -> None:
    one, _ = pair
    drbd.demote(one)
    site.report()
    eventually(lambda: site.verdicts("mirror").get("mirror_no_primary"), "critical")
    drbd.promote(one)
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})


def test_an_end_that_says_nothing_any_more_is_told_until_it_speaks(site: Site, pair: tuple[Node, Node]) -> None:
    one, _ = pair
    site.report()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})
    eventually(lambda: site.verdicts("mirror"), {"mirror_silent": "unknown", "mirror": "ok"})
    assert f"r0: {one.name} has said nothing of mirrors since" in site.sentences("mirror")
    eventually(lambda: site.verdicts("storage"), {"nfsd_silent": "unknown"})
    site.one.push()
    eventually(lambda: site.verdicts("mirror"), {"mirror": "ok"})
    eventually(lambda: site.verdicts("storage"), {"nfsd": "ok"})


def test_a_resolver_in_a_guest_is_told_with_its_path_until_it_is_used_no_more(site: Site) -> None:
    _, node = site.nodes
    site.report()
    eventually(lambda: site.verdicts("layers"), {"layers": "ok"})
    node.write("/etc/resolv.conf", f"nameserver {GUEST_ADDRESS}\n".encode())
    try:
        site.report()
        eventually(lambda: "layer_boot" in site.verdicts("layers"), True)
        assert f"{node.name} → dns → guest {GUEST}" in site.sentences("layers")
    finally:
        node.run("rm /etc/resolv.conf")
    site.report()
    eventually(lambda: site.verdicts("layers"), {"layers": "ok"})


def test_a_guest_without_its_data_or_with_those_of_an_unknown_address_is_told_until_it_has_them(site: Site) -> None:
    """LDAP has a letter in the server's address, and so no address of it."""
    server, node = site.nodes
    with site.second_in_a_guest():
        site.two.push()
        eventually(lambda: site.verdicts("data"), {"data_not_mounted": "critical", "data_ok": "ok"})
        assert f"{node.name} requires storage and mounts nothing of {server.name}" in site.sentences("data")
        for one in (SERVER, MIRROR):
            site.state(dn_of(one), "ipHostNumber", "10.77.0.l")
        node.run(f"mkdir -p /mnt/data; mount -t nfs -o vers=4.2,proto=tcp {server.address}:/ /mnt/data")
        site.two.push()
        eventually(lambda: site.verdicts("data"), {"data_server_unknown": "unknown", "data_ok": "ok"})
        site.state(dn_of(SERVER), "ipHostNumber", server.address)
        eventually(lambda: site.verdicts("data"), {"data_ok": "ok"})
