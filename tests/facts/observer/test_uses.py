"""What `enclume-observe` finds that a host depends on, from each kind of configuration file."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.facts.observer.program import config, observe

CASES: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
    "name servers": (
        {"/etc/resolv.conf": "nameserver 10.0.0.1\nnameserver fe80::1%eth0\n; nameserver 10.0.0.2\nsearch a\n"},
        [("dns", "10.0.0.1"), ("dns", "fe80::1")],
    ),
    "a name server of its own": ({"/etc/resolv.conf": "nameserver 127.0.0.1\nnameserver ::1\n"}, []),
    "behind systemd-resolved": (
        {
            "/etc/resolv.conf": "nameserver 127.0.0.53\n",
            "/run/systemd/resolve/resolv.conf": "nameserver 10.0.0.1\n",
        },
        [("dns", "10.0.0.1")],
    ),
    "chrony of EL": ({"/etc/chrony.conf": "pool a.test iburst\n# server b\n"}, [("ntp", "a.test")]),
    "chrony of Debian": (
        {"/etc/chrony/chrony.conf": "!x\npeer b.test\n", "/etc/chrony/sources.d/x.sources": "server c.test prefer\n"},
        [("ntp", "b.test"), ("ntp", "c.test")],
    ),
    "ntpd": ({"/etc/ntp.conf": "server -4 d.test\nserver 127.127.1.0\nserver LOCALHOST\n"}, [("ntp", "d.test")]),
    "timesyncd": (
        {"/etc/systemd/timesyncd.conf": "[Time]\n#NTP=no.test\nNTP=e.test fd00::5\nFallbackNTP=no.test\n"},
        [("ntp", "e.test"), ("ntp", "fd00::5")],
    ),
    "sssd": (
        {"/etc/sssd/sssd.conf": "[domain/x]\nldap_uri = ldap://a.test,ldaps://B.test.:636\n ldaps://c.test\nfoo = d\n"},
        [("ldap", "a.test"), ("ldap", "b.test"), ("ldap", "c.test")],
    ),
    "sssd by the DNS": ({"/etc/sssd/conf.d/x.conf": "[domain/x]\nldap_uri = _srv_\n"}, []),
    "ldap.conf": (
        {"/etc/openldap/ldap.conf": "uri ldapi:/// ldap://[fd00::1]:389 ldap://a.test\nHOST b.test:389\nBASE x\n"},
        [("ldap", "fd00::1"), ("ldap", "a.test"), ("ldap", "b.test")],
    ),
    "fstab": (
        {"/etc/fstab": "n1.test:/a /a nfs4 rw 0 0\n[fd00::1]:/b /b nfs rw\n/dev/x / ext4 rw 0 1\n#n2:/c /c nfs rw\n"},
        [("nfs", "n1.test"), ("nfs", "fd00::1")],
    ),
    "rsyslog of old": (
        {"/etc/rsyslog.conf": "*.* @u.test\n*.* @@t.test:514;F\n& @@(z9)z.test\n*.* :omrelp:r.test:2514\n#*.* @no\n"},
        [("log", "u.test"), ("log", "t.test"), ("log", "z.test"), ("log", "r.test")],
    ),
    "rsyslog": (
        {"/etc/rsyslog.d/x.conf": 'if prifilt("*.*") then {\n action(type="omfwd"\n  Target="f.test" port="1")\n}\n'},
        [("log", "f.test")],
    ),
    "an address in a filter is no log server": (
        {"/etc/rsyslog.d/x.conf": ':msg, contains, "me@no.test" /var/log/x\naction(type="omfile" target="no.test")\n'},
        [],
    ),
    "syslog-ng": (
        {"/etc/syslog-ng/syslog-ng.conf": 'destination d { network("l.test" port(1)); udp("m.test"); };\n#tcp("no")\n'},
        [("log", "l.test"), ("log", "m.test")],
    ),
    "journal upload": (
        {"/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://j.test:19532\n"},
        [("log", "j.test")],
    ),
    "puppet": (
        {
            "/etc/puppetlabs/puppet/puppet.conf": "[main]\nserver = a.test\n"
            "[agent]\n  server = b.test # new\nca_server = c.test\n"
        },
        [("puppet", "b.test"), ("puppet", "c.test")],
    ),
    "puppet servers in a list": (
        {"/etc/puppet/puppet.conf": "[main]\nserver_list = a.test:8140, b.test\n"},
        [("puppet", "a.test"), ("puppet", "b.test")],
    ),
    "puppet without a word, where its default resolves": (
        {"/etc/puppet/puppet.conf": "[main]\n", "/etc/hosts": "10.0.0.9 puppet\n"},
        [("puppet", "puppet")],
    ),
    "puppet without a server": ({"/etc/puppet/puppet.conf": "[main]\n"}, []),
    "apt": (
        {
            "/etc/apt/apt.conf": 'Acquire { http { Proxy "http://p.test:3142"; }; /* Proxy "http://no.test"; */ };\n',
            "/etc/apt/apt.conf.d/1": 'Acquire::https::Proxy "false"; Acquire::http::Proxy-Auto-Detect "/usr/bin/x";\n',
            "/etc/apt/sources.list": "deb [a=b] http://m.test/d s main\ndeb file:/x s main\n# deb http://no.test/ s\n",
            "/etc/apt/sources.list.d/x.sources": "Types: deb\nURIs: https://n.test/d\nSuites: s\n",
        },
        [("updates", "p.test"), ("updates", "m.test"), ("updates", "n.test")],
    ),
    "dnf": (
        {
            "/etc/dnf/dnf.conf": "[main]\nproxy=http://p.test:8080\n",
            "/etc/yum.repos.d/x.repo": "[a]\nbaseurl=http://r.test/\n  ftp://s.test/?a=b\n"
            "[b]\nenabled=0\nmetalink=http://no.test\n",
        },
        [("updates", "p.test"), ("updates", "r.test"), ("updates", "s.test")],
    ),
    "DHCP of systemd-networkd": (
        {"/run/systemd/netif/leases/2": "ADDRESS=10.0.0.5\nSERVER_ADDRESS=10.0.0.3\n"},
        [("dhcp", "10.0.0.3")],
    ),
    "a storage pool": (
        {"/etc/libvirt/storage/p.xml": "<pool type='netfs'><source><host name='s.test'/></source></pool>"},
        [("pool", "s.test")],
    ),
    "a pool of this host": ({"/etc/libvirt/storage/p.xml": "<pool type='dir'><name>p</name></pool>"}, []),
    "DRBD between others": (
        {
            "/etc/hostname": "c\n",
            "/etc/drbd.d/r.res": "resource r { on a { address 10.0.0.1:1; } on b { address 10.0.0.2:1; } }",
        },
        [],
    ),
}  # fmt: skip


def written(root: Path, files: dict[str, str]) -> Any:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return observe.Host(str(root))


@pytest.mark.parametrize("case", CASES)
def test_what_is_used(tmp_path: Path, case: str) -> None:
    files, expected = CASES[case]
    host = written(tmp_path, files)
    found = observe.observe_uses(host, config(host))
    assert sorted((use["what"], use["name"]) for use in found) == sorted(expected)
    assert all(use["source"].partition(" ")[0] in {*files, "libvirt", "DRBD"} for use in found)
    assert host.problems == []


def test_a_mounts_address_is_the_one_that_the_kernel_speaks_to(tmp_path: Path) -> None:
    mounts = "n.test:/a /srv/a nfs4 rw,clientaddr=10.0.0.9,addr=10.0.0.1 0 0\nn.test:/b /b nfs rw,addr=10.0.0.2 0 0\n"
    host = written(tmp_path, {"/proc/self/mounts": mounts, "/etc/hosts": "10.9.9.9 n.test\n"})
    (use,) = observe.observe_uses(host, config(host))
    assert use == {"what": "nfs", "name": "n.test", "addresses": ["10.0.0.1", "10.0.0.2"], "source": "/srv/a"}


@pytest.mark.parametrize(("seconds", "holds"), [(-3600, False), (3600, True)])
def test_a_lease_that_has_expired_tells_nothing(tmp_path: Path, seconds: int, holds: bool) -> None:
    expiry = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(time.time() + seconds))
    lease = f"lease {{\n  option dhcp-server-identifier 10.0.0.3;\n  expire {expiry};\n}}\n"
    host = written(tmp_path, {"/var/lib/dhcp/dhclient.leases": lease})
    assert bool(observe.observe_uses(host, config(host))) is holds


def test_a_pool_that_is_no_xml_is_named(tmp_path: Path) -> None:
    host = written(tmp_path, {"/etc/libvirt/storage/p.xml": "<pool"})
    assert observe.observe_uses(host, config(host)) == []
    assert "/etc/libvirt/storage/p.xml" in host.problems[0]


def refusing(error: int) -> Any:
    """A resolver that fails so."""

    def ask(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(error, "said by the resolver")

    return ask


def test_a_name_that_is_known_to_have_no_address_has_none() -> None:
    assert observe._addresses("no.test", refusing(socket.EAI_NONAME)) == []


@pytest.mark.parametrize("error", [socket.EAI_AGAIN, socket.EAI_FAIL])
def test_while_no_name_server_answers_addresses_are_unknown(error: int) -> None:
    with pytest.raises(socket.gaierror):
        observe._addresses("nfs1.test", refusing(error))


UNASKABLE = "nfs1\0.test"


@pytest.mark.parametrize(("stated", "problems"), [({UNASKABLE}, 1), (set(), 0)])
def test_a_name_that_a_file_states_and_that_cannot_be_asked_for_is_a_problem(stated: set[str], problems: int) -> None:
    """The default of a program, which no file states, is none."""
    host = observe.Host("/")
    assert observe.resolve(host, [UNASKABLE], stated, 5.0) == {}
    assert [problem.startswith("1 names were not resolved") for problem in host.problems] == [True] * problems


def test_own_addresses_of_a_name_are_left_out(tmp_path: Path) -> None:
    host = written(tmp_path, {"/etc/hosts": "127.0.1.1 a.test\n10.0.0.1 a.test\n", "/etc/ntp.conf": "server a.test\n"})
    (use,) = observe.observe_uses(host, config(host))
    assert use["addresses"] == ["10.0.0.1"]


def test_uses_that_no_file_tells_are_configured(tmp_path: Path) -> None:
    host = observe.Host(str(tmp_path))
    found = observe.observe_uses(host, config(host, uses_extra="log l.test\n dhcp 10.0.0.1"))
    assert [(use["what"], use["name"], use["source"]) for use in found] == [
        ("log", "l.test", "observe.conf"),
        ("dhcp", "10.0.0.1", "observe.conf"),
    ]


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("http://u:p@h.test:80/x", "h.test"),
        ("h.test:389", "h.test"),
        ("H.Test.", "h.test"),
        ("[fd00::1]:514", "fd00::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("a b", ""),
        ("http://[bad", ""),
        ("$mirror", ""),
        ("-x", ""),
        ("é.test", ""),
        ("a" * 300, ""),
    ],
)
def test_the_host_in_a_value_and_nothing_else_of_it(value: str, host: str) -> None:
    assert observe.host_in(value) == host


def test_logs_are_counted_by_their_blocks_and_network_mounts_are_not_entered(tmp_path: Path) -> None:
    files = {"/var/log/a": "x" * 1000, "/var/log/journal/m/b": "y" * 500, "/var/log/remote/c": "z" * 700}
    mounts = "n:/x /var/log/remote nfs4 rw 0 0\n"
    host = written(tmp_path, {**files, "/proc/self/mounts": mounts, "/var/log/lastlog": ""})
    with (tmp_path / "var/log/lastlog").open("wb") as sparse:
        sparse.truncate(2**33)
    (tmp_path / "var/log/link").symlink_to(tmp_path / "var/log/a")
    assert observe.observe_logs(host, config(host)) == {"bytes": 1500, "remote": False}
    assert host.problems == []


def test_logs_are_counted_up_to_a_bound(tmp_path: Path) -> None:
    host = written(tmp_path, {f"/var/log/{number}": "x" for number in range(20)})
    assert observe.observe_logs(host, config(host, logs_entries="10"))["bytes"] == 10
    assert "/var/log holds more than 10" in host.problems[0]


def test_a_host_without_logs_has_none(tmp_path: Path) -> None:
    host = observe.Host(str(tmp_path))
    assert observe.observe_logs(host, config(host)) is None
