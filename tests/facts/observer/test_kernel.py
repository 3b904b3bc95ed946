"""What `enclume-observe` reads of the kernel's NFS and DRBD: every capture of real ones, figure by figure."""

import json
from typing import Any

import pytest

from tests.facts.observer.program import ROOT, capture, observe

KIB = 1024


def silent(sentence: str) -> None:
    raise AssertionError(sentence)


def test_the_nfs_servers_figures() -> None:
    assert observe.parse_nfsd(capture("proc_net_rpc_nfsd"), silent) == {
        "threads": 8,
        "requests": {
            "access": 53, "close": 51, "commit": 1, "getattr": 105, "getfh": 3, "lookup": 1, "open": 51, "putfh": 206,
            "putrootfh": 2, "read": 50, "readdir": 1, "write": 40, "exchange_id": 2, "create_session": 1,
            "secinfo_no_name": 1, "sequence": 209, "reclaim_complete": 1,
        },
        "read_bytes": 1000000,
        "written_bytes": 2621440,
        "reply_cache_hits": 0,
        "reply_cache_misses": 0,
    }  # fmt: skip


def test_operations_of_all_nfs_versions_are_added_by_their_names() -> None:
    version2 = " ".join(["1"] * 18)
    version3 = " ".join(str(number) for number in range(22))
    version4 = " ".join(["0"] * 25 + ["1000"] + ["0"] * 50 + ["9"])
    text = f"th 4\nproc2 18 {version2}\nproc3 22 {version3}\nproc4 2 5 6\nproc4ops 77 {version4}\n"
    requests = observe.parse_nfsd(text, silent)["requests"]
    assert (requests["read"], requests["write"], requests["mkdir"]) == (1 + 6 + 1000, 1 + 7, 1 + 9)
    assert (requests["commit"], requests["readdirplus"], requests["wrcache"]) == (21, 17, 1)
    assert requests["op76"] == 9
    assert "null" in requests
    assert "access" in requests


def test_the_names_of_operations_are_as_many_as_the_protocols_have() -> None:
    assert [len(names) for names in (observe.NFS2, observe.NFS3, observe.NFS4)] == [18, 22, 76]
    assert [observe.NFS4[number] for number in (3, 25, 38, 53, 59, 75)] == [
        "access", "read", "write", "sequence", "allocate", "removexattr",
    ]  # fmt: skip


def test_the_reply_cache_is_counted() -> None:
    server = observe.parse_nfsd("rc 3 4 5\nth 1\n", silent)
    assert (server["reply_cache_hits"], server["reply_cache_misses"]) == (3, 4)


def test_a_line_that_is_shorter_than_it_says_is_left_out_and_named() -> None:
    said: list[str] = []
    server = observe.parse_nfsd("th 8\nproc4ops 76 0 0 0 53 5\nproc3 2 1 1\n", said.append)
    assert server["requests"] == {"null": 1, "getattr": 1}
    assert said == ["/proc/net/rpc/nfsd: the line proc4ops has fewer figures than it says, and is left out"]


def test_without_its_threads_a_server_is_unknown_and_that_is_said() -> None:
    said: list[str] = []
    assert observe.parse_nfsd("io 5 6\n", said.append) is None
    assert "no line th" in said[0]


@pytest.mark.parametrize(
    ("header", "line", "woken"),
    [
        ("packets-arrived sockets-enqueued threads-woken threads-timedout", "0 213 4 209 0", 209),
        ("packets-arrived sockets-enqueued threads-woken overloads-avoided threads-timedout", "0 213 4 209 0 0", 209),
        ("sockets-enqueued packets-arrived", "0 4 213", None),
    ],
)
def test_pools_are_read_by_the_names_of_their_columns(header: str, line: str, woken: int | None) -> None:
    pools = observe.parse_pools(f"# pool {header}\n{line}\n")
    assert pools == [{"pool": "0", "packets_arrived": 213, "sockets_enqueued": 4, "threads_woken": woken}]


