"""What one look at a hypervisor reads, and what it leaves alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.inventory.child_connection import Connection, Glimpse
from facts.inventory.child_view import View
from facts.inventory.domains import Domain, HypervisorSeen
from facts.inventory.uri import parse_uri
from facts.inventory.xml import Surroundings

NODE = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "node10.xml"


class Counted(Connection):
    """A connection to libvirt's test driver that counts what is read of each domain, and keeps what it is told to."""

    def __init__(self) -> None:
        self.live: list[str] = []
        self.inactive: list[str] = []
        self.secret: frozenset[str] = frozenset()
        self.transient = False
        super().__init__(parse_uri(f"test://{NODE}", allow_test=True), 5.0, lambda _: None, lambda: None)

    def xml(self, glimpse: Glimpse) -> str:
        self.live.append(glimpse.name)
        return super().xml(glimpse)

    def definition(self, glimpse: Glimpse) -> str | None:
        self.inactive.append(glimpse.name)
        return None if glimpse.name in self.secret else super().definition(glimpse)

    def flags(self) -> tuple[frozenset[str], frozenset[str]]:
        autostart, persistent = super().flags()
        return autostart, frozenset() if self.transient else persistent


@pytest.fixture
def connection() -> Iterator[Counted]:
    connection = Counted()
    yield connection
    connection.close()


@pytest.fixture
def view() -> View:
    return View(1.0, Surroundings())


def of(seen: HypervisorSeen | None, name: str) -> Domain:
    assert seen is not None
    return next(domain for domain in seen.domains if domain.name == name)


def test_a_definition_is_what_the_next_start_will_use(connection: Counted, view: View) -> None:
    domain = of(view.update(connection, frozenset()), "vm00001")
    assert domain.definition is not None
    assert (domain.definition.memory, domain.definition.vcpus) == (domain.memory, domain.vcpus)
    assert (domain.definition.disks, domain.definition.interfaces) == (domain.disks, domain.interfaces)
    assert domain.definition.digest


def test_the_xml_of_a_domain_that_is_off_is_its_definition_and_read_once(connection: Counted, view: View) -> None:
    seen = view.update(connection, frozenset())
    assert seen is not None
    assert sorted(connection.live) == sorted(domain.name for domain in seen.domains)
    assert sorted(connection.inactive) == sorted(domain.name for domain in seen.domains if domain.state != "shutoff")


def test_a_look_at_what_is_as_it_was_reads_no_xml(connection: Counted, view: View) -> None:
    view.update(connection, frozenset())
    connection.live.clear()
    connection.inactive.clear()
    assert view.update(connection, frozenset()) is None
    assert (connection.live, connection.inactive) == ([], [])


def test_a_definition_that_cannot_be_read_is_none_until_it_can(connection: Counted, view: View) -> None:
    connection.secret = frozenset({"vm00000"})
    seen = view.update(connection, frozenset())
    assert of(seen, "vm00000").definition is None
    assert of(seen, "vm00002").definition is not None
    connection.secret = frozenset()
    view.distrust()
    assert of(view.update(connection, frozenset()), "vm00000").definition is not None


def test_a_domain_that_is_kept_from_now_on_has_a_definition_without_any_event(
    connection: Counted, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facts.inventory.child_view.FLAGS_EVERY", 0.0)
    connection.transient = True
    seen = view.update(connection, frozenset())
    assert seen is not None
    assert {domain.definition for domain in seen.domains} == {None}
    connection.transient = False
    seen = view.update(connection, frozenset())
    assert seen is not None
    assert None not in {domain.definition for domain in seen.domains}
