"""A real Prometheus over a running service: it finds its targets, reads everything, and raises the shipped alarms when
something really goes wrong, until it is put right.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import pytest

from facts.observations import Backup, Backups, Kinds, Mirror, NfsServer, Observed, Peer, PeerVolume, Volume
from tests import leaks
from tests.exporters.telling import samples
from tests.live.prometheus import Prometheus
from tests.live.service.estate import (
    BASE,
    GUESTS,
    HYPERVISORS,
    MACHINES,
    NODES,
    SITE,
    SmallEstate,
    dn_of,
    service_dn,
    small_estate,
)
from tests.live.service.running import Service
from tests.live.service.test_placement import said
from tests.waiting import eventually, until

ALPHA, BETA = "alpha.lab.test", "beta.lab.test"
ARCHIVE, NFS, MIRROR = MACHINES[:3]
HOUR = 3600.0


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Looked at once for the file, since its tests share what runs."""
    before = leaks.traces()
    yield
    found = leaks.left_since(before)
    assert not found, "the file's tests left behind: " + "; ".join(found)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallEstate]:
    with small_estate(tmp_path_factory.mktemp("estate"), tcp=True) as running:
        yield running


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    ports = {"metrics": {"ports": {"node": 9, "libvirt": 9}}}
    soon = {"thresholds": {"source_warning": 5}}
    with Service({**estate.settings(), **ports, **soon}) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        until(lambda: running.status("/metrics") == 200, 10, "the first verdicts")
        yield running


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    def discovered(job: str) -> dict[str, object]:
        url = f"http://127.0.0.1:{service.port}/sd/{job}"
        named = {"source_labels": ["__meta_enclume_certname"], "target_label": "instance"}
        services = {"source_labels": ["__meta_enclume_services"], "target_label": "services"}
        sd = {"url": url, "refresh_interval": "1s"}
        return {"job_name": job, "http_sd_configs": [sd], "relabel_configs": [named, services]}

    own = {"job_name": "enclume", "static_configs": [{"targets": [f"127.0.0.1:{service.port}"]}]}
    with Prometheus(tmp_path_factory.mktemp("prometheus"), [own, discovered("node"), discovered("libvirt")]) as running:
        until(lambda: running.value("enclume_nodes"), 20, "the first scrape")
        yield running


def test_what_the_running_service_tells_is_clean_for_promtool(service: Service) -> None:
    text = service.get("/metrics").body.decode()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(samples(text)) > 100


def test_prometheus_reads_where_each_guest_runs(prometheus: Prometheus) -> None:
    found = prometheus.query('enclume_guest_state{state="running"} == 1')
    assert {one["metric"]["guest"]: one["metric"]["hypervisor"] for one in found} == {
        f"{name}.lab.test": f"{hypervisor}.lab.test" for name, hypervisor in GUESTS.items()
    }


def described(certname: str, kind: str, layer: str, **more: str) -> dict[str, str]:
    """What is told of a target; what is not known of it Prometheus leaves out."""
    return {"certname": certname, "site": "larema", "kind": kind, "layer": layer, **more}


def discovered(prometheus: Prometheus, job: str) -> dict[str, dict[str, str]]:
    """What Prometheus was told of each target of a job."""
    begin = "__meta_enclume_"
    return {
        instance: {
            name.removeprefix(begin): value for name, value in one["discoveredLabels"].items() if name.startswith(begin)
        }
        for instance, one in prometheus.targets(job).items()
    }


def test_prometheus_finds_every_host_and_what_it_is_a_member_of(prometheus: Prometheus) -> None:
    hypervisors = {name: described(name, "hypervisor", "1") for name in HYPERVISORS}
    expected = hypervisors | {name: described(name, "physical", "1", services=",compute,") for name in MACHINES}
    for guest, hypervisor in GUESTS.items():
        name, on = f"{guest}.lab.test", f"{hypervisor}.lab.test"
        expected[name] = described(name, "guest", "2", hypervisor=on, intent="running")
    expected[ALPHA]["services"] = ",web,"
    assert expected.keys() == set(NODES)
    for job, meant in (("node", expected), ("libvirt", hypervisors)):
        eventually(partial(discovered, prometheus, job), meant)
        targets = prometheus.targets(job)
        assert {one["discoveredLabels"]["__address__"] for one in targets.values()} == {"10.49.0.9:9"}
        services = {name: one["labels"].get("services") for name, one in targets.items()}
        assert services == {name: told.get("services") for name, told in meant.items()}


