"""The order of a cold start: whatever needs what, every part gets its place, and every cycle its name."""

from itertools import chain, pairwise

import pytest
from hypothesis import given

from audit.needs import Need, Needs, Part
from audit.order import order
from tests.audit.needed import NEEDS

NAMES, PEOPLE, FILES, LOGS = (Part(name) for name in ("names", "people", "files", "logs"))


def need(*providers: Part, effect: str = "boot", **others: bool) -> Need:
    return Need(providers[0].host, effect, providers, **others)  # type: ignore[arg-type]


def met(wanted: Need, up: set[Part], needs: Needs) -> bool:
    there = [provider for provider in wanted.providers if provider in needs]
    if wanted.together or not there or (wanted.elsewhere and not wanted.all_of):
        return True
    return all(one in up for one in there) if wanted.all_of else any(one in up for one in there)


@given(NEEDS)
def test_every_part_starts_once_after_all_that_it_needs(needs: Needs) -> None:
    found = order(needs)
    assert sorted(chain.from_iterable(found.levels)) == sorted(needs)
    up: set[Part] = set()
    excused = set(chain.from_iterable(found.cycles))
    for level in found.levels:
        assert level
        for part in level:
            missing = [one for one in needs[part] if one.effect != "change" and not met(one, up, needs)]
            assert part in excused or all(one.effect == "run" for one in missing)
            assert {what for whom, what in found.without if whom == part} >= (
                {one.what for one in missing} if part not in excused else set()
            )
        up |= set(level)


@given(NEEDS)
def test_a_cycle_is_one_and_nothing_else_is_called_so(needs: Needs) -> None:
    for cycle in order(needs).cycles:
        for user, provider in pairwise((*cycle, cycle[0])):
            assert any(provider in one.providers and one.effect == "boot" and not one.together for one in needs[user])
        assert len(set(cycle)) == len(cycle)


@given(NEEDS)
def test_without_a_need_to_boot_there_is_no_cycle(needs: Needs) -> None:
    mild = {part: tuple(one for one in wanted if one.effect != "boot") for part, wanted in needs.items()}
    assert order(mild).cycles == ()


def test_levels() -> None:
    found = order({FILES: (need(NAMES), need(PEOPLE)), PEOPLE: (need(NAMES),), NAMES: (), LOGS: ()})
    assert found.levels == ((NAMES, LOGS), (PEOPLE,), (FILES,))
    assert (found.cycles, found.without) == ((), ())


def test_one_of_several_providers_is_enough_unless_all_are_needed() -> None:
    slow: Needs = {NAMES: (), PEOPLE: (need(NAMES),), FILES: (need(NAMES, PEOPLE),)}
    assert order(slow).levels == ((NAMES,), (PEOPLE, FILES))
    assert order({**slow, FILES: (need(NAMES, PEOPLE, all_of=True),)}).levels == ((NAMES,), (PEOPLE,), (FILES,))


def test_what_starts_without_its_log_server_is_named() -> None:
    found = order({LOGS: (need(NAMES),), NAMES: (need(LOGS, effect="run"),)})
    assert (found.levels, found.without, found.cycles) == (((NAMES,), (LOGS,)), ((NAMES, "logs"),), ())


def test_a_cycle_is_named_whole_and_what_stands_on_it_comes_after() -> None:
    found = order({PEOPLE: (need(NAMES),), NAMES: (need(PEOPLE),), FILES: (need(PEOPLE),), LOGS: ()})
    assert found.cycles == ((PEOPLE, NAMES),)
    assert found.levels == ((PEOPLE, NAMES, LOGS), (FILES,))


@pytest.mark.parametrize("all_of", [False, True])
def test_what_stands_on_a_cycle_and_on_a_long_way_up_comes_after_both(all_of: bool) -> None:
    """The cycle is only known for one when everything else is up, and yet belongs to the first level."""
    first, second, third = (Part(name) for name in ("first", "second", "third"))
    both = (need(third, PEOPLE, all_of=True),) if all_of else (need(third), need(PEOPLE))
    found = order(
        {
            first: (),
            second: (need(first),),
            third: (need(second),),
            PEOPLE: (need(NAMES),),
            NAMES: (need(PEOPLE),),
            FILES: both,
        }
    )
    assert found.levels == ((first, PEOPLE, NAMES), (second,), (third,), (FILES,))


def test_a_large_web_of_needs_is_ordered_at_once() -> None:
    """A thousand users of a thousand providers that share one need are not a million steps, and no deep recursion."""
    providers = [Part(f"p{number}") for number in range(1000)]
    shared = Need("all", "boot", tuple(providers), all_of=True)
    needs = {part: () if number == 0 else (need(providers[number - 1]),) for number, part in enumerate(providers)}
    needs |= {Part(f"u{number}"): (shared,) for number in range(1000)}
    assert len(order(needs).levels) == 1001
