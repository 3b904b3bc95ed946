"""What people ask of the history, which every database answers in the same way."""

from typing import Any

import pytest

from reports.questions.changed import changed as changes
from reports.questions.failing import failing
from reports.questions.last import last
from reports.questions.listed import listed
from reports.questions.places import at_places
from reports.questions.slow import slow
from reports.questions.unseen import unseen
from reports.questions.whole import whole
from reports.report import Event, Resource
from reports.wanted import Wanted
from tests.reports.asking import Past
from tests.reports.past import (
    ANGERS,
    BOOM,
    DAY,
    DB,
    HOUR,
    HV1,
    HV2,
    LILLE,
    MAIL,
    MOTD,
    NOW,
    WEB,
    changed,
    failed,
    names,
    ran,
    uuid_of,
    wanted,
    without_catalog,
)


class QuestionsContract:
    """Tests of a fixture `past`, an empty `Past`."""

    def test_runs_are_told_newest_first_with_where_they_ran(self, past: Past) -> None:
        past.had(ran(WEB, 2 * HOUR, place=ANGERS), ran(WEB, HOUR, "", changed(MOTD), place=LILLE), ran(MAIL, 3 * HOUR))
        runs = past.ask(listed, wanted()).runs
        assert [(one.certname, one.site, one.hypervisor) for one in runs] == [
            (WEB, "lille", HV2),
            (WEB, "angers", HV1),
            (MAIL, "", ""),
        ]
        newest = runs[0]
        assert (newest.uuid, newest.status, newest.seconds, newest.changed) == (
            uuid_of(WEB, HOUR),
            "changed",
            30,
            1,
        )
        assert (newest.ended, newest.received, newest.environment) == (NOW - HOUR, NOW - HOUR + 1, "production")

    def test_runs_are_told_a_page_at_a_time_and_none_is_told_twice(self, past: Past) -> None:
        past.had(*(ran(name, 60.0 * number) for number in range(5) for name in (WEB, MAIL)))
        pages = [past.ask(listed, wanted(limit=3))]
        while pages[-1].next:
            pages.append(past.ask(listed, wanted(limit=3, after=pages[-1].next)))
        told = [run for page in pages for run in page.runs]
        assert [len(page.runs) for page in pages] == [3, 3, 3, 1]
        assert len({one.uuid for one in told}) == len(told) == 10
        assert [one.ended for one in told] == sorted((one.ended for one in told), reverse=True)

    @pytest.mark.parametrize("after", ["10000000-0000-4000-8000-000000000000", "'; DROP TABLE runs; --"])
    def test_a_page_after_a_run_that_is_none_is_told_from(self, past: Past, after: str) -> None:
        past.had(ran(WEB))
        assert past.ask(listed, wanted(after=after)) is None

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"hosts": (WEB,)}, [WEB, WEB]),
            ({"hosts": (WEB, MAIL)}, [WEB, MAIL, WEB]),
            ({"sites": ("angers",)}, [MAIL, WEB]),
            ({"sites": ("",)}, [DB]),
            ({"sites": ("angers", "lille"), "hypervisors": (HV2,)}, [WEB]),
            ({"hypervisors": ("",)}, [DB]),
            ({"statuses": ("failed",)}, [WEB]),
            ({"statuses": ("failed", "changed")}, [WEB, MAIL]),
            ({"statuses": ("unchanged",)}, [WEB, DB]),
            ({"ago": 2.5 * HOUR}, [WEB, MAIL]),
            ({"until": 1.5 * HOUR}, [MAIL, WEB, DB]),
            ({"hosts": ("' OR 1=1 --",)}, []),
        ],
    )
    def test_the_runs_that_are_asked_for_are_told(self, past: Past, filters: Any, expected: list[str]) -> None:
        past.had(
            ran(WEB, HOUR, "", failed(BOOM), place=LILLE),
            ran(MAIL, 2 * HOUR, "", changed(MOTD), place=ANGERS),
            ran(WEB, 3 * HOUR, place=ANGERS),
            ran(DB, 4 * HOUR),
        )
        assert names(past.ask(listed, wanted(**filters)).runs) == expected

    def test_one_run_is_told_whole(self, past: Past) -> None:
        hidden = Event(property="content", status="success", message="changed [redacted]", redacted=True)
        secret = Resource(name="File[/etc/key]", changed=True, events=(hidden,))
        lost = Resource(name="Service[x]", skipped=True)
        times = {"config_retrieval": 1.5, "total": 30.0}
        past.had(ran(WEB, 0, "", changed(MOTD, seconds=2.0), failed(BOOM, "exit 1"), secret, lost, times=times))
        told = past.ask(whole, uuid_of(WEB, 0))
        assert (told.run.certname, told.run.status, told.times) == (WEB, "failed", times)
        assert told.counts["total"] == 100
        assert [(one.resource, one.status, one.message, one.redacted) for one in told.events] == [
            (MOTD, "success", f"{MOTD} created", False),
            (BOOM, "failure", "exit 1", False),
            ("File[/etc/key]", "success", "changed [redacted]", True),
        ]
        assert (told.events[0].previous, told.events[0].desired) == ("absent", "present")
        assert (told.events[0].file, told.events[0].line) == ("site.pp", 7)
        assert [(one.resource, one.failed) for one in told.failed] == [(BOOM, True), ("Service[x]", False)]
        assert [(one.resource, one.seconds) for one in told.slowest][:1] == [(MOTD, 2.0)]

    def test_the_log_of_a_run_is_told_in_order(self, past: Past) -> None:
        past.had(without_catalog(WEB, 0, "no class ::x"))
        told = past.ask(whole, uuid_of(WEB, 0)).logs
        assert [(one.level, one.message, one.source) for one in told] == [
            ("notice", "hello", ""),
            ("err", "no class ::x", "Puppet"),
        ]

    @pytest.mark.parametrize("uuid", ["10000000-0000-4000-8000-000000000000", "x' OR '1'='1", "é" * 300])
    def test_a_run_that_there_is_not_is_none(self, past: Past, uuid: str) -> None:
        past.had(ran(WEB))
        assert past.ask(whole, uuid) is None

    def test_the_last_run_of_each_node_is_told_the_failed_ones_first(self, past: Past) -> None:
        past.had(ran(WEB, HOUR), ran(WEB, 0, "", failed(BOOM)), ran(MAIL, HOUR, "", changed(MOTD)), ran(MAIL, 2 * HOUR))
        past.had(ran(DB, 400 * DAY), ran("a.lab.test", 0))
        told = past.ask(last, wanted(), None)
        assert [(one.certname, one.status) for one in told.runs] == [
            (WEB, "failed"),
            (MAIL, "changed"),
            ("a.lab.test", "unchanged"),
            (DB, "unchanged"),
        ]
        assert told.counts == {"failed": 1, "changed": 1, "unchanged": 2}
        assert [one.last_success for one in told.runs] == [NOW - HOUR, NOW - HOUR, NOW, NOW - 400 * DAY]

    def test_a_node_that_never_succeeded_has_no_last_success(self, past: Past) -> None:
        past.had(without_catalog(WEB, 0))
        assert past.ask(last, wanted(), None).runs[0].last_success is None

    def test_a_report_that_comes_late_is_no_last_run(self, past: Past) -> None:
        past.had(ran(WEB, 0))
        past.had(ran(WEB, HOUR, "", failed(BOOM)))
        assert past.ask(last, wanted(), None).counts == {"unchanged": 1}

    def test_last_runs_of_nodes_that_are_there_no_more_are_told_by_name_alone(self, past: Past) -> None:
        past.had(ran(WEB, 0, "", failed(BOOM)), ran(MAIL, 0))
        told = past.ask(last, wanted(), {MAIL})
        assert (names(told.runs), told.counts, told.gone) == ([MAIL], {"unchanged": 1}, (WEB,))

    def test_last_runs_are_told_a_page_at_a_time(self, past: Past) -> None:
        past.had(*(ran(f"n{number}.lab.test") for number in range(5)), ran(WEB, 0, "", failed(BOOM)))
        first = past.ask(last, wanted(limit=4), None)
        rest = past.ask(last, wanted(limit=4, after=first.next), None)
        assert names((*first.runs, *rest.runs)) == [WEB, *(f"n{number}.lab.test" for number in range(5))]
        assert (first.next, rest.next) == ("n2.lab.test", None)
        assert past.ask(last, wanted(after="nobody.lab.test"), None) is None

    def test_last_runs_of_one_status_or_site_are_told_and_counted_with_the_others(self, past: Past) -> None:
        past.had(ran(WEB, 0, "", failed(BOOM), place=ANGERS), ran(MAIL, place=ANGERS), ran(DB, place=LILLE))
        told = past.ask(last, wanted(sites=("angers",), statuses=("unchanged",)), None)
        assert (names(told.runs), told.counts) == ([MAIL], {"failed": 1, "unchanged": 1})

    def test_what_changed_is_told_newest_first_with_why(self, past: Past) -> None:
        past.had(ran(WEB, HOUR, "", changed(MOTD), changed("User[x]"), place=ANGERS), ran(MAIL, 0, "", changed(MOTD)))
        past.had(ran(DB, 0, "", failed(BOOM)), ran(DB, 2 * DAY, "", changed(MOTD)))
        told = past.ask(changes, wanted(events=("success",)))
        assert [(one.certname, one.resource) for one in told.changes] == [(MAIL, MOTD), (WEB, MOTD), (WEB, "User[x]")]
        one = told.changes[1]
        assert (one.previous, one.desired, one.message) == ("absent", "present", f"{MOTD} created")
        assert (one.site, one.hypervisor, one.file, one.line, told.more) == ("angers", HV1, "site.pp", 7, False)

    def test_changes_of_one_resource_are_told_as_far_as_asked(self, past: Past) -> None:
        past.had(*(ran(WEB, HOUR * number, "", changed(MOTD), changed("User[x]")) for number in range(4)))
        told = past.ask(changes, wanted(resource=MOTD, limit=3))
        assert ([one.resource for one in told.changes], told.more) == ([MOTD] * 3, True)

    def test_what_fails_again_and_again_is_told_with_since_when(self, past: Past) -> None:
        past.had(
            ran(WEB, 6 * HOUR, "", failed(BOOM, "exit 1")),
            ran(WEB, 5 * HOUR),
            *(ran(WEB, number * HOUR, "", failed(BOOM, f"exit {number}"), place=ANGERS) for number in range(4)),
        )
        (told,) = past.ask(failing, wanted()).failing
        assert (told.certname, told.resource, told.times, told.still) == (WEB, BOOM, 5, True)
        assert (told.first, told.since, told.last) == (NOW - 6 * HOUR, NOW - 3 * HOUR, NOW)
        assert (told.message, told.file, told.line, told.site) == ("exit 0", "site.pp", 9, "angers")
        assert told.uuid == uuid_of(WEB, 0)

    def test_what_fails_no_more_is_told_last(self, past: Past) -> None:
        past.had(*(ran(WEB, number * HOUR, "", failed(BOOM)) for number in (1, 2, 3)), ran(WEB, 0))
        past.had(ran(MAIL, 0, "", failed(MOTD)))
        told = past.ask(failing, wanted()).failing
        assert [(one.certname, one.still, one.times) for one in told] == [(MAIL, True, 1), (WEB, False, 3)]

    def test_nodes_that_get_no_catalog_fail_without_a_resource(self, past: Past) -> None:
        past.had(without_catalog(WEB, HOUR, "first"), without_catalog(WEB, 0, "no class ::x"))
        (told,) = past.ask(failing, wanted()).failing
        assert (told.resource, told.times, told.still, told.message) == ("", 2, True, "no class ::x")
        assert (told.since, told.uuid) == (NOW - HOUR, uuid_of(WEB, 0))

    def test_a_run_whose_restart_failed_is_told_by_its_resource_alone(self, past: Past) -> None:
        past.had(ran(WEB, 0, "failed", failed("Service[x]"), counts={"total": 9, "failed": 0, "failed_to_restart": 1}))
        assert [one.resource for one in past.ask(failing, wanted()).failing] == ["Service[x]"]

    def test_failures_are_told_of_the_period_the_place_and_the_resource_that_are_asked_for(self, past: Past) -> None:
        past.had(ran(WEB, 0, "", failed(BOOM), failed(MOTD), place=ANGERS), ran(MAIL, 2 * DAY, "", failed(BOOM)))
        past.had(without_catalog(DB, 0))
        assert names(past.ask(failing, wanted(2.5 * DAY)).failing) == [DB, WEB, WEB, MAIL]
        assert names(past.ask(failing, wanted(resource=BOOM)).failing) == [WEB]
        assert names(past.ask(failing, wanted(sites=("angers",))).failing) == [WEB, WEB]
        assert names(past.ask(failing, wanted(hosts=(DB,))).failing) == [DB]
        assert past.ask(failing, wanted(limit=2)).more is True

    def test_nodes_that_were_not_seen_are_told_those_that_never_ran_first(self, past: Past) -> None:
        past.had(ran(WEB, 2 * HOUR, "", failed(BOOM)), ran(MAIL, 0), ran("gone.lab.test", DAY))
        expected = {WEB: ANGERS, MAIL: ANGERS, DB: LILLE}
        told = past.ask(unseen, expected, NOW - HOUR, 10).unseen
        assert [(one.certname, one.site, one.last, one.status) for one in told] == [
            (DB, "lille", None, None),
            (WEB, "angers", NOW - 2 * HOUR, "failed"),
        ]
        assert past.ask(unseen, expected, NOW - HOUR, 1).more is True

    def test_an_empty_history_answers_with_nothing(self, past: Past) -> None:
        what: Wanted = wanted()
        assert past.ask(listed, what).runs == ()
        assert past.ask(failing, what).failing == ()
        assert past.ask(slow, what).slow == ()
        assert past.ask(at_places, what, "site").places == ()
        assert past.ask(last, what, None).runs == ()