def test_a_guest_that_is_started_twice_raises_the_shipped_alarm_until_one_is_ended(
    prometheus: Prometheus, estate: SmallEstate
) -> None:
    assert prometheus.firing("EnclumeGuestSplitBrain") == []
    (uuid,) = {one["metric"]["uuid"] for one in prometheus.query(f'enclume_guest_info{{guest="{ALPHA}"}}')}
    estate.two.define("alpha", uuid)
    estate.two.start("alpha")
    (alert,) = until(lambda: prometheus.firing("EnclumeGuestSplitBrain"), 30, "the alarm")
    assert alert["labels"]["guest"] == ALPHA
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == f"{ALPHA} runs on two hypervisors"
    assert prometheus.value(f'enclume_guest_running_instances{{guest="{ALPHA}"}}') == 2
    estate.two.destroy("alpha")
    until(lambda: not prometheus.firing("EnclumeGuestSplitBrain"), 30, "the end of the alarm")


def observe(service: Service, certname: str, **kinds: Any) -> None:
    """Deliver what a host's observer sees now."""
    said = Observed(1, certname, time.time(), Kinds(**kinds), looked_at=tuple(kinds))
    reply = service.ask("PUT", f"/observations/{certname}", msgspec.json.encode(said))
    assert reply.status == 204, reply.body


@contextmanager
def provider(estate: SmallEstate, what: str, member: str) -> Iterator[None]:
    """A service that provides something by one member, for a while."""
    lines = f"objectClass: enclumeService\ncn: {what}\nenclumeProvides: {what}\nmember: {dn_of(member)}\n"
    estate.slapd.modify(f"dn: {service_dn(what)}\nchangetype: add\n{lines}")
    try:
        yield
    finally:
        estate.slapd.modify(f"dn: {service_dn(what)}\nchangetype: delete\n")


def fires(prometheus: Prometheus, alert: str, **labels: str) -> None:
    until(lambda: prometheus.raised(alert, **labels), 30, f"{alert} of {labels}")


def ends(prometheus: Prometheus, alert: str, **labels: str) -> None:
    until(lambda: not prometheus.raised(alert, **labels), 30, f"the end of {alert} of {labels}")


