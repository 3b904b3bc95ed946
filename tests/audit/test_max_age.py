"""How old a backup may be: specific beats general, the stricter of two services counts, nothing of what is retired."""

from collections.abc import Mapping
from math import inf

import pytest

from audit.max_age import expected
from tests.factories import World, guest, host, kvm, service, service_at, site, site_dn

WEB = "web.lab.test"
AT_ANGERS = {"enclumeAtSite": site_dn("angers")}


def hours(world: World, certname: str = WEB) -> Mapping[str, float]:
    return {f"{kind}/{schedule}": age / 3600 for (kind, schedule), age in expected(world.node(certname)).items()}


def estate(*ages: str, **attributes: str) -> World:
    """A guest at a site that says these ages."""
    return World(site("angers", enclumeMaxAge=ages), guest(WEB, **AT_ANGERS, **attributes))


def test_nothing_is_expected_where_nobody_says_so() -> None:
    assert hours(estate()) == {}


def test_a_site_speaks_for_all_its_hosts() -> None:
    assert hours(estate("system/daily=26", "system/weekly=192")) == {"system/daily": 26, "system/weekly": 192}


def test_specific_beats_general_for_each_kind_and_schedule_by_itself() -> None:
    world = estate("system/daily=26", "system/weekly=192", "system/monthly=768", "data/daily=26")
    world.put(
        service("web", members=(WEB,), enclumeMaxAge=("system/daily=50", "system/weekly=200", "data/daily=50")),
        service_at("web", "angers", enclumeMaxAge=("system/daily=12", "system/weekly=100")),
        guest(WEB, **AT_ANGERS, enclumeMaxAge="system/daily=40"),
    )
    assert hours(world) == {"system/daily": 40, "system/weekly": 100, "system/monthly": 768, "data/daily": 50}


@pytest.mark.parametrize(
    ("one", "other", "counts"), [("26", "50", 26), ("50", "26", 26), ("0", "26", 26), ("26", "0", 26)]
)
def test_of_two_services_the_stricter_counts(one: str, other: str, counts: float) -> None:
    world = estate()
    world.put(
        service("mail", members=(WEB,), enclumeMaxAge=f"data/daily={one}"),
        service("web", members=(WEB,), enclumeMaxAge=f"data/daily={other}"),
    )
    assert hours(world) == {"data/daily": counts}


def test_zero_hours_say_that_it_is_not_expected_here() -> None:
    assert hours(estate("system/daily=26", "system/weekly=192", enclumeMaxAge="system/daily=0")) == {
        "system/weekly": 192
    }


@pytest.mark.parametrize("intent", ["retired", "template"])
def test_nothing_is_expected_of_what_is_retired_or_a_template(intent: str) -> None:
    assert hours(estate("system/daily=26", "container/monthly=768", enclumeIntent=intent)) == {}


def test_a_guest_that_is_off_needs_a_backup_of_any_age_and_a_container_like_any_other() -> None:
    world = estate("system/daily=26", "data/daily=26", "container/monthly=768", enclumeIntent="off")
    assert hours(world) == {"system/daily": inf, "data/daily": inf, "container/monthly": 768}


def test_only_guests_have_a_container() -> None:
    world = estate("system/daily=26", "container/monthly=768")
    world.put(host("nfs.lab.test", **AT_ANGERS), kvm("kvm.lab.test", "angers"))
    assert hours(world, "nfs.lab.test") == hours(world, "kvm.lab.test") == {"system/daily": 26}
    assert hours(world) == {"system/daily": 26, "container/monthly": 768}


def test_a_host_at_no_site_has_what_its_services_and_itself_say() -> None:
    world = World(
        host(WEB, enclumeMaxAge="data/daily=26"), service("web", members=(WEB,), enclumeMaxAge="system/daily=30")
    )
    assert hours(world) == {"data/daily": 26, "system/daily": 30}
