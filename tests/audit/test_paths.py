"""Paths into layer 2 on any ground, against a search that tries every way."""

from collections.abc import Iterator

from hypothesis import given

from audit.needs import GRAVITY, Effect, Ground, Lost, Need, Part
from audit.paths import paths
from tests.audit.needed import GROUNDS, GUESTS, HOSTS


def effect_of(need: Need, lost: Lost, to_guest: bool, last: bool) -> int:
    gravity = GRAVITY[need.effect]
    softened = need.effect == "boot" and not need.all_of and not lost.fails(need)
    return min(gravity, GRAVITY["run"]) if softened or (last and not to_guest) else gravity


def every_way(ground: Ground, part: Part, lost: Lost, passed: tuple[Part, ...] = ()) -> Iterator[tuple[str, int]]:
    """Every way into layer 2 from a part: where it ends, and the mildest of its steps."""
    for need in ground.needs.get(part, ()):
        for provider in need.providers:
            machine = ground.machines[provider.host]
            if machine.virtual and provider.host != part.host:
                yield provider.host, effect_of(need, lost, to_guest=machine.guest, last=True)
            if not machine.guest and provider not in (*passed, part):
                step = effect_of(need, lost, to_guest=False, last=False)
                for end, gravity in every_way(ground, provider, lost, (*passed, part)):
                    yield end, min(gravity, step)


def lost_of(ground: Ground) -> Lost:
    return Lost(ground.needs, frozenset(GUESTS))


@given(GROUNDS)
def test_each_provider_is_told_with_the_gravest_effect_that_any_way_has(ground: Ground) -> None:
    lost, expected = lost_of(ground), dict[tuple[str, str], int]()
    for name in HOSTS:
        if not ground.machines[name].virtual:
            for part in ground.machines[name].parts:
                for end, gravity in every_way(ground, part, lost):
                    expected[name, end] = max(gravity, expected.get((name, end), 0))
    told, left_out = paths(ground)
    found: dict[tuple[str, str], int] = {}
    for path in told:
        key = path.host, path.provider
        found[key] = max(GRAVITY[path.effect], found.get(key, 0))
    assert found == expected
    assert left_out == ()


@given(GROUNDS)
def test_a_path_is_a_way_from_its_host_to_its_provider(ground: Ground) -> None:
    for path in paths(ground)[0]:
        assert path.hops[0].host == path.host
        assert path.hops[-1].to == path.provider
        assert [hop.to for hop in path.hops[:-1]] == [hop.host for hop in path.hops[1:]]
        assert path.paths >= 1
        for hop in path.hops:
            needs = [need for part, wanted in ground.needs.items() if part.host == hop.host for need in wanted]
            assert any(hop.what == need.what and hop.to in {one.host for one in need.providers} for need in needs)


@given(GROUNDS)
def test_a_host_has_a_path_that_blocks_its_boot_when_and_only_when_it_is_lost_without_guests(ground: Ground) -> None:
    lost = lost_of(ground)
    blocked: set[str] = {path.host for path in paths(ground)[0] if path.effect == "boot"}
    gone = {
        name
        for name in HOSTS
        if not ground.machines[name].virtual and any(part in lost for part in ground.machines[name].parts)
    }
    assert blocked == gone


@given(GROUNDS)
def test_nothing_is_told_twice(ground: Ground) -> None:
    told: list[tuple[str, str, Effect]] = [(one.host, one.provider, one.effect) for one in paths(ground)[0]]
    assert len(set(told)) == len(told)
