"""The book of facts, and what nodes delivered into it."""

import json
import time
from math import inf, nan
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from errors import FactsError
from facts.facter.book import FactBook
from facts.facter.delivered import BY, Delivered
from facts.facter.document import Document
from facts.facter.node_facts import NodeFacts, kept_of
from facts.observations import Logs, Mount
from facts.shelf import Shelf

NAMES = ("os.family", "n")
DAY = 86400.0


class Calls:
    """A book, and how often it told of changes."""

    def __init__(self, *awaited: str, names: tuple[str, ...] = NAMES) -> None:
        self.changed = self.noticed = 0
        self.book = FactBook(names, awaited, self._changed, self._noticed)

    def tell(self, source: str, certname: str, facts: NodeFacts | None) -> tuple[int, int]:
        """How often it called when it was told this."""
        before = self.changed, self.noticed
        self.book.tell(source, {certname: facts})
        return self.changed - before[0], self.noticed - before[1]

    def _changed(self) -> None:
        self.changed += 1

    def _noticed(self) -> None:
        self.noticed += 1


def facts(at: float, **values: Any) -> NodeFacts:
    return kept_of(Document("", values), NAMES, at)


def test_the_newest_of_all_sources_counts_whoever_spoke_last() -> None:
    book = Calls().book
    book.tell("/cache", {"web": facts(2, n=2)})
    book.tell(BY, {"web": facts(1, n=1)})
    assert book.sets().facts == {"web": {"n": 2}}
    book.tell(BY, {"web": facts(3, n=3)})
    assert book.sets().facts == {"web": {"n": 3}}
    told = book.of("web")
    assert told is not None
    assert (told.by, told.facts.at) == (BY, 3)
    book.tell(BY, {"web": None})
    assert book.sets().facts == {"web": {"n": 2}}
    book.tell("/cache", {"web": None})
    assert (book.sets().facts, book.all(), book.of("web")) == ({}, {}, None)


def test_only_a_fact_that_rules_name_changes_the_estate() -> None:
    calls = Calls()
    assert calls.tell(BY, "web", facts(1, other=1)) == (0, 1)
    assert calls.tell(BY, "web", facts(2, n=1)) == (1, 1)
    before = calls.book.sets()
    assert calls.tell(BY, "web", facts(3, n=1, other=2)) == (0, 1)
    assert calls.book.sets() is before
    assert calls.tell(BY, "web", facts(4, n=True)) == (1, 1)
    assert calls.book.sets().facts["web"]["n"] is True
    assert calls.tell(BY, "web", facts(5)) == (1, 1)
    assert calls.tell(BY, "web", None) == (0, 1)


def test_claims_stay_the_same_object_while_they_are_the_same() -> None:
    calls = Calls()
    calls.tell(BY, "web", facts(1, virtual="kvm"))
    before = calls.book.all()["web"].claims
    calls.tell(BY, "web", facts(2, virtual="kvm"))
    assert calls.book.all()["web"].claims is before
    assert calls.book.all() is calls.book.all()


def test_it_is_ready_once_every_source_was_tried_or_no_rule_asks() -> None:
    calls = Calls("/cache", BY)
    ready = []
    for source in (BY, "/cache"):
        calls.book.tried(source)
        ready.append(calls.book.ready)
    assert ready == [False, True]
    assert calls.changed == 1
    assert Calls("/cache", names=()).book.ready


@pytest.mark.parametrize(("patience", "ready"), [(60.0, False), (-1.0, True)])
def test_a_source_that_hangs_is_not_waited_for_for_ever(patience: float, ready: bool) -> None:
    book = Calls("/cache").book
    book.patience = patience
    assert book.ready is ready


def test_the_fact_of_the_module_is_read_and_nothing_like_it() -> None:
    mount = {"path": "/home", "server": "nfs1", "export": "/srv/home", "version": "4.2"}
    told = {"nfs_mounts": [mount], "disks": [{"name": "vda", "size_bytes": 5}], "logs": {"bytes": 7, "remote": False}}
    shipped = facts(9, enclume_host=told | {"services": [{"port": 22}]}).shipped
    assert shipped is not None
    assert shipped.at == 9
    assert shipped.nfs_mounts == (Mount("/home", "nfs1", "/srv/home", "4.2"),)
    assert shipped.logs == Logs(7, remote=False)
    assert shipped.disks is not None
    assert shipped.disks[0].size_bytes == 5
    nothing_like_it: list[Any] = [5, [], {"logs": {"bytes": "x"}}, {"nfs_mounts": {}}, None]
    for wrong in nothing_like_it:
        assert facts(9, enclume_host=wrong).shipped is None