def test_a_hypervisor_that_dies_raises_the_alarm_of_its_source_and_its_guests_until_it_is_back(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    away = {"subject": f"inventory {HYPERVISORS[1]}"}
    assert prometheus.raised("EnclumeSourceDown", **away) == []
    estate.two.kill()
    fires(prometheus, "EnclumeSourceDown", **away)
    fires(prometheus, "EnclumeGuestPlacementUnknown", guest="delta.lab.test")
    eventually(lambda: said(service, HYPERVISORS[1], "sources"), {"source_late": "warning"})
    eventually(lambda: said(service, "-", "enc").get("answers_old"), "warning")
    estate.two.restart()
    ends(prometheus, "EnclumeSourceDown", **away)
    ends(prometheus, "EnclumeGuestPlacementUnknown", guest="delta.lab.test")
    eventually(lambda: said(service, HYPERVISORS[1], "sources"), {"source": "ok"})
    eventually(lambda: said(service, "-", "enc").get("answers"), "ok")


def test_a_backup_that_is_unknown_then_late_then_fails_raises_an_alarm_each_until_a_new_one_is_made(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    of = {"host": BETA, "kind": "system"}

    def keep(hours: float, *, failed: bool = False) -> None:
        now = time.time()
        made = Backup(BETA, "system", now - hours * HOUR, last_attempt=now, last_attempt_failed=failed)
        observe(service, ARCHIVE, backups=Backups((made,)))

    with provider(estate, "backup", ARCHIVE):
        estate.replace(dn_of(BETA), "enclumeMaxAge", "system/daily=26")
        fires(prometheus, "EnclumeBackupUnknown", subject=f"{BETA} system/daily")
        fires(prometheus, "EnclumeVerdictUnknown", code="backup_server_silent", subject=ARCHIVE)
        keep(30)
        fires(prometheus, "EnclumeBackupLate", **of)
        ends(prometheus, "EnclumeBackupUnknown", subject=f"{BETA} system/daily")
        ends(prometheus, "EnclumeVerdictUnknown", subject=ARCHIVE)
        keep(60, failed=True)
        fires(prometheus, "EnclumeBackupVeryLate", subject=f"{BETA} system/daily")
        fires(prometheus, "EnclumeBackupFailed", **of)
        keep(1)
        for alert in ("EnclumeBackupLate", "EnclumeBackupFailed"):
            ends(prometheus, alert, **of)
        ends(prometheus, "EnclumeBackupVeryLate")
        assert prometheus.raised("EnclumeVerdict", check="backup") == []
    estate.replace(dn_of(BETA), "enclumeMaxAge")


def end(role: str, peer: str, connection: str) -> Mirror:
    """One end of a mirror, in sync while it is connected."""
    disk = "UpToDate" if connection == "Connected" else "DUnknown"
    theirs = Peer(peer, connection, "Secondary", (PeerVolume(0, disk),))
    return Mirror("r0", role, (Volume(0, "UpToDate"),), (theirs,))


def test_a_storage_that_stops_a_mirror_without_a_primary_and_one_that_splits_raise_alarms_until_they_are_mended(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    def show(role: str, connection: str = "Connected", threads: int = 8) -> None:
        observe(service, NFS, nfsd=NfsServer(threads, {}), mirrors=(end(role, "calc03", connection),))
        observe(service, MIRROR, mirrors=(end("Secondary", "calc02", connection),))

    with provider(estate, "nfs", NFS), provider(estate, "mirror", MIRROR):
        fires(prometheus, "EnclumeVerdictUnknown", code="nfsd_silent", subject=NFS)
        show("Secondary", threads=0)
        fires(prometheus, "EnclumeNfsdDown", server=NFS)
        fires(prometheus, "EnclumeVerdictCritical", code="mirror_no_primary", subject="r0")
        ends(prometheus, "EnclumeVerdictUnknown", subject=NFS)
        show("Primary", "StandAlone")
        fires(prometheus, "EnclumeDrbdSplitBrain", resource="r0")
        fires(prometheus, "EnclumeDrbdDisconnected", resource="r0", node=NFS)
        show("Primary")
        for alert in ("EnclumeNfsdDown", "EnclumeDrbdSplitBrain", "EnclumeDrbdDisconnected"):
            ends(prometheus, alert)
        ends(prometheus, "EnclumeVerdictCritical", check="mirror")


def test_a_guest_that_comes_to_provide_what_hypervisors_boot_with_raises_the_alarm_of_the_layers_until_it_does_not(
    prometheus: Prometheus, estate: SmallEstate
) -> None:
    used = {"host": HYPERVISORS[0], "provider": ALPHA}
    with provider(estate, "ldap", ALPHA):
        fires(prometheus, "EnclumeLayerBoot", **used)
    ends(prometheus, "EnclumeLayerBoot", **used)


def test_a_mistake_in_the_directory_raises_the_alarm_of_all_other_verdicts_until_it_is_undone(
    prometheus: Prometheus, estate: SmallEstate
) -> None:
    nobody = dn_of("nobody.lab.test")
    estate.change(service_dn("web"), "add", "member", nobody)
    fires(prometheus, "EnclumeVerdict", code="directory_finding", check="enc")
    estate.change(service_dn("web"), "delete", "member", nobody)
    ends(prometheus, "EnclumeVerdict", code="directory_finding")


def test_a_directory_and_a_service_that_hang_raise_their_alarms_until_they_go_on(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    estate.slapd.freeze()
    fires(prometheus, "EnclumeSourceDown", subject=f"directory {BASE}")
    estate.slapd.thaw()
    ends(prometheus, "EnclumeSourceDown", subject=f"directory {BASE}")
    for process in service.family:
        process.send_signal(signal.SIGSTOP)
    fires(prometheus, "EnclumeDown", job="enclume")
    for process in service.family:
        process.send_signal(signal.SIGCONT)
    ends(prometheus, "EnclumeDown", job="enclume")


def test_a_host_that_is_removed_is_gone_for_prometheus(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    name = "omega.lab.test"
    entry = f"dn: {dn_of(name)}\nchangetype: add\nobjectClass: device\nobjectClass: enclumeHost\ncn: omega.lab.test\n"
    estate.slapd.modify(f"{entry}enclumeKind: guest\nenclumeAtSite: {SITE}\n")
    until(lambda: prometheus.query(f'enclume_guest_info{{guest="{name}"}}'), 20, "the new guest")
    until(lambda: f"{name}" in service.get("/sd/node").body.decode(), 10, "it as a target")
    estate.slapd.modify(f"dn: {dn_of(name)}\nchangetype: delete\n")
    until(lambda: not prometheus.query(f'enclume_guest_info{{guest="{name}"}}'), 20, "its end")
    assert name not in service.get("/sd/node").body.decode()
