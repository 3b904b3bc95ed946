"""Facts without the service: the caches and what nodes delivered, read once, and nothing written."""

import json
from pathlib import Path

import pytest

from commands.offline import _read_facts
from facts.facter.book import FactBook
from facts.facter.delivered import Delivered
from facts.shelf import Shelf
from settings import Settings
from tests.factories import NO_RULES, rules, settings

BY = rules("- {name: x, when: {facts.n: 1}}")


def configured(folder: Path) -> Settings:
    cache = folder / "cache"
    cache.mkdir()
    (cache / "web.json").write_text(
        json.dumps({"name": "web", "values": {"n": 1}, "timestamp": "2024-01-01T00:00:00Z"})
    )
    Delivered(Shelf(folder / "state/facts"), FactBook()).take("mail", b'{"n": 2}', 100.0)
    (folder / "state/facts/facts-bad").write_text("nonsense")
    return settings(state=str(folder / "state"), facts=[str(cache), str(folder / "none")])


def test_all_sources_are_read_and_what_cannot_be_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = _read_facts(configured(tmp_path), BY)
    assert book.sets().facts == {"web": {"n": 1}, "mail": {"n": 2}}
    warned = capsys.readouterr().err
    assert f"{tmp_path}/none cannot be read" in warned
    assert "facts-bad" in warned
    assert (tmp_path / "state/facts/facts-bad").exists()


def test_where_no_rule_asks_nothing_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _read_facts(configured(tmp_path), NO_RULES).sets().facts == {}
    assert not capsys.readouterr().err