def test_claims_of_a_hostile_node_are_small() -> None:
    interfaces = {f"eth{n}": {"ip": f"10.{n // 250}.{n % 250}.1", "bindings": [n, None]} for n in range(5000)}
    found = facts(1, networking={"interfaces": interfaces}, enclume_site="x" * 10_000, virtual="y" * 10_000)
    assert len(found.claims.addresses) == 256
    assert (found.claims.site, found.claims.virtual) == ("", "")


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@hypothesis.given(ODD)
@hypothesis.example(inf)
@hypothesis.example(nan)
def test_whatever_stands_under_a_known_name_is_kept_or_left_out(odd: Any) -> None:
    """And survives a restart: what is kept is what is read again."""
    binding = {"networking": {"interfaces": {"eth0": {"ip": odd, "bindings": [{"address": odd}], "bindings6": odd}}}}
    host = {"enclume_host": {"nfs_mounts": odd, "logs": odd, "disks": odd}}
    flat = dict.fromkeys(("uuid", "virtual", "is_virtual", "enclume_site", "enclume_layer", "ipaddress_eth0"), odd)
    for values in (binding, host, flat, {"dmi": odd, "trusted": odd, "networking": odd, "enclume": odd, "os": odd}):
        found = facts(1, n=odd, **values)
        assert msgspec.json.decode(msgspec.json.encode(found), type=NodeFacts) == found


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def delivered(shelf: Shelf) -> Delivered:
    return Delivered(shelf, FactBook(NAMES, [BY]))


def body(**values: Any) -> bytes:
    return json.dumps(values, indent=2).encode()


def test_what_was_delivered_is_restored_and_newer_stays(shelf: Shelf) -> None:
    first = delivered(shelf)
    first.take("web", body(n=1), 100.0)
    first.take("db", body(n=123456789012345678901234567890), 100.0)
    second = delivered(shelf)
    second.take("web", body(n=2), 200.0)
    second.restore()
    assert second._book.ready
    assert second._book.sets().facts == {"web": {"n": 2}, "db": {"n": 123456789012345678901234567890}}
    third = delivered(shelf)
    third.restore()
    assert third._book.sets() == second._book.sets()
    assert third._book.all()["db"].at == 100.0


def test_a_copy_of_a_file_under_another_name_is_nobodys(shelf: Shelf) -> None:
    delivered(shelf).take("web", body(n=1), 100.0)
    (shelf.folder / "facts-db").write_bytes((shelf.folder / "facts-web").read_bytes())
    again = delivered(shelf)
    again.restore()
    assert again._book.sets().facts.keys() == {"web"}


def test_another_nodes_facts_are_not_taken(shelf: Shelf) -> None:
    with pytest.raises(FactsError, match="'db', not of web"):
        delivered(shelf).take("web", body(name="db", values={}), 100.0)
    assert not list(shelf.folder.iterdir())


def test_facts_of_a_node_that_is_gone_for_a_day_are_removed(shelf: Shelf) -> None:
    store = delivered(shelf)
    store.take("web", body(n=1), 100.0)
    store.take("mail", body(n=1), 100.0)
    for known, at in (({"mail"}, 1000.0), ({"mail", "web"}, 2000.0), ({"mail"}, 3000.0), ({"mail"}, 2999.0 + DAY)):
        store.forget(known, at, DAY)
        assert len(list(shelf.folder.iterdir())) == 2
    store.forget({"mail"}, 3000.0 + DAY, DAY)
    assert [file.name for file in shelf.folder.iterdir()] == ["facts-mail"]
    assert store._book.sets().facts.keys() == {"mail"}


def test_memory_stays_small_at_ten_thousand_nodes(shelf: Shelf) -> None:
    """30 kB of facts each; what is kept of a node is a few hundred bytes, and not one more for each delivery."""
    store = delivered(shelf)
    large = body(os={"family": "Debian"}, virtual="kvm", lines=["x" * 100] * 300)
    store.take("web", large, time.time())
    kept = store._book.all()["web"]
    assert kept.named == {"os": {"family": "Debian"}}
    assert "lines" not in repr(kept)
