"""The Puppet server's fact cache: read when it changes, and never taken for another node's."""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.facter import cache
from facts.facter.book import FactBook
from facts.facter.cache import Line
from facts.facter.folder import FactsFolder, Memory
from facts.keep import file_of
from facts.shelf import Shelf
from facts.source import SourceKey
from facts.upkeep import Upkeep
from tests.waiting import until

NAMES = ("os.family", "n")


class Watched:
    """A folder that is watched, and what was seen there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upkeep = Upkeep()
        self.kept: tuple[Line, ...] = ()
        self.source = self.another()
        self.key = SourceKey("facts", str(folder))

    def another(self, names: tuple[str, ...] = NAMES) -> FactsFolder:
        """As after a restart, with rules that name these facts."""
        self.book = FactBook(names, [str(self.folder)])
        memory = Memory(lambda: self.kept, partial(setattr, self, "kept"))
        self.source = FactsFolder(str(self.folder), self.book, memory, interval=0.01)
        return self.source

    def write(self, name: str, values: Any, *, of: str | None = None) -> None:
        text = json.dumps({"name": of or name, "values": values, "timestamp": "2024-01-01T00:00:00Z"})
        self.put(f"{name}.json", text)

    def put(self, file: str, text: str) -> None:
        temporary = self.folder / ".new"
        temporary.write_text(text)
        temporary.rename(self.folder / file)

    def facts(self) -> dict[str, Any]:
        return dict(self.book.sets().facts)

    def shows(self, facts: dict[str, Any]) -> None:
        until(lambda: self.facts() == facts, what=f"the facts to be {facts}")

    def looked(self) -> None:
        """Wait for a whole look that began after now."""
        for _ in range(2):
            before = self.upkeep.fresh(self.key)
            until(lambda before=before: self.upkeep.fresh(self.key) != before, what="another look")  # type: ignore[misc]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path / "facts")
    found.folder.mkdir()
    yield found
    found.source.stop()


def test_files_are_read_at_the_start_and_when_they_change(watched: Watched) -> None:
    watched.write("web.lab.test", {"os": {"family": "Debian"}})
    watched.source.start(watched.upkeep)
    watched.shows({"web.lab.test": {"os": {"family": "Debian"}}})
    watched.write("web.lab.test", {"os": {"family": "RedHat!"}})
    watched.write("db", {"n": 1})
    watched.shows({"web.lab.test": {"os": {"family": "RedHat!"}}, "db": {"n": 1}})
    (watched.folder / "db.json").unlink()
    watched.shows({"web.lab.test": {"os": {"family": "RedHat!"}}})


def test_an_empty_folder_is_an_observation(watched: Watched) -> None:
    assert not watched.book.ready
    watched.source.start(watched.upkeep)
    until(lambda: watched.book.ready, what="the first observation")
    assert watched.facts() == {}
    assert watched.upkeep.fresh(watched.key).read_at


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "web"}', '{"name": "web", "values": 5}', "[" * 100_000])
def test_a_file_that_makes_no_sense_leaves_the_last_good_facts(watched: Watched, text: str) -> None:
    watched.write("web", {"n": 1})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    watched.put("web.json", text)
    watched.looked()
    assert watched.facts() == {"web": {"n": 1}}
    watched.write("web", {"n": 22})
    watched.shows({"web": {"n": 22}})


def test_facts_of_another_name_are_nobodys(watched: Watched) -> None:
    watched.write("web", {"n": 1}, of="db")
    watched.write("good", {"n": 2})
    watched.source.start(watched.upkeep)
    watched.shows({"good": {"n": 2}})


def test_other_files_are_left_alone(watched: Watched) -> None:
    for file in ("README", "Web.json", "a b.json", ".json", "web.json.bak", "..json"):
        watched.put(file, "{")
    (watched.folder / "folder.json").mkdir()
    watched.write("good", {"n": 2})
    watched.source.start(watched.upkeep)
    watched.shows({"good": {"n": 2}})


def test_a_file_that_went_and_came_back_as_it_was_is_read(watched: Watched) -> None:
    watched.write("web", {"n": 1})
    watched.write("db", {"n": 2})
    stamp = (watched.folder / "web.json").stat().st_mtime_ns
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}, "db": {"n": 2}})
    (watched.folder / "web.json").rename(watched.folder.parent / "kept")
    watched.shows({"db": {"n": 2}})
    os.utime(watched.folder.parent / "kept", ns=(stamp, stamp))
    (watched.folder.parent / "kept").rename(watched.folder / "web.json")
    watched.shows({"web": {"n": 1}, "db": {"n": 2}})


def test_a_folder_that_lost_all_its_files_is_not_mounted(watched: Watched) -> None:
    watched.write("web", {"n": 1})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    watched.folder.rename(watched.folder.parent / "away")
    watched.folder.mkdir()
    until(lambda: "is it mounted?" in watched.upkeep.fresh(watched.key).error, what="a failure")
    assert watched.facts() == {"web": {"n": 1}}
    watched.write("web", {"n": 2})
    watched.shows({"web": {"n": 2}})


def test_a_folder_that_is_gone_is_a_failure_that_names_it_and_ends_by_itself(watched: Watched) -> None:
    watched.write("web", {"n": 1})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    watched.folder.rename(watched.folder.parent / "away")
    until(lambda: watched.upkeep.fresh(watched.key).error, what="a failure")
    assert str(watched.folder) in watched.upkeep.fresh(watched.key).error
    assert watched.facts() == {"web": {"n": 1}}
    (watched.folder.parent / "away").rename(watched.folder)
    until(lambda: not watched.upkeep.fresh(watched.key).error, what="the folder to be read again")
    assert watched.facts() == {"web": {"n": 1}}


@pytest.mark.parametrize("file", ["server_data-facts-web01.lab.test.json", "yaml-facts-web01.lab.test.yaml"])
def test_what_a_real_puppet_wrote_is_read(watched: Watched, file: str) -> None:
    written = Path(__file__).parents[1] / "fixtures" / "puppet" / file
    (watched.folder / f"web01.lab.test{written.suffix}").write_bytes(written.read_bytes())
    watched.source.look(watched.upkeep)
    assert watched.facts() == {"web01.lab.test": {"os": {"family": "Debian"}}}
    (found,) = watched.book.all().values()
    assert found.claims.addresses == ("192.0.2.2", "fd00::2")


def test_of_two_files_of_a_node_the_newer_facts_count(watched: Watched) -> None:
    for suffix, of, year in (("json", 1, 2023), ("yaml", 2, 2022)):
        text = json.dumps({"name": "web", "values": {"n": of}, "timestamp": f"{year}-01-01T00:00:00Z"})
        watched.put(f"web.{suffix}", text)
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    watched.put("web.yaml", "--- !ruby/object:Puppet::Node::Facts\nname: web\nvalues:\n  n: 3\ntimestamp: 2024-01-01")
    watched.shows({"web": {"n": 3}})
    (watched.folder / "web.yaml").unlink()
    watched.shows({"web": {"n": 1}})


def test_a_time_that_is_to_come_is_not_believed(watched: Watched) -> None:
    watched.put("web.json", json.dumps({"name": "web", "values": {"n": 1}, "timestamp": "2999-01-01T00:00:00Z"}))
    os.utime(watched.folder / "web.json", (1e9, 1e9))
    watched.source.look(watched.upkeep)
    assert watched.book.all()["web"].at == 1e9


def test_only_what_rules_name_is_kept(watched: Watched) -> None:
    watched.write("web", {"os": {"family": "Debian", "name": "x" * 10_000}, "other": "y" * 10_000, "n": [1]})
    watched.source.look(watched.upkeep)
    assert watched.facts() == {"web": {"os": {"family": "Debian"}}}
    assert len(msgspec.json.encode(watched.book.all())) < 500


def restarted(watched: Watched, names: tuple[str, ...] = NAMES) -> None:
    watched.source.stop()
    assert watched.kept
    watched.another(names)


def test_a_restart_reads_only_what_changed_meanwhile(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.write("web", {"n": 1})
    watched.write("db", {"n": 1})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}, "db": {"n": 1}})
    restarted(watched)
    stat = (watched.folder / "web.json").stat()
    (watched.folder / "web.json").write_bytes(b"{" * stat.st_size)
    os.utime(watched.folder / "web.json", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    watched.write("db", {"n": 22})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}, "db": {"n": 22}})
    assert not caplog.records


def test_after_a_restart_a_folder_that_cannot_be_read_takes_nothing_away(watched: Watched) -> None:
    watched.write("web", {"n": 1})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    restarted(watched)
    watched.folder.rename(watched.folder.parent / "away")
    watched.source.start(watched.upkeep)
    until(lambda: watched.book.ready, what="a failure")
    assert watched.facts() == {"web": {"n": 1}}


def test_rules_that_name_other_facts_have_all_files_read_again(watched: Watched) -> None:
    watched.write("web", {"n": 1, "new": True})
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    shelf = Shelf(watched.folder.parent / "state")
    watched.source.stop()
    cache.keep(shelf, str(watched.folder), NAMES, watched.kept)
    assert cache.restore(shelf, str(watched.folder), NAMES) == watched.kept
    watched.kept = cache.restore(shelf, str(watched.folder), ("new",))
    watched.another(("new",)).start(watched.upkeep)
    watched.shows({"web": {"new": True}})


def test_what_was_kept_and_makes_no_sense_is_set_aside(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.write(file_of("/facts", "factcache"), "factcache", [b'{"version":1,"names":[]}', b'{"path":5}'])
    assert cache.restore(shelf, "/facts", ()) == ()
    assert len(shelf.set_aside) == 1
    assert cache.restore(shelf, "/facts", ()) == ()
