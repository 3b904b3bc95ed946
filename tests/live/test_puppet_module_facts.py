"""The fact `enclume_host` of the module: what the kernel and the configuration say, in no time, and never from a mount.

On folders that stand for a host's root, and by the real Facter.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from facts.facter.document import Document
from facts.facter.node_facts import Shipped, kept_of

MODULE = Path(__file__).resolve().parents[2] / "puppet-modules/enclume"
READER = MODULE / "lib/facter/util/enclume_host.rb"
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:40 / /home rw shared:2 - nfs4 nfs1:/srv/home rw,vers=4.2,addr=10.0.0.2
41 22 0:41 / /srv/old\\040data rw - nfs 10.0.0.2:/srv/old\\040data rw,vers=3,addr=10.0.0.2
42 22 0:42 / /six rw - nfs4 [fd00::2]:/ rw,vers=4.1
43 22 0:43 / /var/log/remote rw - nfs4 nfs1:/logs rw
44 22 0:44 / /var/log/auto rw - autofs /etc/auto.logs rw
"""


class Root:
    """A folder that stands for a host's root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("proc/self/mountinfo", MOUNTS)
        self.write("var/log/messages", "x" * 1000)
        (folder / "sys/block").mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def fact(self, seconds: float = 5.0) -> dict[str, Any]:
        """What the fact is there."""
        script = f"puts JSON.generate(EnclumeHost.new(root: ARGV[0], seconds: {seconds}).to_h)"
        command = ["ruby", "-W", "-rjson", f"-r{READER}", "-e", script, str(self.folder)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert not run.stderr
        found: dict[str, Any] = json.loads(run.stdout)
        return found


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_nfs_mounts_are_those_of_the_kernel(root: Root) -> None:
    assert [tuple(mount.values()) for mount in root.fact()["nfs_mounts"]] == [
        ("/home", "nfs1", "/srv/home", "4.2"),
        ("/srv/old data", "10.0.0.2", "/srv/old data", "3"),
        ("/six", "fd00::2", "/", "4.1"),
        ("/var/log/remote", "nfs1", "/logs", "4"),
    ]


def test_disks_are_whole_ones_that_stay(root: Root) -> None:
    for name, sectors, removable in (("vda", 2**21, 0), ("sr0", 100, 1), ("sdb", 5, 1), ("dm-0", 5, 0), ("vdc", 0, 0)):
        root.write(f"sys/block/{name}/size", f"{sectors}\n")
        root.write(f"sys/block/{name}/removable", f"{removable}\n")
    assert root.fact()["disks"] == [{"name": "vda", "size_bytes": 2**30}]


def test_logs_are_counted_but_for_those_of_other_hosts(root: Root) -> None:
    root.write("var/log/apache2/access.log", "x" * 500)
    for elsewhere in ("remote", "auto"):
        root.write(f"var/log/{elsewhere}/large", "x" * 10_000)
    with (root.folder / "var/log/lastlog").open("wb") as lastlog:
        lastlog.truncate(2**30)
    (root.folder / "var/log/link").symlink_to(root.folder / "var/log")
    assert root.fact()["logs"] == {"bytes": 1500, "remote": False}


def test_logs_on_another_hosts_file_system_are_none_of_its_own(root: Root) -> None:
    root.write("proc/self/mountinfo", MOUNTS + "50 22 0:50 / /var rw - nfs4 nfs1:/var rw\n")
    assert root.fact()["logs"]["bytes"] == 0


def test_logs_that_take_too_long_are_not_known(root: Root) -> None:
    assert "logs" not in root.fact(seconds=-1)


@pytest.mark.parametrize(
    ("file", "text", "remote"),
    [
        ("etc/rsyslog.conf", "*.* @@log.lab.test:514\n", True),
        ("etc/rsyslog.d/50.conf", 'action(type="omfwd"\n  target="10.0.0.9" port="514")', True),
        ("etc/rsyslog.d/50.conf", '# action(type="omfwd" target="10.0.0.9")', False),
        ("etc/rsyslog.conf", "*.* @localhost\n*.* @127.0.0.1\n", False),
        ("etc/rsyslog.conf", "*.* /var/log/messages\nmail.* root@lab.test\n", False),
        ("etc/syslog-ng/syslog-ng.conf", 'destination d { network("log" port(514)); };', True),
        ("etc/systemd/journal-upload.conf", "[Upload]\nURL=https://log.lab.test:19532\n", True),
        ("etc/systemd/journal-upload.conf", "[Upload]\n# URL=\n", False),
    ],
)
def test_where_logs_go(root: Root, file: str, text: str, remote: bool) -> None:
    root.write(file, text)
    assert root.fact()["logs"]["remote"] is remote


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1165 1 0 100 0 0 10 0
   1: 0100007F:0CEA 00000000:0000 0A 00000000:00000004 00:00000000 00000000     0        0 1166 5 0 100 0 0 10 0
   2: 0100007F:B655 0100007F:C524 01 00000000:00000000 03:00001638 00000000     0        0 1167 3 0
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:00000000 0 0 0 1168 1
"""


def listening(root: Root) -> None:
    root.write("proc/net/tcp", TCP)
    root.write("proc/net/tcp6", TCP6)
    root.write("proc/17/comm", "sshd\n")
    (root.folder / "proc/17/fd").mkdir()
    (root.folder / "proc/17/fd/3").symlink_to("socket:[1165]")
    root.write("proc/18/comm", "gone\n")


def test_services_are_sockets_that_listen_with_their_process(root: Root) -> None:
    listening(root)
    assert [tuple(service.values()) for service in root.fact()["services"]] == [
        ("tcp", "0.0.0.0", 22, "sshd"),
        ("tcp", "::1", 80, ""),
        ("tcp", "127.0.0.1", 3306, ""),
    ]


def test_processes_that_are_not_found_in_time_have_no_name(root: Root) -> None:
    listening(root)
    assert {service["process"] for service in root.fact(seconds=-1)["services"]} == {""}


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    root = Root.__new__(Root)
    root.folder = tmp_path
    assert root.fact() == {"services": []}


def test_facter_finds_it_and_enclume_reads_it() -> None:
    command = ["facter", "--custom-dir", str(MODULE / "lib/facter"), "--json", "enclume_host"]
    values = json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)
    assert values["enclume_host"].keys() == {"nfs_mounts", "disks", "logs", "services"}
    shipped = kept_of(Document("", values), (), 5.0).shipped
    assert isinstance(shipped, Shipped)
    assert shipped.logs is not None
    assert shipped.disks


def test_puppet_has_it_by_its_module_path(tmp_path: Path) -> None:
    folders = [f"--{name}={tmp_path}" for name in ("confdir", "vardir", "publicdir", "rundir", "logdir")]
    where = [f"--modulepath={MODULE.parent}", f"--environmentpath={tmp_path}", *folders]
    manifest = "notice($facts['enclume_host']['logs']['bytes'] =~ Integer)"
    command = ["puppet", "apply", *where, "-e", manifest]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Scope(Class[main]): true" in run.stdout, run.stdout + run.stderr
    assert "already set" not in run.stdout + run.stderr
