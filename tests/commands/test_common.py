"""Text for people, and exit statuses for scripts."""

import pytest

from commands.common import counted, duration, printable, table
from commands.outcome import Misused, No, status_of
from errors import EnclumeError, LdifError, SettingsError, SourceError, StateError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (No("no"), 1),
        (Misused("what"), 2),
        (SettingsError("f", "k", "e"), 2),
        (LdifError(1, "", "r"), 2),
        (SourceError("t", "r"), 3),
        (StateError("f", "r"), 3),
        (EnclumeError("?"), 3),
    ],
)
def test_each_kind_of_error_has_its_exit_status(error: EnclumeError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (5e5, "6 days")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_text_moves_no_cursor() -> None:
    assert printable("\x1b[2Ja\nb\u202ec été") == " [2Ja b c été"


def test_columns_are_aligned_and_lines_end_without_blanks() -> None:
    assert table([("a", "bb", ""), ("ccc", "d", "e")], "  ") == ["  a    bb", "  ccc  d   e"]
    assert table([]) == []


def test_a_number_has_its_noun() -> None:
    assert [counted(number, "node") for number in (0, 1, 2)] == ["0 nodes", "1 node", "2 nodes"]
