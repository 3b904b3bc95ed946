"""What is ours in a directory, and what becomes of it as a server tells of it entry by entry."""

import pytest

from errors import SourceError
from facts.directory.content import Content, RefreshRequired, Scope, scope_of
from facts.directory.entries import Entry
from facts.directory.names import normalise
from facts.directory.pulse import context_of
from settings import DirectorySettings

BASE = "dc=lab,dc=test"


def settings(**more: object) -> DirectorySettings:
    return DirectorySettings(uri="ldapi:///", base=BASE, **more)  # type: ignore[arg-type]


def entry(dn: str, csn: str = "1") -> Entry:
    return Entry(dn, normalise(dn), "", csn, {"objectclass": ("device",)})


@pytest.fixture
def content() -> Content:
    found = Content(scope_of(settings()))
    found.put(b"ou", entry(f"ou=hosts,{BASE}"))
    found.put(b"a", entry(f"cn=a,ou=hosts,{BASE}"))
    found.put(b"b", entry(f"cn=b,ou=hosts,{BASE}"))
    return found


def test_the_default_scope_is_four_bases_and_every_class_of_ours() -> None:
    scope = scope_of(settings())
    assert scope.bases == tuple(f"ou={name},{BASE}" for name in ("hosts", "profiles", "services", "sites"))
    assert scope.filter.startswith("(|(objectClass=puppetClient)(objectClass=enclumeService)")
    assert scope.holds(f"cn=a,ou=hosts,{BASE}")
    assert not scope.holds(f"cn=a,ou=people,{BASE}")


def test_search_bases_can_be_named_and_are_normalised() -> None:
    assert scope_of(settings(hosts=f"OU=Machines , {BASE}")).bases[0] == f"ou=machines,{BASE}"


def test_a_legacy_directory_is_its_puppet_clients_below_the_base_or_below_what_is_named() -> None:
    scope = scope_of(settings(legacy=True))
    assert scope.bases == (BASE,)
    assert "enclumeHost" not in scope.filter
    assert scope_of(settings(legacy=True, hosts=f"ou=old,{BASE}")).bases == (f"ou=old,{BASE}",)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"hosts": "ou=hosts,dc=elsewhere"}, "not below directory.base"),
        ({"sites": rf"ou=\ff,{BASE}"}, "is no UTF-8; write a DN such as"),
    ],
)
def test_a_search_base_that_cannot_be_is_refused(more: dict[str, str], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        scope_of(settings(**more))


def test_an_entry_that_comes_again_as_it_was_stays_the_same_object(content: Content) -> None:
    before = content.directory().entries[f"cn=a,ou=hosts,{BASE}"]
    content.put(b"a", entry(f"cn=a,ou=hosts,{BASE}"))
    assert content.directory().entries[f"cn=a,ou=hosts,{BASE}"] is before
    fresh = Content(content.scope, content.view)
    fresh.put(b"other", entry(f"cn=a,ou=hosts,{BASE}"))
    assert fresh.directory().entries[f"cn=a,ou=hosts,{BASE}"] is before
    fresh.put(b"other", entry(f"cn=a,ou=hosts,{BASE}", "2"))
    assert fresh.directory().entries[f"cn=a,ou=hosts,{BASE}"].csn == "2"


def test_a_copy_goes_its_own_way_and_so_does_what_was_delivered(content: Content) -> None:
    delivered, twin = content.directory(), content.copy()
    twin.drop(b"a")
    assert f"cn=a,ou=hosts,{BASE}" in content.view
    content.drop(b"b")
    assert f"cn=b,ou=hosts,{BASE}" in twin.view
    assert len(delivered.entries) == 3


def test_only_those_that_are_mentioned_stay(content: Content) -> None:
    content.keep_only({b"a", b"unknown"})
    assert set(content.view) == {f"cn=a,ou=hosts,{BASE}"}


def test_a_name_that_changes_hands_is_the_new_owners_in_whatever_order_it_is_told(content: Content) -> None:
    content.put(b"a", entry(f"cn=b,ou=hosts,{BASE}", "2"))
    content.drop(b"b")
    assert content.view[f"cn=b,ou=hosts,{BASE}"].csn == "2"
    assert f"cn=a,ou=hosts,{BASE}" not in content.view


def test_what_moves_out_of_the_search_bases_is_gone_and_may_come_back(content: Content) -> None:
    content.put(b"a", entry(f"cn=a,ou=people,{BASE}"))
    assert f"cn=a,ou=people,{BASE}" not in content.view
    assert f"cn=a,ou=hosts,{BASE}" not in content.view
    assert b"a" in content
    content.put(b"a", entry(f"cn=a,ou=hosts,{BASE}"))
    assert f"cn=a,ou=hosts,{BASE}" in content.view


def test_a_renamed_container_asks_for_everything_again_since_its_entries_are_not_told_of(content: Content) -> None:
    with pytest.raises(RefreshRequired, match="was renamed with entries below it"):
        content.put(b"ou", entry(f"ou=machines,{BASE}"))
    content.drop(b"a")
    content.drop(b"b")
    content.put(b"ou", entry(f"ou=machines,{BASE}"))


def test_classes_match_without_case_and_only_within_the_bases() -> None:
    scope = Scope(BASE, (f"ou=hosts,{BASE}",), ("Device",))
    assert scope.matches(entry(f"cn=a,ou=hosts,{BASE}"))
    assert not scope.matches(entry(f"cn=a,ou=people,{BASE}"))


def test_contextcsn_is_read_from_the_naming_context_that_holds_the_base() -> None:
    contexts = ["", "no name", "dc=test", "dc=lab,dc=test", "dc=other,dc=test"]
    assert context_of(f"ou=enclume,{BASE}", contexts) == BASE
    assert context_of("dc=elsewhere", contexts) == "dc=elsewhere"
