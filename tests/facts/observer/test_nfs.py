"""What `enclume-observe` reads of the kernel's NFS server and client: every capture of real ones, figure by figure."""

import pytest

from tests.facts.observer.program import ROOT, capture, observe


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


def test_the_nfs_clients_figures() -> None:
    assert observe.parse_nfs(capture("proc_net_rpc_nfs"), silent) == {"calls": 213, "retransmissions": 0}


def test_calls_that_were_sent_again_are_counted() -> None:
    assert observe.parse_nfs("net 9 9 9 9\nrpc 5000 12 3\n", silent) == {"calls": 5000, "retransmissions": 12}


@pytest.mark.parametrize("text", ["", "net 0 0 0 0\n", "rpc 213 0 213", "rpc 213\n", "rpc 213 x 213\n", "rpc -1 0 0\n"])
def test_without_its_calls_an_nfs_client_is_unknown_and_that_is_said(text: str) -> None:
    said: list[str] = []
    assert observe.parse_nfs(text, said.append) is None
    assert said == ["/proc/net/rpc/nfs has no line rpc with two figures: those of this NFS client are left out"]


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
