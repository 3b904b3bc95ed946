"""What changes while the service runs, how soon it is told, and how the service ends and comes back."""

import signal
import time
from collections.abc import Callable

import psutil

from tests.live.service.estate import HYPERVISORS, MACHINES, NODES, SmallEstate, dn_of, service_dn
from tests.live.service.running import Service
from tests.waiting import until

SOON = 1.0
"""Seconds from a change to the right answer."""

GAMMA = "gamma.lab.test"


def seconds_until(condition: Callable[[], object]) -> float:
    begin = time.monotonic()
    until(condition, 10, "the right answer")
    return time.monotonic() - begin


def hypervisor_of(service: Service, certname: str) -> str | None:
    found: str | None = service.answer(certname)["parameters"]["enclume"]["hypervisor"]
    return found


def gone(family: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_a_membership_is_in_the_answer_within_a_second(estate: SmallEstate, service: Service) -> None:
    host, took = MACHINES[0], []
    for how in ("add", "delete") * 5:
        estate.change(service_dn("web"), how, "member", dn_of(host))
        took.append(seconds_until(lambda how=how: ("web" in service.answer(host)["classes"]) == (how == "add")))  # type: ignore[misc]
    assert max(took) < SOON, took


def test_a_guest_that_starts_elsewhere_is_there_within_a_second(estate: SmallEstate, service: Service) -> None:
    with estate.one.connection() as connection:
        uuid = connection.lookupByName("gamma").UUIDString()
    estate.two.define("gamma", uuid)
    took = []
    for old, new, name in [(estate.one, estate.two, HYPERVISORS[1]), (estate.two, estate.one, HYPERVISORS[0])] * 3:
        old.destroy("gamma")
        new.start("gamma")
        took.append(seconds_until(lambda name=name: hypervisor_of(service, GAMMA) == name))  # type: ignore[misc]
    estate.two.undefine("gamma")
    assert max(took) < SOON, took


def test_sigterm_ends_every_process_within_seconds_with_everything_on_disk(
    estate: SmallEstate, service: Service
) -> None:
    assert any("facts.inventory.child" in process.cmdline() for process in service.family)
    estate.replace(dn_of(MACHINES[1]), "puppetVar", "mark=last")
    until(lambda: service.answer(MACHINES[1])["parameters"].get("mark"), 2, "the change")
    before = service.bodies(*NODES)
    assert service.stop() < 5
    estate.slapd.stop()
    try:
        service.start().wait_ready()
        assert service.bodies(*NODES) == before
    finally:
        estate.slapd.start()
        estate.replace(dn_of(MACHINES[1]), "puppetVar")
        until(lambda: "mark" not in service.answer(MACHINES[1])["parameters"], 10, "the change back")


def test_a_worker_that_is_killed_is_replaced_and_its_child_ends(service: Service) -> None:
    before, old = service.bodies(*NODES), service.worker
    children = old.children()
    old.kill()
    until(lambda: gone([old, *children]), 10, "the end of the old ones")
    service.wait_ready()
    # What changed in its last second may not have been on disk.
    until(lambda: service.bodies(*NODES) == before, 10, "every answer as before")
    assert service.worker.pid != old.pid


def test_a_master_that_is_killed_leaves_no_process(service: Service) -> None:
    family = service.family
    service.send(signal.SIGKILL)
    until(lambda: gone(family), 15, "the end of its worker and of the worker's child")
    service.kill()
    service.start().wait_ready()


def test_a_restart_with_every_source_down_serves_at_once_and_says_how_old_it_is(
    estate: SmallEstate, service: Service
) -> None:
    before = service.bodies(*NODES)
    until(lambda: all(source["age"] is not None for source in service.ready["sources"]), 20, "every source to be read")
    estate.slapd.kill()
    for hypervisor in (estate.one, estate.two):
        hypervisor.kill()
    died = time.time()
    until(lambda: all(source["error"] for source in service.ready["sources"]), 15, "every source to fail")
    service.stop()
    try:
        service.start()
        served = seconds_until(lambda: service.status(f"/enc/{GAMMA}") == 200)
        assert service.bodies(*NODES) == before
        assert served < 5, served
        until(lambda: all(source["error"] for source in service.ready["sources"]), 10, "every source to fail again")
        least = int(time.time() - died) - 1
        assert min(service.get(f"/enc/{name}").age for name in NODES) >= least
        ages = {source["target"]: source["age"] for source in service.ready["sources"]}
        assert set(ages) == {*HYPERVISORS, "dc=lab,dc=test"}
        assert all(age is not None and least <= age < 60 for age in ages.values()), ages
        assert service.get("/enc/nobody.lab.test").status in (404, 503)
    finally:
        estate.slapd.start()
        for hypervisor in (estate.one, estate.two):
            hypervisor.restart()
    until(lambda: not any(source["error"] for source in service.ready["sources"]), 30, "every source to come back")
    assert service.bodies(*NODES) == before
    until(lambda: max(service.get(f"/enc/{name}").age for name in NODES) <= 1, 10, "young answers")
