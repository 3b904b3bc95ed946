"""Only URIs whose every part is understood are followed."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from facts.inventory.uri import HypervisorURI, parse_uri

GOOD = {
    "qemu:///system": HypervisorURI("qemu"),
    "xen:///system": HypervisorURI("xen"),
    "xen:///": HypervisorURI("xen", path="/"),
    "qemu+unix:///system": HypervisorURI("qemu", "unix"),
    "qemu+unix:///system?socket=/run/libvirt/libvirt-sock-ro": HypervisorURI(
        "qemu", "unix", socket="/run/libvirt/libvirt-sock-ro"
    ),
    "qemu+ssh://coquille1.example.org/system": HypervisorURI("qemu", "ssh", host="coquille1.example.org"),
    "qemu+ssh://enclume@coquille1:2222/system": HypervisorURI("qemu", "ssh", "enclume", "coquille1", 2222),
    "xen+ssh://root@192.0.2.7/system": HypervisorURI("xen", "ssh", "root", "192.0.2.7"),
    "qemu+tls://coquille1/system": HypervisorURI("qemu", "tls", host="coquille1"),
    "qemu+tls://[2001:db8::7]:16514/system": HypervisorURI("qemu", "tls", host="[2001:db8::7]", port=16514),
}
BAD = {
    "": "no libvirt URI",
    "qemu": "no libvirt URI",
    "qemu:/system": "no libvirt URI",
    "lxc:///system": "scheme 'lxc'",
    "test:///default": "scheme 'test'",
    "qemu+tcp://host/system": "transport 'tcp'",
    "qemu+ext:///system?command=/bin/sh": "transport 'ext'",
    "qemu+libssh2://host/system": "no libvirt URI",
    "qemu+libssh://host/system": "transport 'libssh'",
    "qemu+ssh:///system": "needs a host",
    "qemu+tls:///system": "needs a host",
    "qemu+unix://host/system": "refused here",
    "qemu+tls://root@host/system": "certificate",
    "qemu:///session": "path '/session'",
    "qemu:///system/../x": "path",
    "qemu+ssh://host/system?command=/tmp/x": "parameter 'command'",
    "qemu+ssh://host/system?netcat=/tmp/x": "parameter 'netcat'",
    "qemu+ssh://host/system?keyfile=/tmp/x": "parameter 'keyfile'",
    "qemu+ssh://host/system?no_verify=1": "parameter 'no_verify'",
    "qemu+ssh://host/system?proxy=netcat": "parameter 'proxy'",
    "qemu+ssh://host/system?socket=/run/x": "parameter 'socket'",
    "qemu+tls://host/system?pkipath=/tmp": "parameter 'pkipath'",
    "qemu:///system?socket=/run/x": "parameter 'socket'",
    "qemu:///system?mode=direct": "parameter 'mode'",
    "qemu+unix:///system?socket=run/x": "socket 'run/x'",
    "qemu+unix:///system?socket=/run/../etc/x": "socket '/run/../etc/x'",
    "qemu+unix:///system?socket=/run/x&command=/bin/sh": "socket",
    "qemu+unix:///system?socket=/run/x;command=/bin/sh": "socket",
    "qemu+unix:///system?socket=/run/%41": "socket",
    "qemu+unix:///system?SOCKET=/run/x": "parameter 'SOCKET'",
    "qemu:///system#x": "no libvirt URI",
    "qemu+ssh://-oProxyCommand=x/system": "host",
    "qemu+ssh://host-/system": "host",
    "qemu+ssh://a b/system": "host",
    "qemu+ssh://h%6fst/system": "host",
    "qemu+ssh://höst/system": "host",
    "qemu+ssh://-x@host/system": "user",
    "qemu+ssh://a;b@host/system": "user",
    "qemu+ssh://user:secret@host/system": "no [USER@]HOST",
    "qemu+ssh://a:b@c@host/system": "no [USER@]HOST",
    "qemu+ssh://@host/system": "user",
    "qemu+ssh://host:0/system": "port",
    "qemu+ssh://host:65536/system": "port",
    "qemu+ssh://host:/system": "no [USER@]HOST",
    "qemu+tls://[::1%25eth0]/system": "no [USER@]HOST",
    "qemu+tls://[1.2.3.4]/system": "host",
    "qemu+ssh://host/system\n": "path",
    "qemu+ssh://ho\nst/system": "host",
    "qemu+ssh://host/sys\x00tem": "path",
    " qemu:///system": "no libvirt URI",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_uri_is_parsed_into_its_parts(text: str) -> None:
    assert parse_uri(text) == GOOD[text]
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize("text", BAD)
def test_a_uri_that_could_do_more_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(BAD[text])):
        parse_uri(text)


def test_the_test_driver_has_to_be_allowed() -> None:
    uri = parse_uri("test:///srv/demo/coquille1.xml", allow_test=True)
    assert (uri.scheme, uri.path) == ("test", "/srv/demo/coquille1.xml")
    with pytest.raises(ValueError, match="path"):
        parse_uri("test:///srv/../etc/passwd", allow_test=True)


def test_a_host_without_a_transport_is_reached_over_tls_as_libvirt_does() -> None:
    assert str(parse_uri("qemu://coquille1/system")) == "qemu+tls://coquille1/system"


def test_ssh_never_asks_for_a_password() -> None:
    """libvirt turns `no_tty` into ssh's BatchMode."""
    assert parse_uri("qemu+ssh://coquille1/system").address == "qemu+ssh://coquille1/system?no_tty=1"
    assert parse_uri("qemu+tls://coquille1/system").address == "qemu+tls://coquille1/system"