@pytest.mark.parametrize(("enqueued", "woken", "waited"), [(4, 209, 4), (213, 209, 4), (213, 214, 0), (4, None, 4)])
def test_what_woke_no_thread_had_to_wait_whatever_the_kernel_enqueues(
    enqueued: int, woken: int | None, waited: int
) -> None:
    pool = {"packets_arrived": 213, "sockets_enqueued": enqueued, "threads_woken": woken}
    assert observe.waited(pool) == waited


@pytest.mark.parametrize(
    "text", ["", "0 213 4\n", "# pool packets-arrived\n0 1 2 3\n", "# pool packets-arrived\nx y\n"]
)
def test_pools_that_are_not_understood_are_none(text: str) -> None:
    assert observe.parse_pools(text) == []


def test_a_client_loses_its_port_and_keeps_the_age_of_its_lease() -> None:
    text = (ROOT / "proc/fs/nfsd/clients/7/info").read_text()
    assert observe.parse_client(text) == [
        {"address": "fd00::9", "name": 'Linux NFSv4.2 "old" guest', "status": "courtesy", "renew_age": 2288446.0}
    ]


def test_a_client_of_an_older_kernel_has_no_age() -> None:
    (client,) = observe.parse_client('clientid: 0x1\naddress: "10.0.0.1:700"\nname: "x"\n')
    assert (client["address"], client["renew_age"], client["status"]) == ("10.0.0.1", None, "")


def test_a_client_without_an_address_is_none() -> None:
    assert observe.parse_client("clientid: 0x1\nstatus: confirmed\n") == []


def test_the_mount_of_nfs_version_4() -> None:
    assert observe.parse_mountstats(capture("mountstats")) == [
        {
            "path": "/mnt/n",
            "server": "node1",
            "export": "/",
            "version": "4.2",
            "read_bytes": 1000000,
            "written_bytes": 2621440,
        }
    ]


def test_mounts_of_versions_3_and_4_among_other_lines() -> None:
    fourth, third = observe.parse_mountstats(capture("mountstats_v3_and_v4"))
    assert fourth == observe.parse_mountstats(capture("mountstats"))[0]
    assert third == {
        "path": "/mnt/n3",
        "server": "node1",
        "export": "/srv/export",
        "version": "3",
        "read_bytes": 20000,
        "written_bytes": 0,
    }


def test_bytes_that_a_page_fault_read_count_as_read_from_the_server() -> None:
    text = "device s:/e mounted on /m with fstype nfs4 statvers=1.1\n\tbytes:\t1 2 3 4 500 600 7 8 \n"
    (mount,) = observe.parse_mountstats(text)
    assert (mount["read_bytes"], mount["written_bytes"]) == (500, 600)


@pytest.mark.parametrize(
    ("device", "server", "export"),
    [
        ("nfs1:/srv/data", "nfs1", "/srv/data"),
        ("[fd00::1]:/srv", "fd00::1", "/srv"),
        (r"nfs1:/with\040blank", "nfs1", "/with blank"),
    ],
)
def test_a_mounts_server_and_export(device: str, server: str, export: str) -> None:
    (mount,) = observe.parse_mountstats(f"device {device} mounted on /a\\040b with fstype nfs\n")
    assert (mount["server"], mount["export"], mount["path"]) == (server, export, "/a b")


def test_other_file_systems_are_no_nfs_mounts() -> None:
    text = "device proc mounted on /proc/fs/nfsd with fstype nfsd\ndevice x:y mounted on /y with fstype fuse\n"
    assert observe.parse_mountstats(text + "\tbytes: 1 2 3 4 5 6 7 8\n") == []


