"""What keeps failing is left alone for longer and longer."""

from hypothesis import given
from hypothesis import strategies as st

from facts.inventory.backoff import backoff


@given(st.integers(min_value=0, max_value=10**6))
def test_a_wait_is_never_shorter_than_half_a_second_nor_longer_than_half_a_minute(failures: int) -> None:
    assert 0.5 <= backoff(failures) <= 30.0


def test_waits_double() -> None:
    for failures in range(1, 5):
        assert 2 ** (failures - 1) / 2 <= backoff(failures) <= 2 ** (failures - 1)


def test_waits_differ_so_that_many_do_not_come_in_step() -> None:
    assert len({backoff(10) for _ in range(20)}) > 1
