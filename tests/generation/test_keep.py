"""The generation on disk: read back as it was, or not at all; a restart does not forget a hold."""

from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enc.topology import Defined, DefinedSite, Definitions
from facts.estate import Network
from facts.shelf import Shelf
from generation import keep
from generation.build import approve
from generation.generation import NONE, Generation
from tests.generation.answers import built, nodes, told

FULL, LESS = told("a", "b", environment="prod"), told("a", environment="prod")


SITE = DefinedSite("ou=angers", "angers", (Network("lan", "internal", "10.0.0.0/24", None),))
DEFINED = Definitions(
    {"cn=web": Defined("cn=web", "web", ("proxy",), ("cn=nfs",), True, {"port": 80}, {"ou=angers": {"port": 81}})},
    {"ou=angers": SITE},
)


def held() -> Generation:
    """A generation with a hold, in which one node would lose its answer."""
    less = nodes(10, LESS)
    del less["n009"]
    first = msgspec.structs.replace(built(NONE, nodes(10, FULL)), definitions=DEFINED)
    generation = built(first, less, entries=60, now=7.25)
    assert generation.hold is not None
    return msgspec.structs.replace(
        generation, hold=msgspec.structs.replace(generation.hold, definitions=Definitions({}, DEFINED.sites))
    )


@pytest.mark.parametrize("generation", [NONE, built(NONE, {}), built(NONE, nodes(3, FULL)), held()])
def test_a_generation_is_read_back_as_it_was(tmp_path: Path, generation: Generation) -> None:
    keep.keep(Shelf(tmp_path), generation)
    assert keep.restore(Shelf(tmp_path)) == generation


@hypothesis.settings(max_examples=30)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_any_name_and_any_text_come_back(tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    answers = {name: msgspec.structs.replace(FULL, body=msgspec.json.encode(text)) for name, text in texts.items()}
    generation = Generation(1, 1, 1.5, 3, answers)
    keep.keep(Shelf(folder), generation)
    assert keep.restore(Shelf(folder)) == generation


def test_a_restart_does_not_forget_the_hold(tmp_path: Path) -> None:
    before = held()
    keep.keep(Shelf(tmp_path), before)
    restored = keep.restore(Shelf(tmp_path))
    assert restored is not None
    less = nodes(10, LESS)
    del less["n009"]
    after = built(restored, less, entries=60)
    assert after is restored
    assert after.hold is not None
    assert before.hold is not None
    released = approve(after, before.hold.number)
    assert released is not None
    assert released.answers == dict.fromkeys(less, LESS)


def test_without_a_file_there_is_no_generation(tmp_path: Path) -> None:
    assert keep.restore(Shelf(tmp_path)) is None
    assert keep.restore(Shelf(tmp_path / "gone")) is None


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"{}"],
        [b"[]"],
        [b'{"number":1,"counter":1,"built_at":1,"entries":1,"nodes":1,"hold":null}', b'["web"]'],
        [b'{"number":1,"counter":1,"built_at":1,"entries":1,"nodes":1,"hold":null}', b'["web","{}","{}"]'],
        [b'{"number":1,"counter":1,"built_at":1,"entries":1,"nodes":1,"hold":null}', b"nonsense"],
        [b'{"number":1,"counter":1,"built_at":1,"entries":1,"nodes":1,"hold":{}}'],
        [b'{"number":1,"counter":1,"built_at":1,"entries":1,"nodes":2,"hold":null}', b'["web","{}","{}","x"]'],
    ],
)
def test_a_file_of_another_shape_is_set_aside_and_named(tmp_path: Path, lines: list[bytes]) -> None:
    shelf = Shelf(tmp_path)
    shelf.write(keep.NAME, keep.NAME, lines)
    assert keep.restore(shelf) is None
    (said,) = shelf.set_aside
    assert str(tmp_path / "generation") in said
    assert (tmp_path / "generation.unreadable").exists()
    assert not (tmp_path / "generation").exists()


def test_a_generation_that_lost_a_bit_anywhere_is_served_whole_or_not_at_all(tmp_path: Path) -> None:
    generation = built(NONE, nodes(2, told("a")))
    keep.keep(Shelf(tmp_path), generation)
    path = tmp_path / "generation"
    good = path.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1 << position % 8
        path.write_bytes(bad)
        shelf = Shelf(tmp_path)
        assert keep.restore(shelf) in (None, generation)
        (tmp_path / "generation.unreadable").unlink(missing_ok=True)


def test_a_generation_cut_anywhere_is_not_served(tmp_path: Path) -> None:
    keep.keep(Shelf(tmp_path), built(NONE, nodes(2, told("a"))))
    path = tmp_path / "generation"
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        shelf = Shelf(tmp_path)
        assert keep.restore(shelf) is None
        assert len(shelf.set_aside) == 1
