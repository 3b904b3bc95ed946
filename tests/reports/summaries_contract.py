"""What the history says of many runs at once, which every database says in the same way."""

from typing import Any

from msgspec import structs

from reports.questions.drifted import drifted
from reports.questions.places import at_places
from reports.questions.slow import slow
from reports.report import Resource
from tests.reports.asking import Past
from tests.reports.past import (
    ANGERS,
    BOOM,
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
    took,
    uuid_of,
    wanted,
)


class SummariesContract:
    """Tests of a fixture `past`, an empty `Past`."""

    def test_drift_is_told_with_how_often_and_what_was_found(self, past: Past) -> None:
        drift: Any = {"property": "content", "previous": "hello", "desired": "bye"}
        past.had(*(ran(WEB, n * HOUR, "", changed(MOTD, corrective=True, **drift), place=LILLE) for n in range(3)))
        past.had(ran(WEB, 3 * HOUR, "", changed(MOTD)), ran(MAIL, 0, "", changed("User[x]", corrective=True)))
        told = past.ask(drifted, wanted()).drift
        assert [(one.certname, one.resource, one.property, one.times) for one in told] == [
            (WEB, MOTD, "content", 3),
            (MAIL, "User[x]", "ensure", 1),
        ]
        assert (told[0].first, told[0].last) == (NOW - 2 * HOUR, NOW)
        assert (told[0].previous, told[0].desired, told[0].site, told[0].line) == ("hello", "bye", "lille", 7)
        assert names(past.ask(drifted, wanted(sites=("lille",))).drift) == [WEB]
        assert names(past.ask(drifted, wanted(resource="User[x]")).drift) == [MAIL]
        assert past.ask(drifted, wanted(limit=1)).more is True

    def test_what_puppet_changed_for_the_first_time_is_no_drift(self, past: Past) -> None:
        new, back = (changed(MOTD, corrective=corrective).events for corrective in (False, True))
        both = Resource(
            name=MOTD, changed=True, corrective=True, events=(*new, structs.replace(back[0], property="mode"))
        )
        past.had(ran(WEB, 0, "", both))
        assert [one.property for one in past.ask(drifted, wanted()).drift] == ["mode"]

    def test_a_correction_that_failed_is_no_drift_and_one_in_noop_is(self, past: Past) -> None:
        broken, (event,) = failed(BOOM), failed(BOOM).events
        for ago, status in ((0, "failure"), (HOUR, "noop")):
            events: Any = (structs.replace(event, corrective=True, status=status),)
            past.had(ran(WEB, ago, "", structs.replace(broken, corrective=True, events=events)))
        (told,) = past.ask(drifted, wanted()).drift
        assert (told.times, told.last) == (1, NOW - HOUR)

    def test_the_slowest_resources_are_told_by_their_median(self, past: Past) -> None:
        apt, yum = "Exec[apt]", "Exec[yum]"
        for number, seconds in enumerate((10.0, 20.0, 90.0)):
            past.had(ran(WEB, number * HOUR, "", took(apt, seconds)))
        past.had(ran(MAIL, 0, "", took(yum, 30.0)), ran(MAIL, HOUR, "", took(yum, 40.0)))
        told = past.ask(slow, wanted()).slow
        assert [(one.resource, one.median, one.worst, one.runs, one.nodes) for one in told] == [
            (yum, 35.0, 40.0, 2, 1),
            (apt, 20.0, 90.0, 3, 1),
        ]
        assert (told[1].worst_certname, told[1].worst_uuid, told[1].certname) == (WEB, uuid_of(WEB, 2 * HOUR), "")

    def test_slow_resources_are_told_over_all_nodes_or_node_by_node(self, past: Past) -> None:
        past.had(ran(WEB, 0, "", took(BOOM, 50.0), place=ANGERS), ran(MAIL, 0, "", took(BOOM, 10.0), place=LILLE))
        (both,) = past.ask(slow, wanted()).slow
        assert (both.median, both.nodes, both.worst_certname) == (30.0, 2, WEB)
        told = past.ask(slow, wanted(by="node")).slow
        assert [(one.certname, one.median, one.worst_certname) for one in told] == [(WEB, 50, WEB), (MAIL, 10, MAIL)]
        (there,) = past.ask(slow, wanted(sites=("lille",))).slow
        assert (there.median, there.worst_certname) == (10.0, MAIL)

    def test_the_slowest_run_that_is_told_is_one_that_was_asked_for(self, past: Past) -> None:
        past.had(*(ran(name, HOUR, "", took(BOOM, 10.0), place=ANGERS) for name in (WEB, MAIL, "a.lab.test")))
        past.had(ran(DB, 0, "", took(BOOM, 10.0), place=LILLE))
        (told,) = past.ask(slow, wanted(sites=("lille",))).slow
        assert (told.worst_certname, told.worst_uuid) == (DB, uuid_of(DB, 0))

    def test_runs_are_counted_where_the_nodes_were_at_the_time(self, past: Past) -> None:
        past.had(
            ran(WEB, HOUR, "", failed(BOOM), place=ANGERS),
            ran(WEB, 0, "", changed(MOTD, corrective=True), place=LILLE),
            ran(MAIL, 0, place=ANGERS, started=NOW - 90),
            ran(DB, 0),
        )
        told = past.ask(at_places, wanted(), "site").places
        assert [(one.name, one.runs, one.nodes) for one in told] == [("", 1, 1), ("angers", 2, 2), ("lille", 1, 1)]
        angers, lille = told[1:]
        assert (angers.failed, angers.changed, angers.unchanged, angers.mean, angers.worst) == (1, 0, 1, 60.0, 90.0)
        assert (lille.changed, lille.corrective) == (1, 1)
        by = past.ask(at_places, wanted(hosts=(WEB,)), "hypervisor").places
        assert [(one.name, one.runs) for one in by] == [(HV1, 1), (HV2, 1)]
