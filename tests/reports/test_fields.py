"""Times and numbers as Puppet's versions and others write them."""

import pytest

from reports.fields import flag, moment, seconds, text, whole


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-22T12:02:27.762038250+00:00", 1795348947.762038),
        ("2026-11-22T12:02:27.762038250Z", 1795348947.762038),
        ("2026-11-22T14:02:27.762038+02:00", 1795348947.762038),
        ("2026-11-22T12:02:27Z", 1795348947.0),
        ("2026-11-22 12:02:27 UTC", 1795348947.0),
        ("2015-01-01 10:00:00.123456 +01:00", 1420102800.123456),
        ("2015-01-01 10:00:00.123456789 Z", 1420106400.123456),
        ("2015-01-01 10:00:00 -0400", 1420120800.0),
        ("2015-01-01 10:00:00", 1420106400.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("9999-12-31T23:59:59-14:00", 253402351199.0),
        ("10000-01-01T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("", None),
        ("now", None),
        ("2" * 1000, None),
        (["2026-11-22"], None),
        (None, None),
    ],
)
def test_a_moment(written: object, read: float | None) -> None:
    assert moment(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("15", 15),
        (15, 15),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("-1", None),
        ("\u0663", None),
        ("1.5", None),
        (True, None),
        (2**40, None),
        (None, None),
    ],
)
def test_a_whole_number(written: object, read: int | None) -> None:
    assert whole(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("6.1141e-05", 6.1141e-05),
        (2.5, 2.5),
        ("0", 0.0),
        ("inf", None),
        (".nan", None),
        ("nan", None),
        ("-1", None),
        ("1" * 100, None),
        (10**400, None),
        ([], None),
    ],
)
def test_seconds(written: object, read: float | None) -> None:
    assert seconds(written) == read


@pytest.mark.parametrize("true", ["true", "True", True])
def test_a_flag_that_is_set(true: object) -> None:
    assert flag(true)


@pytest.mark.parametrize("not_true", ["false", "yes", "1", 1, None, [], {}])
def test_a_flag_that_is_not(not_true: object) -> None:
    assert not flag(not_true)


@pytest.mark.parametrize(
    ("value", "read"), [("a\0b", "a\ufffdb"), (None, ""), (["a", None], '["a",null]'), (5, "5"), (True, "true")]
)
def test_text(value: object, read: str) -> None:
    assert text(value) == read
