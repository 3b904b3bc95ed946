"""Label values and numbers survive the text format, as prometheus-client's parser reads it."""

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.family import Family, gauge, number
from tests.exporters.telling import samples

DOOR = gauge("door", "room", "key", tells="A door.")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_a_label_holds_is_read_back(room: str, key: str) -> None:
    text = DOOR.header.decode() + DOOR.line(1, room, key)
    assert samples(text) == {("enclume_door", frozenset({("room", room), ("key", key)})): 1.0}


@given(st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_every_number_is_read_back_exactly(value: float) -> None:
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (0.0, "0"),
        (1764244800.0, "1764244800"),
        (0.25, "0.25"),
        (inf, "+Inf"),
        (-inf, "-Inf"),
        (2**62, str(2**62)),
    ],
)
def test_a_number_is_written_as_short_as_it_can_be(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_no_number_is_said_to_be_none() -> None:
    assert isnan(float(number(nan)))


def test_a_family_without_labels_has_no_braces() -> None:
    assert Family("up", "gauge", "Up.").line(1) == "up 1\n"


def test_the_header_says_type_and_help() -> None:
    assert DOOR.header == b"# HELP enclume_door A door.\n# TYPE enclume_door gauge\n"
