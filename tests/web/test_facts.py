"""PUT /facts/CERTNAME: durable before it is acknowledged, used within moments, and never worse for a bad one."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import Runtime, create_app
from facts.facter.document import LARGEST
from tests.web.serving import Service, service

WEB, MAIL = "web.lab.test", "mail.lab.test"
RULES = """\
- name: Debian's guests
  when: {facts.os.family: Debian}
  classes: [debian]
- name: others
  when: {not: {facts.os.family: Debian}}
  classes: [other]
"""
DEBIAN, REDHAT = {"os": {"family": "Debian"}}, {"os": {"family": "RedHat"}}


def rules(folder: Path, text: str = RULES) -> str:
    path = folder / "rules.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, rules=rules(tmp_path)) as served:
        served.wait_for(WEB)
        yield served


def put(served: Service, body: Any, certname: str = WEB) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return served.client.put(f"/facts/{certname}", data=data)


def classes(served: Service, certname: str = WEB) -> set[str]:
    return set(served.get(f"/enc/{certname}").json["classes"]) & {"debian", "other"}


def at(year: int) -> str:
    return f"{year}-01-01T00:00:00.000000001+00:00"


def test_facts_change_what_rules_give(served: Service) -> None:
    assert classes(served) == {"other"}
    response = put(served, DEBIAN)
    assert (response.status_code, response.data) == (204, b"")
    served.until(lambda: classes(served) == {"debian"}, "the rule to hold")
    assert put(served, {"name": WEB, "values": REDHAT}).status_code == 204
    served.until(lambda: classes(served) == {"other"}, "the rule to hold no more")
    assert classes(served, MAIL) == {"other"}


def test_facts_that_no_rule_names_build_nothing(served: Service) -> None:
    put(served, DEBIAN)
    served.until(lambda: classes(served) == {"debian"}, "the rule to hold")
    estate = served.runtime.now.estate
    put(served, DEBIAN | {"uptime": 5})
    assert served.runtime.facts.sets() is served.runtime.facts.sets()
    assert served.runtime.now.estate is estate


def test_older_facts_than_those_that_are_known_are_passed_over(served: Service) -> None:
    put(served, {"name": WEB, "values": DEBIAN, "timestamp": at(2024)})
    assert put(served, {"name": WEB, "values": REDHAT, "timestamp": at(2023)}).status_code == 204
    assert served.runtime.facts.sets().facts[WEB] == DEBIAN


def test_few_threads_take_facts_so_that_a_disk_that_hangs_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, here = threading.Event(), threading.Event()

    def hanging(*_: Any, **__: Any) -> None:
        here.set()
        goes_on.wait(20)

    with service(tmp_path, limits={"threads": 15}) as served:
        served.wait_for(WEB)
        served.until(lambda: served.runtime.delivered.restored, "the disk")
        monkeypatch.setattr(served.runtime.delivered, "take", hanging)
        waiting = threading.Thread(target=put, args=(served, DEBIAN))
        waiting.start()
        try:
            assert here.wait(20)
            refused = put(served, DEBIAN, MAIL)
            assert (refused.status_code, "deliver them again" in refused.json["error"]) == (503, True)
        finally:
            goes_on.set()
            waiting.join()
        assert put(served, DEBIAN, MAIL).status_code == 204


def test_why_says_how_old_the_facts_are(served: Service) -> None:
    assert served.get(f"/enc/{WEB}/why").json["enclume"]["facts_told"] is None
    put(served, {"name": WEB, "values": DEBIAN, "timestamp": at(2024)})
    served.until(lambda: classes(served) == {"debian"}, "the rule to hold")
    joined = served.get(f"/enc/{WEB}/why").json["enclume"]
    assert joined["facts"] == {"os.family": "Debian"}
    assert joined["facts_told"]["by"] == "PUT /facts"
    assert int(joined["facts_told"]["at"]) == 1704067200
    assert joined["facts_told"]["age"] > 86400


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "no JSON"),
        (b"[]", 400, "expected an object"),
        (b"[" * 100_000, 400, "nested too deeply"),
        ({"name": MAIL, "values": REDHAT}, 400, f"the facts of '{MAIL}', not of {WEB}"),
        (b'{"os": {"family": "Deb', 400, "no JSON (Input data was truncated)"),
        (gzip.compress(b"{}"), 400, "no JSON"),
        (b'{"os": "\\ud800"}', 400, "no JSON"),
        (b'{"os": ' + b"9" * 10**6 + b"}", 400, "out of range"),
        (b'{"os": [' + b"{}," * 10**5 + b"{}]}", 400, "too many values"),
        (b" " * (LARGEST + 1), 413, f"expected at most {LARGEST}"),
    ],
)
def test_what_are_no_facts_is_refused_and_the_last_good_ones_stay(
    served: Service, body: Any, status: int, says: str
) -> None:
    put(served, DEBIAN)
    response = put(served, body)
    assert response.status_code == status
    assert says in response.json["error"]
    assert served.runtime.facts.sets().facts[WEB] == DEBIAN


def test_a_name_that_is_none_is_refused(served: Service) -> None:
    assert put(served, DEBIAN, "Web").status_code == 400


def test_a_host_that_is_not_in_the_directory_is_refused(served: Service, tmp_path: Path) -> None:
    response = put(served, DEBIAN, "who.lab.test")
    assert response.status_code == 403
    assert "not in the directory" in response.json["error"]
    assert not list((tmp_path / "facts").glob("*who*"))


def test_while_another_instance_holds_the_state_folder_nothing_is_taken(served: Service, tmp_path: Path) -> None:
    put(served, DEBIAN)
    served.until((tmp_path / "generation").exists, "the generation on disk")
    beside = Runtime(served.runtime.settings, served.directory, served.runtime.inventory)
    beside.builder.start()
    try:
        beside.builder.now = served.runtime.now
        response = create_app(beside).test_client().put(f"/facts/{WEB}", data=json.dumps(REDHAT))
        assert response.status_code == 503
        assert b"another instance" in response.data
    finally:
        beside.builder.stop()


def test_before_what_is_on_disk_was_read_nothing_is_taken(served: Service) -> None:
    served.runtime.delivered.restored = False
    assert put(served, DEBIAN).status_code == 503
    served.runtime.delivered.restore()
    assert put(served, DEBIAN).status_code == 204


def test_a_disk_that_takes_nothing_is_said_and_the_last_good_facts_stay(served: Service, tmp_path: Path) -> None:
    put(served, DEBIAN)
    (tmp_path / "facts").rename(tmp_path / "away")
    (tmp_path / "facts").write_text("in the way")
    response = put(served, REDHAT)
    assert response.status_code == 507
    assert "cannot be written" in response.json["error"]
    assert served.runtime.facts.sets().facts[WEB] == DEBIAN


def test_a_restart_has_what_was_delivered_and_never_builds_without_it(tmp_path: Path) -> None:
    with service(tmp_path, rules=rules(tmp_path)) as served:
        put(served, DEBIAN | {"virtual": "kvm", "large": "x" * 10_000})
        served.until(lambda: classes(served) == {"debian"}, "the rule to hold")
        number = served.runtime.now.generation.number
    with service(tmp_path, rules=str(tmp_path / "rules.yaml")) as served:
        served.until(lambda: served.runtime.now.estate, "the first estate")
        assert classes(served) == {"debian"}
        assert served.runtime.now.generation.number == number
    other = rules(tmp_path, "- {name: kvm, when: {facts.virtual: kvm}, classes: [other]}")
    with service(tmp_path, rules=other) as served:
        served.until(lambda: classes(served) == {"other"}, "a fact that no rule named before")


def test_what_was_delivered_is_there_whatever_happens_next(served: Service, tmp_path: Path) -> None:
    """It stands in its file when the answer comes: nothing is written at the end."""
    put(served, DEBIAN)
    (file,) = (tmp_path / "facts").iterdir()
    assert b'{"os":{"family":"Debian"}}' in file.read_bytes()


def test_a_file_that_makes_no_sense_is_set_aside_and_said(tmp_path: Path) -> None:
    with service(tmp_path, rules=rules(tmp_path)) as served:
        put(served, DEBIAN)
    (file,) = (tmp_path / "facts").iterdir()
    file.write_bytes(b"nonsense\n")
    with service(tmp_path, rules=str(tmp_path / "rules.yaml")) as served:
        served.wait_for(WEB)
        served.until(lambda: "set aside" in " ".join(served.runtime.delivered.problems), "the sentence")
        served.until(lambda: put(served, DEBIAN).status_code == 204, "the directory")
        served.until(lambda: classes(served) == {"debian"}, "the rule to hold")


def test_a_cache_that_cannot_be_read_at_the_start_is_told_and_holds_up_nothing(tmp_path: Path) -> None:
    with service(tmp_path, rules=rules(tmp_path), facts=[str(tmp_path / "none")]) as served:
        served.wait_for(WEB)
        served.until(
            lambda: any(
                one.code == "source_late" for one in served.runtime.audited.verdicts() if "none" in one.subject
            ),
            "the verdict",
        )
