"""All verdicts: judged once, again where something changed or time ran out; no fault of one check spoils another."""

import threading
from collections.abc import Iterator
from functools import partial
from math import inf

import pytest

from audit import all as engine
from audit.all import Audited
from audit.auditor import Auditor
from audit.picture import Picture
from audit.situation import Situation
from audit.verdict import Judged, Measure, Verdict, lateness, worst
from audit.view import Group, View
from settings.thresholds import Thresholds
from tests.audit.situations import NOON, Scene
from tests.factories import domain, guest, host_dn, kvm, site
from tests.waiting import until

WEB, MAIL = "web.lab.test", "mail.lab.test"


def verdict(subject: str, status: str = "ok", sentence: str = "") -> Verdict:
    return Verdict(check="data", code="x", subject=subject, site="", status=status, sentence=sentence)  # type: ignore[arg-type]


class Judge:
    """A host audit that remembers whom it judged; its verdicts hold for `seconds`."""

    def __init__(self, seconds: float = inf) -> None:
        self.seconds, self.judged = seconds, list[str]()

    def __call__(self, picture: Picture, _thresholds: Thresholds, at: float) -> Judged:
        self.judged.append(picture.name)
        return Judged((verdict(picture.name),), at + self.seconds)


@pytest.fixture
def scene() -> Scene:
    scene = Scene(
        site("angers"),
        kvm("kvm1.lab.test", "angers"),
        *(guest(name, enclumeProduction=host_dn("kvm1.lab.test")) for name in (WEB, MAIL)),
    )
    scene.see("kvm1.lab.test", domain("web"), domain("mail"))
    return scene


def judge_with(monkeypatch: pytest.MonkeyPatch, judge: Judge) -> Judge:
    monkeypatch.setattr(engine, "HOST_AUDITS", {"data": judge})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {})
    return judge


def test_only_a_host_that_changed_is_judged_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_with(monkeypatch, Judge())
    assert len(list(scene.audit().verdicts())) == 3
    judge.judged.clear()
    scene.at += 1000
    scene.audit()
    assert judge.judged == []
    scene.see("kvm1.lab.test", domain("web", "shutoff", "shutdown"), domain("mail"))
    scene.audit()
    assert judge.judged == [WEB]


def test_a_verdict_whose_time_ran_out_is_made_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_with(monkeypatch, Judge(seconds=60))
    scene.audit()
    judge.judged.clear()
    scene.at += 59
    scene.audit()
    assert judge.judged == []
    scene.at += 2
    scene.audit()
    assert sorted(judge.judged) == ["kvm1.lab.test", MAIL, WEB]


def test_a_host_that_is_gone_takes_its_verdicts_along(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    judge_with(monkeypatch, Judge())
    scene.audit()
    scene.drop(host_dn(MAIL))
    assert {one.subject for one in scene.audit().verdicts()} == {WEB, "kvm1.lab.test"}


def test_a_group_is_judged_again_when_its_inputs_change(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []

    def groups(view: View) -> list[Group]:
        def judge() -> Judged:
            judged.append(view.at)
            return Judged((verdict("angers"),))

        return [Group("angers", (len(view.pictures.by_host),), judge)]

    monkeypatch.setattr(engine, "HOST_AUDITS", {})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {"capacity": groups})
    scene.audit()
    scene.at += 1000
    scene.audit()
    assert judged == [NOON]
    scene.drop(host_dn(MAIL))
    scene.audit()
    assert judged == [NOON, NOON + 1000]


def test_a_check_that_fails_is_unknown_and_spoils_no_other(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(picture: Picture, _thresholds: Thresholds, _at: float) -> Judged:
        if picture.name == WEB:
            raise ValueError("no such luck")
        return Judged((verdict(picture.name),))

    monkeypatch.setattr(engine, "HOST_AUDITS", {"data": broken, "placement": Judge()})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {})
    failed = [one for one in scene.audit().verdicts() if one.code == "check_failed"]
    assert [(one.check, one.subject, one.status) for one in failed] == [("data", WEB, "unknown")]
    assert "no such luck" in failed[0].sentence
    assert len(list(scene.audited.verdicts())) == 6


def test_a_check_whose_groups_cannot_be_told_keeps_its_last_verdicts_and_is_unknown_until_they_can(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = False

    def groups(_view: View) -> Iterator[Group]:
        yield Group("angers", (), partial(Judged, (verdict("angers"),)))
        if broken:
            raise ValueError("no such luck")

    monkeypatch.setattr(engine, "HOST_AUDITS", {"placement": Judge()})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {"data": groups})
    scene.audit()
    broken = True
    assert {(one.code, one.subject) for one in scene.audit().verdicts() if one.code == "check_failed"} == {
        ("check_failed", "data")
    }
    assert "angers" in {one.subject for one in scene.audited.verdicts()}
    broken = False
    assert {one.code for one in scene.audit().verdicts()} == {"x"}


def test_a_check_that_failed_is_tried_again_though_nothing_changed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = True

    def moody(picture: Picture, _thresholds: Thresholds, _at: float) -> Judged:
        if fails:
            raise ValueError("no such luck")
        return Judged((verdict(picture.name),))

    monkeypatch.setattr(engine, "HOST_AUDITS", {"data": moody})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {})
    assert {one.code for one in scene.audit().verdicts()} == {"check_failed"}
    fails = False
    scene.at += 61
    assert {one.code for one in scene.audit().verdicts()} == {"x"}


