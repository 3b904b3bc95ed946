"""One connection: what is a guest and what is the hypervisor itself, and drivers that know fewer calls."""

from collections.abc import Iterator
from pathlib import Path

import libvirt  # type: ignore[import-untyped]
import pytest

from facts.inventory.child_connection import Connection, Glimpse, is_the_host
from facts.inventory.child_errors import sentence
from facts.inventory.child_view import View
from facts.inventory.domains import HypervisorTarget
from facts.inventory.uri import HypervisorURI, Scheme
from facts.inventory.xml import Surroundings

NODE = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "node10.xml"
UUID = "6f2f9f5e-0000-4000-8000-000000000001"
ZEROS = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection(HypervisorURI("test", path=str(NODE)), 5.0, lambda _uuid: None, lambda: None)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("scheme", "uuid", "name", "run", "expected"),
    [
        ("xen", ZEROS, "Domain-0", 0, True),
        ("xen", UUID, "Domain-0", -1, True),
        ("xen", UUID, "anything", 0, True),
        ("xen", UUID, "web", 7, False),
        ("xen", UUID, "web", -1, False),
        ("qemu", UUID, "Domain-0", 3, False),
        ("qemu", ZEROS, "x", 3, True),
    ],
)
def test_domain_0_is_never_a_guest(scheme: Scheme, uuid: str, name: str, run: int, expected: bool) -> None:
    assert is_the_host(scheme, Glimpse(uuid, name, "running", "unknown", run, None)) is expected


def test_a_driver_without_bulk_states_shows_the_same(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test driver knows both ways; Xen's only knows the list and each domain's state."""
    in_bulk = sorted(glimpse[:5] for glimpse in connection.glimpses())
    monkeypatch.setattr(connection, "_bulk_states", lambda: connection.libvirt.setKeepAlive(1, 1))
    assert sorted(glimpse[:5] for glimpse in connection.glimpses()) == in_bulk
    assert len(in_bulk) == 10
    monkeypatch.undo()
    monkeypatch.setattr(connection, "_bulk_states", lambda: pytest.fail("the bulk call was tried again"))
    connection.glimpses()


def test_an_update_that_finds_nothing_new_says_so(connection: Connection) -> None:
    view = View(1.0, Surroundings())
    seen = view.update(connection, set())
    assert seen is not None
    assert len(seen.domains) == 10
    assert view.update(connection, set()) is None
    view.distrust()
    assert view.update(connection, {seen.domains[0].uuid}) is None


def test_an_error_is_one_line_with_the_way_out(connection: Connection) -> None:
    target = HypervisorTarget("hv1", f"test://{NODE}")
    with pytest.raises(libvirt.libvirtError) as caught:
        connection.libvirt.lookupByName("nobody")
    said = sentence(caught.value, target)
    assert said.isprintable()
    assert f"virsh --readonly -c 'test://{NODE}' list --all" in said