def mirror(peer: dict[str, Any], role: str = "Secondary", **volume: Any) -> list[dict[str, Any]]:
    """One resource r0 with one volume and one peer."""
    shown = {"volume": 0, "disk": "UpToDate", "replication": "Established", "out_of_sync_bytes": 0, **volume}
    whole = {"name": "peer", "connection": "Connected", "role": "Primary", "volumes": [shown], **peer}
    own = [{"volume": 0, "disk": "UpToDate", "minor": 0}]
    return [{"resource": "r0", "role": role, "volumes": own, "peers": [whole]}]


def test_drbd_84_as_drbdsetup_shows_it() -> None:
    status = capture("drbd84_status_events2_dumpxml.txt").partition("\n\n")[0] + "\n"
    assert observe.parse_drbd_status(status) == mirror({})


def test_drbd_84_as_its_events_tell_it() -> None:
    assert observe.parse_drbd_events(capture("drbd84_status_events2_dumpxml.txt")) == mirror({})


def test_the_whole_capture_gives_its_one_resource_and_no_other_line_is_lost_in_it() -> None:
    (found, *others) = observe.parse_drbd_status(capture("drbd84_status_events2_dumpxml.txt"))
    assert found == mirror({})[0]
    assert all(other["volumes"] == [] and other["peers"] == [] for other in others)


def test_drbd_84_as_proc_shows_it() -> None:
    found = observe.parse_proc_drbd(capture("proc_drbd_uptodate"), {0: "r0"})
    assert found == mirror({"role": "Secondary"}, role="Primary")


def test_what_is_out_of_sync_is_told_in_bytes() -> None:
    found = observe.parse_proc_drbd(capture("proc_drbd_syncing"), {0: "r0"})
    syncing = {"disk": "Inconsistent", "replication": "SyncSource", "out_of_sync_bytes": 94668 * KIB}
    assert found == mirror({"role": "Secondary"}, role="Primary", **syncing)


def test_a_minor_without_a_name_is_named_by_its_device() -> None:
    (found,) = observe.parse_proc_drbd(capture("proc_drbd_uptodate"), {})
    assert found["resource"] == "drbd0"


@pytest.mark.parametrize(
    ("state", "connection", "replication"),
    [
        ("WFConnection", "Connecting", "Off"),
        ("StandAlone", "StandAlone", "Off"),
        ("Connected", "Connected", "Established"),
        ("SyncTarget", "Connected", "SyncTarget"),
    ],
)
def test_proc_and_drbdsetup_tell_a_state_in_the_same_words(state: str, connection: str, replication: str) -> None:
    line = f" 0: cs:{state} ro:Primary/Unknown ds:UpToDate/DUnknown C r-----\n"
    (found,) = observe.parse_proc_drbd(line, {})
    (peer,) = found["peers"]
    assert (peer["connection"], peer["volumes"][0]["replication"]) == (connection, replication)


CUT = """\
r0 role:Primary suspended:no
    write-ordering:flush
  volume:0 minor:0 disk:UpToDate
      size:98264 read:12695
  volume:1 minor:1 disk:Diskless
      size:0
  peer connection:StandAlone role:Unknown congested:no
    volume:0 replication:Off peer-disk:DUnknown resync-suspended:no
        received:0 sent:0 out-of-sync:512 pending:0 unacked:0
    volume:1 replication:Off peer-disk:Outdated resync-suspended:no
        out-of-sync:3

r1 role:Secondary suspended:no
"""


def test_two_resources_with_two_volumes_and_a_cut_connection() -> None:
    first, second = observe.parse_drbd_status(CUT)
    assert second == {"resource": "r1", "role": "Secondary", "volumes": [], "peers": []}
    assert [volume["disk"] for volume in first["volumes"]] == ["UpToDate", "Diskless"]
    (peer,) = first["peers"]
    assert (peer["connection"], peer["role"]) == ("StandAlone", "Unknown")
    assert [each["out_of_sync_bytes"] for each in peer["volumes"]] == [512 * KIB, 3 * KIB]