def test_the_auditor_judges_though_preparing_failed(scene: Scene) -> None:
    auditor = Auditor(scene.situation, prepare=list[None]().pop)
    auditor.start()
    try:
        until(lambda: auditor.audited.view is not None, 10, "the first verdicts")
    finally:
        auditor.stop()


def test_the_worst_of_each_check_at_each_site(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def groups(_view: View) -> list[Group]:
        return [Group(status, (), partial(Judged, (verdict("x", status),))) for status in ("ok", "unknown")]

    monkeypatch.setattr(engine, "HOST_AUDITS", {"data": Judge()})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {"data": groups})
    assert scene.audit().worst() == {("", "data"): "unknown"}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), "ok"),
        (("ok", "warning"), "warning"),
        (("warning", "unknown"), "unknown"),
        (("unknown", "critical", "warning"), "critical"),
    ],
)
def test_what_is_unknown_may_be_critical_so_it_is_worse_than_a_warning(
    statuses: tuple[str, ...], expected: str
) -> None:
    assert worst(statuses) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "expected"),
    [(10, ("ok", 100.0)), (100, ("ok", 100.0)), (101, ("warning", 200.0)), (201, ("critical", inf))],
)
def test_lateness_says_when_it_changes(age: float, expected: tuple[str, float]) -> None:
    assert lateness(1000.0, 100.0, 200.0, 1000.0 + age) == (expected[0], expected[1] + (0 if age > 200 else 1000.0))


def test_the_auditor_judges_when_woken_and_by_itself(scene: Scene) -> None:
    looked = threading.Semaphore(0)

    def look() -> Situation:
        looked.release()
        return scene.situation()

    auditor = Auditor(look, every=0.01)
    auditor.start()
    try:
        assert all(looked.acquire(timeout=10) for _ in range(3))
        until(lambda: auditor.audited.view is not None, 10, "the first verdicts")
    finally:
        auditor.stop()


def test_the_auditor_lets_the_builder_go_first(scene: Scene) -> None:
    rests, looked = threading.Event(), threading.Semaphore(0)

    def look() -> Situation:
        looked.release()
        return scene.situation()

    auditor = Auditor(look, builder_rests=rests)
    auditor.start()
    try:
        assert not looked.acquire(timeout=0.3)
        rests.set()
        assert looked.acquire(timeout=10)
    finally:
        rests.set()
        auditor.stop()


def test_a_builder_that_never_rests_does_not_keep_the_verdicts_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.auditor._PATIENCE", 0.05)
    auditor = Auditor(scene.situation, builder_rests=threading.Event())
    auditor.look_round()
    assert auditor.audited.view is not None


def test_an_audit_that_fails_keeps_the_last_verdicts_and_says_so(scene: Scene) -> None:
    auditor = Auditor(scene.situation)
    auditor.look_round()
    before = auditor.audited
    scene.before = None
    auditor._look = lambda: 1 / 0  # type: ignore[assignment, return-value]
    auditor.look_round()
    assert auditor.audited is before
    assert auditor.failed_audits == 1
    assert "ZeroDivisionError" in auditor.problem
    auditor._look = scene.situation
    auditor.look_round()
    assert auditor.problem == ""


def test_nothing_is_judged_before_there_is_an_estate() -> None:
    assert list(Audited().verdicts()) == []
    assert Measure("x", 1).warning is None
