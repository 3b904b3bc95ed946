"""What servers and nodes are told of: NFS, mirrors, Puppet runs, observations; each only where it is known."""

from typing import Any

import pytest

from facts.observations import Client, Logs, Mirror, NfsClient, NfsServer, Peer, PeerVolume, Volume
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import told, values
from tests.factories import guest, host, service, settings, site, site_dn

NFS = "nfs1.lab.test"
AT = {"site": "angers", "server": NFS}


def scene(**more: Any) -> Scene:
    files = service("files", members=(NFS,), enclumeProvides="nfs")
    return Scene(site("angers"), host(NFS, enclumeAtSite=site_dn("angers")), files, **more)


def test_a_server_that_nobody_observed_has_no_figures() -> None:
    text = told(scene())
    assert "enclume_nfsd" not in text
    assert "enclume_drbd" not in text
    assert "enclume_observation" not in text


def test_a_host_that_is_no_nfs_server_any_more_is_told_as_none() -> None:
    at = scene()
    at.observe(NFS, nfsd=NfsServer(8, {}))
    assert "enclume_nfsd_threads{" in told(at)
    at.put(service("files", enclumeProvides="nfs"))
    assert "enclume_nfsd" not in told(at)


def test_a_server_that_should_run_and_is_not_there_has_no_thread() -> None:
    at = scene()
    at.observe(NFS, nfsd=NfsServer(8, {}))
    at.observe(NFS)
    assert values(told(at), "nfsd_threads", **AT) == {(): 0}
    assert "enclume_nfsd_read_bytes_total{" not in told(at)
    at.put(service("files", members=(NFS,), enclumeProvides="mirror"))
    assert "enclume_nfsd" not in told(at)


def test_of_two_clients_at_one_address_the_one_that_was_heard_last_is_told() -> None:
    at = scene()
    clients = (Client("10.1.0.1", renew_age=5.0), Client("10.1.0.1", renew_age=90.0), Client("10.1.0.2"))
    at.observe(NFS, nfsd=NfsServer(8, {}, clients=clients))
    text = told(at)
    assert values(text, "nfsd_client_last_renew_seconds", **AT) == {("10.1.0.1",): 5}
    assert values(text, "nfsd_clients", **AT) == {("",): 3}


def mirror(connection: str) -> Mirror:
    return Mirror(
        "r0", "Primary", (Volume(0, "UpToDate"),), (Peer("b", connection, "Unknown", (PeerVolume(0, "DUnknown"),)),)
    )


def test_a_mirror_that_is_cut_is_connected_no_more_and_then_again() -> None:
    at = scene()
    at.observe(NFS, mirrors=(mirror("Connected"),))
    assert values(told(at), "drbd_connected", site="angers") == {(NFS, "b", "r0"): 1}
    at.at += 10
    at.observe(NFS, mirrors=(mirror("StandAlone"),))
    text = told(at)
    assert values(text, "drbd_connected", site="angers") == {(NFS, "b", "r0"): 0}
    assert values(text, "drbd_connection_state", site="angers") == {(NFS, "b", "r0", "StandAlone"): 1}
    at.at += 10
    at.observe(NFS, mirrors=(mirror("Connected"),))
    assert values(told(at), "drbd_connected", site="angers") == {(NFS, "b", "r0"): 1}


def test_while_nobody_tells_of_runs_nothing_is_said_of_them() -> None:
    assert "puppet" not in told(scene())


def test_a_node_that_never_ran_has_run_at_0_once_others_are_told_of() -> None:
    at = scene()
    at.put(host("web.lab.test"))
    at.runs["web.lab.test"] = Run(certname="web.lab.test", ended_at=NOON, last_success=NOON, status="unchanged")
    text = told(at)
    assert values(text, "puppet_last_run_timestamp_seconds") == {(NFS, "angers"): 0, ("web.lab.test", ""): NOON}
    assert values(text, "puppet_run_status") == {("web.lab.test", "", "unchanged"): 1}


def test_while_reports_are_not_read_no_node_is_said_to_have_never_run() -> None:
    at = scene()
    at.put(host("web.lab.test"))
    at.runs["web.lab.test"] = Run(certname="web.lab.test", ended_at=NOON, last_success=NOON, status="unchanged")
    for at.runs_unread, told_of in (("the database is away", {"web.lab.test"}), ("", {"web.lab.test", NFS})):
        found = values(told(at), "puppet_last_run_timestamp_seconds")
        assert {certname for certname, _ in found} == told_of