SPLIT = """\
r0 role:Primary suspended:no
    write-ordering:flush
  volume:0 minor:0 disk:UpToDate
      size:65496 read:0 written:1280

"""
SPLIT_EVENTS = """\
exists resource name:r0 role:Primary suspended:no
exists connection name:r0 peer-node-id:0 connection:StandAlone role:Unknown
exists device name:r0 volume:0 minor:0 disk:UpToDate
exists peer-device name:r0 peer-node-id:0 volume:0 replication:Off peer-disk:DUnknown resync-suspended:no
exists -
"""
SPLIT_PROC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: B536C32A3EADA868561EFD9
 0: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----
    ns:320 nr:0 dw:1280 dr:0 al:9 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:1024
"""


@pytest.mark.parametrize("shown", [observe.parse_drbd_status(SPLIT), observe.parse_drbd_events(SPLIT_EVENTS)])
def test_a_peer_that_drbdsetup_does_not_show_while_it_stands_alone_is_taken_from_proc(shown: Any) -> None:
    alone = {"connection": "StandAlone", "role": "Unknown"}
    missed = {"disk": "DUnknown", "replication": "Off", "out_of_sync_bytes": 1024 * KIB}
    assert observe.with_lone_peers(shown, SPLIT_PROC) == mirror(alone, role="Primary", **missed)


def test_no_resource_is_no_mirror() -> None:
    assert observe.parse_drbd_status("# No currently configured DRBD found.\n") == []


def test_drbd_9_with_two_peers() -> None:
    text = (ROOT / "usr/sbin/drbdsetup").read_text().partition("<<'JSON'\n")[2].partition("JSON\n")[0]
    (found,) = observe.parse_drbd_json(text)
    assert (found["resource"], found["role"]) == ("data", "Primary")
    assert found["volumes"] == [{"volume": 0, "disk": "UpToDate", "minor": 0}]
    assert [(peer["name"], peer["connection"], peer["role"]) for peer in found["peers"]] == [
        ("node2", "Connected", "Secondary"),
        ("node3", "StandAlone", "Unknown"),
    ]
    assert found["peers"][0]["volumes"] == [
        {"volume": 0, "disk": "Inconsistent", "replication": "SyncSource", "out_of_sync_bytes": 94668 * KIB}
    ]


def test_a_diskless_node_has_no_minor_in_drbd_9() -> None:
    text = json.dumps(
        [{"name": "d", "role": "Primary", "devices": [{"volume": 0, "minor": -1, "disk-state": "Diskless"}]}]
    )
    (found,) = observe.parse_drbd_json(text)
    assert found["volumes"] == [{"volume": 0, "disk": "Diskless", "minor": None}]


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"name": ""}]', '[{"devices": 5}]', "[" * 100_000])
def test_what_is_no_answer_of_drbdsetup_tells_no_mirror(text: str) -> None:
    assert not observe.parse_drbd_json(text)


CONFIGURATION = """
global { usage-count no; }
resource "r0" {   # the first
    on node1 { device /dev/drbd0; address 10.77.0.1:7789; }
    on node2 { address ipv6 [fd00::2]:7789; }
}
resource r1 {
    connection { host node1 address 10.0.0.1:7790; host node3 address ipv4 10.0.0.3:7790; }
}
"""


def test_peers_and_their_addresses_in_the_configuration() -> None:
    assert observe.parse_resources(CONFIGURATION) == {
        "r0": {"node1": "10.77.0.1", "node2": "fd00::2"},
        "r1": {"node1": "10.0.0.1", "node3": "10.0.0.3"},
    }


def test_the_configuration_names_the_peer_that_drbd_84_does_not() -> None:
    (found,) = mirror({})
    observe._name_peers(found, observe.parse_resources(CONFIGURATION), "node1")
    assert found["peers"][0]["name"] == "node2"
    (unknown,) = mirror({})
    observe._name_peers(unknown, {}, "node1")
    assert unknown["peers"][0]["name"] == "peer"
