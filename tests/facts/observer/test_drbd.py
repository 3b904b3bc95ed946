"""What `enclume-observe` reads of DRBD: every capture of real ones, figure by figure."""

import json
from typing import Any

import pytest

from tests.facts.observer.program import ROOT, capture, observe

KIB = 1024


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