def test_how_old_a_run_may_be_is_what_the_settings_say_of_the_site_or_host() -> None:
    at = scene(settings=settings(thresholds={"sites": {"angers": {"run_seconds": 600}}}))
    at.put(host("web.lab.test"))
    at.runs[NFS] = Run(certname=NFS, ended_at=NOON, last_success=NOON, status="unchanged")
    assert values(told(at), "puppet_max_age_seconds") == {(NFS, "angers"): 600, ("web.lab.test", ""): 7200}


def test_outcomes_without_a_resource_are_left_out_but_the_total() -> None:
    at = scene()
    counted = {"total": 0, "failed": 0, "changed": 3}
    at.runs[NFS] = Run(certname=NFS, ended_at=NOON, last_success=NOON, status="changed", resources=counted)
    assert values(told(at), "puppet_resources", site="angers", certname=NFS) == {("total",): 0, ("changed",): 3}


def test_each_kind_of_observation_has_its_own_time() -> None:
    at = scene()
    at.observe(NFS, nfsd=NfsServer(8, {}), uses=None)
    at.at += 60
    at.observe(NFS, mirrors=(), problems=("/proc/net/rpc/nfsd cannot be read",))
    found = values(told(at), "observation_timestamp_seconds", site="angers", host=NFS)
    assert found == {("nfsd",): NOON, ("mirrors",): NOON + 60}


def test_of_what_every_host_tells_of_itself_the_oldest_is_told() -> None:
    at = scene()
    at.observe(NFS, logs=Logs(0, remote=True), mounts=(), uses=(), nfs=NfsClient(1, 0))
    assert values(told(at), "observation_timestamp_seconds", site="angers", host=NFS) == {("logs",): NOON}
    at.at += 60
    at.observe(NFS, logs=Logs(0, remote=True), uses=(), nfsd=NfsServer(8, {}), problems=("mountstats cannot be read",))
    found = values(told(at), "observation_timestamp_seconds", site="angers", host=NFS)
    assert found == {("mounts",): NOON, ("nfsd",): NOON + 60}


def test_the_nfs_client_of_a_guest_is_left_to_its_node_exporter() -> None:
    at = scene()
    at.put(guest("web.lab.test"))
    for name in (NFS, "web.lab.test"):
        at.observe(name, nfs=NfsClient(5000, 2))
    text = told(at)
    assert values(text, "nfs_client_calls_total") == {(NFS, "angers"): 5000}
    assert values(text, "nfs_client_retransmissions_total") == {(NFS, "angers"): 2}


def test_what_was_out_of_sync_is_told_where_it_was_not_changed() -> None:
    at = scene()
    for changed, told_of in ((2, {("total",): 9, ("changed",): 2}), (0, {("total",): 9, ("out_of_sync",): 2})):
        counted = {"total": 9, "changed": changed, "out_of_sync": 2}
        at.runs[NFS] = Run(certname=NFS, ended_at=NOON, last_success=NOON, status="changed", resources=counted)
        assert values(told(at), "puppet_resources", site="angers", certname=NFS) == told_of


def test_an_old_catalog_is_told_while_it_is_applied() -> None:
    at = scene()
    for cached in (True, False):
        at.runs[NFS] = Run(certname=NFS, ended_at=NOON, last_success=NOON, status="changed", cached_catalog=cached)
        assert list(values(told(at), "puppet_cached_catalog").values()) == [1] * cached


@pytest.mark.parametrize("intent", ["off", "template", "retired"])
def test_what_is_not_meant_to_run_is_told_with_no_time_until_it_is_again(intent: str) -> None:
    at, name = scene(), "web.lab.test"
    at.put(guest(name))
    at.observe(name, mounts=())
    at.runs[name] = Run(certname=name, ended_at=NOON, last_success=NOON, status="failed")
    told_of = ("observation_timestamp_seconds", "puppet_last_run_timestamp_seconds", "puppet_run_status")
    for meant in ("running", intent, "running"):
        at.put(guest(name, enclumeIntent=meant))
        text = told(at)
        assert [bool(values(text, one, site="")) for one in told_of] == [meant == "running"] * 3, meant


def test_sources_are_told_with_their_site_and_a_failing_one_keeps_its_last_reading() -> None:
    at = scene()
    at.freshness = {SourceKey("inventory", NFS): Freshness(NOON - 60, NOON, "no route to host")}
    text = told(at)
    assert values(text, "source_up") == {("angers", "inventory", NFS): 0}
    assert values(text, "source_last_success_timestamp_seconds") == {("angers", "inventory", NFS): NOON - 60}
