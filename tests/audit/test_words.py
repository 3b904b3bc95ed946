"""How verdicts say times, spans, sizes and lists."""

import pytest

from audit.voices import Voice, excuses
from audit.words import counted, names, size, span, when


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "never"), (1_764_244_859.9, "2025-11-27 12:00 UTC"), (60.0, "1970-01-01 00:01 UTC")]
)
def test_a_time_is_said_to_the_minute(seconds: float, said: str) -> None:
    assert when(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "5 s"), (90, "90 s"), (180, "3 min"), (7200, "2 h"), (93_600, "26 h"), (691_200, "8 d"), (5400, "90 min")],
)
def test_a_span_is_said_in_the_unit_that_suits_it(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (4.26 * 2**30, "4.26 GiB"),
        (123.4 * 2**20, "123 MiB"),
        (2000 * 2**40, "2000 TiB"),
    ],
)
def test_a_size_is_said_in_the_unit_that_suits_it(count: float, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("listed", "said"), [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c", "d"), "a, b and 2 more")]
)
def test_a_list_is_said_in_words_and_a_long_one_is_cut(listed: tuple[str, ...], said: str) -> None:
    assert names(listed, most=2) == said


def test_one_is_no_plural() -> None:
    assert (counted(1, "node"), counted(0, "node")) == ("1 node", "0 nodes")


def test_several_that_are_silent_are_said_in_one_sentence() -> None:
    silent = (Voice("a", silent=True), Voice("b", silent=True), Voice("c", silent=True, last=60.0))
    assert excuses(silent, "mirrors") == (
        "c has said nothing of mirrors since 1970-01-01 00:01 UTC: look at enclume-observe there; "
        "a and b have never said anything of mirrors: install enclume-observe there, or look at its log"
    )
