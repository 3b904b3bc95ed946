"""Names that are none, and clients that dawdle: refused or ended, and nobody else notices."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.running import Service
from tests.waiting import until

STRANGE = {
    "dots": "/enc/../x",
    "dots within": "/enc/alpha.lab.test/../beta.lab.test",
    "encoded dots": "/enc/%2e%2e/x",
    "encoded dots alone": "/enc/%2e%2e",
    "encoded slashes": "/enc/..%2f..%2fetc%2fpasswd",
    "a slash": "/enc/alpha.lab.test/x",
    "two slashes": "/enc//alpha.lab.test",
    "two slashes, why": "/enc//alpha.lab.test/why",
    "a slash at the end": "/enc/alpha.lab.test/",
    "nothing": "/enc/",
    "NUL": "/enc/alpha.lab.test%00",
    "NUL within": "/enc/alpha%00.lab.test",
    "a space": "/enc/alpha%20beta",
    "a space at the end": "/enc/alpha.lab.test%20",
    "a line's end": "/enc/alpha.lab.test%0a",
    "a header": "/enc/alpha.lab.test%0d%0aX-Evil:%20yes",
    "300 characters": "/enc/" + "a" * 300,
    "a star": "/enc/*",
    "a filter": "/enc/" + quote(")(cn=*", safe=""),
    "a filter as it is": "/enc/)(cn=*",
    "a DN": "/enc/" + quote("cn=alpha.lab.test,ou=hosts,dc=lab,dc=test", safe=""),
    "capitals": "/enc/ALPHA.lab.test",
    "no UTF-8": "/enc/%ff%fe",
    "other letters": "/enc/" + quote("älpha.lab.test"),
    "letters that look alike": "/enc/" + quote("\u0430lpha.lab.test"),
    "two dots in a row": "/enc/alpha..lab.test",
    "an option": "/enc/--config",
    "why of dots": "/enc/../why",
    "why of a filter": "/enc/" + quote(")(cn=*", safe="") + "/why",
    "well-formed and unknown": "/enc/nobody.lab.test",
    "well-formed and unknown, why": "/enc/nobody.lab.test/why",
    "a short name": "/enc/alpha",
    "a state file": "/enc/generation",
}
ON_THE_WIRE = {
    "dots": b"/enc/../x",
    "many dots": b"/enc/../../../../etc/passwd",
    "NUL": b"/enc/alpha.lab.test\0",
    "a space": b"/enc/alpha .lab.test",
    "a byte over 127": b"/enc/\xe4lpha.lab.test",
    "no slash": b"enc/alpha.lab.test",
    "only a star": b"*",
    "a broken escape": b"/enc/%zz",
    "half an escape": b"/enc/%2",
}


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    limits = {"limits": {"threads": 4, "request_seconds": 2}}
    with Service(estate.settings() | limits) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield running


@pytest.mark.parametrize("path", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_name_is_no_node(service: Service, path: str) -> None:
    reply = service.get(path)
    assert reply.status in (400, 404), reply.body
    assert set(reply.json) == {"error"}
    assert "X-Evil" not in reply.headers
    assert not service.strangers()


@pytest.mark.parametrize("target", ON_THE_WIRE.values(), ids=ON_THE_WIRE.keys())
def test_a_strange_target_on_the_wire_is_no_node(service: Service, target: bytes) -> None:
    answer = service.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ", 2)[1] in (b"400", b"404"), answer
    assert b"classes" not in answer
    assert not service.strangers()


def test_every_error_of_a_strange_name_is_the_clients(service: Service) -> None:
    assert " ERROR " not in service.log
    assert "Traceback" not in service.log


def test_a_name_is_only_ever_answered_as_itself(service: Service) -> None:
    """The answers of two nodes differ, and each is that of its own name."""
    answers = {name: service.answer(name)["parameters"]["enclume"] for name in ("alpha.lab.test", "delta.lab.test")}
    assert answers["alpha.lab.test"]["services"] == ["web"]
    assert answers["delta.lab.test"]["services"] == []
    assert [answers[name]["hypervisor"] for name in answers] == ["coquille1.lab.test", "coquille2.lab.test"]


@pytest.mark.parametrize("data", [b"", b"GET /enc/al", b"PUT /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"])
def test_eight_dawdlers_stop_no_answer(service: Service, data: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
            client.sendall(data)
        begin = time.monotonic()
        assert service.bodies(*NODES)
        assert time.monotonic() - begin < 2


def test_the_state_folder_is_for_its_owner_and_group_alone(service: Service) -> None:
    until(service.kept, what="a kept file")
    assert not [path for path in (service.state, *service.kept()) if path.stat().st_mode & 0o007]
