"""The Puppet server's fact cache: read when it changes, and never taken for another node's."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facts.facts_folder import FactsFolder
from facts.puppet import FactSets, named
from facts.source import SourceKey
from facts.upkeep import Upkeep
from tests.waiting import until


class Watched:
    """A folder that is watched, and what was seen there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upkeep = Upkeep()
        self.source = FactsFolder(str(folder), interval=0.01)
        self.key = SourceKey("facts", str(folder))

    def write(self, name: str, values: Any, *, of: str | None = None) -> None:
        text = json.dumps({"name": of or name, "values": values, "timestamp": "2024-01-01T00:00:00Z"})
        self.put(f"{name}.json", text)

    def put(self, file: str, text: str) -> None:
        temporary = self.folder / ".new"
        temporary.write_text(text)
        temporary.rename(self.folder / file)

    def facts(self) -> dict[str, Any]:
        value = self.upkeep.values("facts").get(str(self.folder))
        return dict(value.facts) if isinstance(value, FactSets) else {}

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
    watched.source.start(watched.upkeep)
    until(lambda: watched.upkeep.values("facts"), what="the first observation")
    assert watched.facts() == {}


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
    stamp = (watched.folder / "web.json").stat().st_mtime_ns
    watched.source.start(watched.upkeep)
    watched.shows({"web": {"n": 1}})
    (watched.folder / "web.json").rename(watched.folder.parent / "kept")
    watched.shows({})
    os.utime(watched.folder.parent / "kept", ns=(stamp, stamp))
    (watched.folder.parent / "kept").rename(watched.folder / "web.json")
    watched.shows({"web": {"n": 1}})


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


def test_what_a_real_server_wrote_is_read(tmp_path: Path) -> None:
    written = Path(__file__).parents[1] / "fixtures" / "puppet" / "server_data-facts-web01.lab.test.json"
    (tmp_path / "web01.lab.test.json").write_bytes(written.read_bytes())
    folder = FactsFolder(str(tmp_path))
    assert folder._look()
    assert named(FactSets(folder._facts, {}), "web01.lab.test", ("os.family",)) == {"os.family": "Debian"}