def test_a_password_is_never_shown() -> None:
    for text in ("qemu+ssh://root:hunter2@host/system", "root:hunter2@host"):
        with pytest.raises(ValueError, match=r"\.\.\.@host") as caught:
            parse_uri(text)
        assert "hunter2" not in str(caught.value)


def test_a_long_or_odd_uri_is_shown_short_and_printable() -> None:
    with pytest.raises(ValueError, match="is no libvirt URI") as caught:
        parse_uri("\x1b[2J" + "é" * 10_000)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


pieces = st.sampled_from(
    [
        "qemu", "xen", "test", "+ssh", "+unix", "+tls", "+ext", ":", "//", "///", "/", "root@", "host", "-o", "[::1]",
        ":22", "/system", "/session", "?", "&", ";", "=", "socket=/run/x", "command=/bin/sh", "%2f", "#", "..", "@",
    ]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=9).map("".join),
    st.sampled_from(sorted(GOOD)).flatmap(
        lambda text: st.tuples(st.just(text), st.integers(0, len(text)), st.text(max_size=4)).map(
            lambda made: made[0][: made[1]] + made[2] + made[0][made[1] :]
        )
    ),
)


@given(texts, st.booleans())
@example("qemu+unix:///system?socket=/run/x&socket=/run/y", False)
def test_whatever_is_accepted_is_rebuilt_from_what_was_understood(text: str, allow_test: bool) -> None:
    """What libvirt is given holds no character and no parameter that the parser did not put there."""
    try:
        uri = parse_uri(text, allow_test=allow_test)
    except ValueError as error:
        refusal = str(error)
    else:
        assert_rebuilt(uri, allow_test=allow_test)
        return
    assert refusal.isprintable()


def assert_rebuilt(uri: HypervisorURI, *, allow_test: bool) -> None:
    assert parse_uri(str(uri), allow_test=allow_test) == uri
    assert re.fullmatch(r"[A-Za-z0-9._+@:/\[\]-]+(\?(socket=[A-Za-z0-9/._+@:-]+|no_tty=1))?", uri.address)
    assert not uri.host.startswith("-")
    assert not uri.user.startswith("-")
    assert ("no_tty" in uri.address) == (uri.transport == "ssh")
    assert uri.scheme != "test" or allow_test
