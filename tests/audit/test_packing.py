"""Packing: what it says to fit does fit, and it misses little that would."""

from itertools import product

import hypothesis
import pytest
from hypothesis import strategies as st

from audit.packing import Free, Item, pack

NAMES = ("kvm1", "kvm2", "kvm3")

sizes = st.integers(1, 6)
choices = st.one_of(st.none(), st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple))
items = st.lists(st.tuples(sizes, st.integers(1, 4), choices), max_size=6).map(
    lambda drawn: [Item(f"vm{number}", *one) for number, one in enumerate(drawn)]
)
rooms = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(-2, 12), st.integers(0, 10)), max_size=3)


def fits(items: list[Item], where: tuple[str, ...], free: Free) -> bool:
    """Whether these places are allowed, and have room for all."""
    left = {name: list(room) for name, room in free.items()}
    for item, name in zip(items, where, strict=True):
        if item.to is not None and name not in item.to:
            return False
        left[name][0] -= item.memory
        left[name][1] -= item.vcpus
    return all(memory >= 0 and vcpus >= 0 for name, (memory, vcpus) in left.items() if name in where)


def some_packing(items: list[Item], free: Free) -> bool:
    """Whether there is any way to place them all: every one is tried."""
    return any(fits(items, where, free) for where in product(free, repeat=len(items)))


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(items, rooms)
def test_it_never_finds_room_that_is_not_there(items: list[Item], free: dict[str, tuple[int, float]]) -> None:
    packing = pack(items, free)
    where = tuple(packing.placed[item.name] for item in items if item.name in packing.placed)
    assert fits([item for item in items if item.name in packing.placed], where, free)
    assert {item.name for item in packing.left} | packing.placed.keys() == {item.name for item in items}
    if not packing.left:
        assert some_packing(items, free)


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(st.lists(st.tuples(sizes, st.sampled_from(NAMES)), max_size=6), rooms)
def test_where_everybody_has_one_place_it_misses_nothing(
    drawn: list[tuple[int, str]], free: dict[str, tuple[int, float]]
) -> None:
    """So it is for guests with a production and a backup hypervisor."""
    items = [Item(f"vm{number}", memory, 1, (name,)) for number, (memory, name) in enumerate(drawn)]
    assert bool(pack(items, free).left) != some_packing(items, free)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(items, st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_with_one_hypervisor_left_it_misses_nothing(items: list[Item], room: tuple[int, float]) -> None:
    free = {"kvm1": room}
    assert bool(pack(items, free).left) != some_packing(items, free)


def test_it_may_miss_a_clever_packing_where_room_is_tight() -> None:
    """5 + 3 and 4 + 2 would fill both; best fit puts 5 where it leaves least, and 2 finds no room."""
    items = [Item(f"vm{memory}", memory, 1) for memory in (5, 4, 3, 2)]
    free = {"kvm1": (8, 99.0), "kvm2": (6, 99.0)}
    assert some_packing(items, free)
    assert [item.name for item in pack(items, free).left] == ["vm2"]


@pytest.mark.parametrize(
    ("room", "expected"), [((8, 2.0), {"vm": "kvm1"}), ((8, 1.5), {"vm": "kvm2"}), ((3, 9.0), {"vm": "kvm2"})]
)
def test_memory_and_vcpus_both_count(room: tuple[int, float], expected: dict[str, str]) -> None:
    assert pack([Item("vm", 4, 2)], {"kvm1": room, "kvm2": (16, 8.0)}).placed == expected
