"""Reports of real agents of every kind, through a Puppet Server that the manual connected, into the history.

One story is played once, in three rounds of runs at the same time, and a run while the service is away; then each test
looks at it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct

from tests.live.puppet import PuppetServer, Run
from tests.live.reporting import PATIENCE, SECRET, Platform, Ran, platform, uuid_of
from tests.waiting import until

BY_HAND = "changed by hand\n"


class Story(Struct, frozen=True):
    """What ran in the three rounds, by host; what was in the spool during the last; and a run of `missed` that the
    service missed.
    """

    platform: Platform
    rounds: tuple[Mapping[str, Ran], ...]
    spooled: tuple[bytes, ...]
    missed: Run

    def of(self, name: str) -> list[Ran]:
        """The runs of a host."""
        return [ran[name] for ran in self.rounds if name in ran]

    def whole(self, ran: Ran) -> Any:
        """All that is kept of a run, as `enclume runs show --json` tells it."""
        return self.platform.command("runs", "show", ran.uuid, "--json").json


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, puppet_server: PuppetServer) -> Iterator[Story]:
    with platform(tmp_path_factory.mktemp("reports"), puppet_server) as made:
        made.agent("broken", usecacheonfailure="false")
        first = made.ran(
            drifts={}, fails={}, broken={"wrong": "catalog"}, noop=("--noop",), cached={}, missed={}
        )  # fmt: skip
        one, two = made.hypervisors
        one.migrate("drifts", two)
        until(lambda: made.hypervisor("drifts") == "coquille2.lab.test", what="the guest's new place")
        second = made.ran(drifts={}, fails={}, broken={}, noop={}, cached={"wrong": "catalog"})
        (made.agents["drifts"].root / "motd").write_text(BY_HAND)
        (made.agents["drifts"].root / "motd").chmod(0o666)
        (made.agents["fails"].root / "parcel").write_text("parcel\n")
        last: dict[str, Mapping[str, str]] = {"drifts": {}, "fails": {}, "cached": {"step": "2"}}
        with made.intake_locked_out() as spool:
            runs = made.run_all(**last)
            spooled = tuple(path.read_bytes() for path in spool.glob("*.report"))
        third = {name: made.arrived(name, run) for name, run in runs.items()}
        made.enclume.stop()
        missed = made.run_all(missed={"step": "3"})["missed"]
        made.enclume.start().wait_ready(PATIENCE)
        yield Story(made, (first, second, third), spooled, missed)


def statuses(story: Story, name: str) -> list[str]:
    return [ran.told["status"] for ran in story.of(name)]


def test_a_run_that_changed_something_and_one_that_did_not(story: Story) -> None:
    first, second, _ = story.of("drifts")
    assert [ran.agent.exit_code for ran in (first, second)] == [2, 0], first.agent.output
    assert (first.told["status"], first.told["changed"], first.told["environment"]) == ("changed", 2, "reporting")
    assert (second.told["status"], second.told["changed"]) == ("unchanged", 0)
    assert first.verdicts == second.verdicts == {"run"}
    assert (first.metric("run_status changed"), first.metric("run_status unchanged")) == (1, None)
    assert (second.metric("run_status changed"), second.metric("run_status unchanged")) == (None, 1)


def test_every_run_has_the_counts_that_the_agent_counted(story: Story) -> None:
    """last_run_summary.yaml against the report's metrics: all of them, but of a run in which nothing happened."""
    every = [ran for runs in story.rounds for ran in runs.values()]
    assert len(every) == 14
    for ran in every:
        whole, summary = story.whole(ran), ran.agent.summary
        told = {name: ran.told[name] for name in ("total", "changed", "failed")}
        assert told == {name: summary["resources"].get(name, 0) for name in told}
        assert whole["configuration_version"] == str(summary["version"]["config"] or "")
        assert whole["puppet_version"] == summary["version"]["puppet"]
        if not whole["counts"]:
            assert (told["changed"], told["failed"], ran.told["cached_catalog"]) == (0, 0, "not_used")
            continue
        assert whole["counts"] == summary["resources"], ran.agent.output
        times = {name: value for name, value in summary["time"].items() if name != "last_run"}
        assert whole["times"] == pytest.approx(times, abs=1e-4)


def test_what_was_changed_by_hand_is_drift_with_its_values(story: Story) -> None:
    *before, corrected = story.of("drifts")
    assert corrected.agent.exit_code == 2
    assert [ran.told["corrective"] for ran in (*before, corrected)] == [False, False, True]
    drift = story.platform.command("runs", "drift", "--json")
    assert drift.status == 1
    every = [(one["certname"], one["resource"], one["property"]) for one in drift.json["drift"]]
    assert sorted(every) == [
        ("drifts.runs.test", "File[motd]", "content"),
        ("drifts.runs.test", "File[motd]", "mode"),
        # Puppet says this of an exec that failed before, and succeeded now.
        ("fails.runs.test", "Exec[unpack]", "returns"),
    ]
    found = {one["property"]: one for one in drift.json["drift"]}
    mode = found["mode"]
    assert (mode["certname"], mode["resource"], mode["times"]) == ("drifts.runs.test", "File[motd]", 1)
    assert (mode["previous"], mode["desired"], mode["uuid"]) == ("0666", "0640", corrected.uuid)
    assert re.fullmatch(r"\{sha256\}[0-9a-f]{64}", found["content"]["previous"])
    assert found["content"]["previous"] != found["content"]["desired"]
    told = story.platform.command("runs", "drift").out
    assert "File[motd] on drifts.runs.test: 1 time" in told
    assert corrected.verdicts == {"run"}


def test_each_event_has_its_old_and_new_values_and_where_it_was_declared(story: Story) -> None:
    whole = story.whole(story.of("drifts")[0])
    (event,) = [one for one in whole["events"] if one["resource"] == "File[motd]"]
    assert (event["property"], event["previous"], event["desired"]) == ("ensure", "absent", "file")
    assert event["status"] == "success"
    assert event["file"].endswith("/environments/reporting/manifests/site.pp")
    assert event["line"] > 0
    assert not event["corrective"]


def test_a_resource_that_fails_is_told_until_it_is_mended(story: Story) -> None:
    first, second, third = story.of("fails")
    assert [ran.agent.exit_code for ran in (first, second, third)] == [6, 4, 2], first.agent.output
    assert statuses(story, "fails") == ["failed", "failed", "changed"]
    assert [ran.verdicts for ran in (first, second, third)] == [{"run_failed"}, {"run_failed"}, {"run"}]
    assert [ran.metric("run_status failed") for ran in (first, second, third)] == [1, 1, None]
    assert second.metric("last_success_timestamp_seconds") == 0
    assert third.metric("last_success_timestamp_seconds") == third.told["ended"]
    failing = story.platform.command("runs", "failing", "--host", "fails.runs.test", "--json").json["failing"]
    (unpack,) = [one for one in failing if one["resource"] == "Exec[unpack]"]
    assert (unpack["times"], unpack["since"], unpack["still"]) == (2, first.told["ended"], False)
    assert (unpack["last"], unpack["uuid"]) == (second.told["ended"], second.uuid)
    assert "/usr/bin/mv" in unpack["message"]
    skipped = [one["resource"] for one in story.whole(first)["failed"] if one["skipped"]]
    assert skipped == ["File[unpacked]"]


def test_a_node_without_a_catalog_has_failed_until_it_gets_one(story: Story) -> None:
    first, second = story.of("broken")
    assert (first.agent.exit_code, second.agent.exit_code) == (1, 2), (first.agent.output, second.agent.output)
    assert statuses(story, "broken") == ["failed", "changed"]
    assert (first.told["total"], first.told["cached_catalog"]) == (0, "not_used")
    assert [ran.verdicts for ran in (first, second)] == [{"run_failed"}, {"run"}]
    (failing,) = story.platform.get("/runs/failing?host=broken.runs.test")["failing"]
    assert (failing["resource"], failing["times"], failing["still"]) == ("", 1, False)
    assert "there is no broken.runs.test in the plan" in failing["message"]


def test_a_run_in_noop_says_what_it_would_have_done(story: Story) -> None:
    noop, real = story.of("noop")
    assert (noop.told["status"], noop.told["noop"], noop.told["changed"]) == ("unchanged", True, 0)
    assert (real.told["status"], real.told["noop"]) == ("changed", False)
    assert [ran.verdicts for ran in (noop, real)] == [{"run_noop"}, {"run"}]
    whole = story.whole(noop)
    assert whole["noop_pending"]
    events = [(one["resource"], one["status"]) for one in whole["events"]]
    assert sorted(events) == [("File[motd]", "noop"), ("File[password]", "noop")]
    changes = story.platform.command("runs", "changes", "--host", "noop.runs.test", "--noop", "--json").json
    assert {one["uuid"] for one in changes["changes"]} == {noop.uuid}


def test_a_run_on_the_cached_catalog_is_told_as_one(story: Story) -> None:
    first, cached, third = story.of("cached")
    assert "Using cached catalog" in cached.agent.output
    assert [ran.told["cached_catalog"] for ran in (first, cached, third)] == ["not_used", "on_failure", "not_used"]
    assert (cached.told["status"], cached.told["total"]) == ("unchanged", first.told["total"])
    assert [ran.verdicts for ran in (first, cached, third)] == [{"run"}, {"run_cached"}, {"run"}]
    assert [ran.metric("cached_catalog") for ran in (first, cached, third)] == [None, 1, None]


def test_a_run_stays_where_its_guest_was_then(story: Story) -> None:
    places = [(ran.told["site"], ran.told["hypervisor"]) for ran in story.of("drifts")]
    one, two = "coquille1.lab.test", "coquille2.lab.test"
    assert places == [("larema", one), ("larema", two), ("larema", two)]
    told = story.platform.command("runs", "by", "hypervisor", "--host", "drifts.runs.test", "--json").json["places"]
    assert {place["name"]: (place["runs"], place["corrective"]) for place in told} == {one: (1, 0), two: (2, 1)}


def test_the_spool_holds_whole_reports_and_then_nothing(story: Story) -> None:
    assert len(story.spooled) == 3
    for ran in story.rounds[2].values():
        (body,) = [body for body in story.spooled if ran.uuid.encode() in body]
        assert b"!ruby/object:Puppet::Transaction::Report" in body
        assert b'"larema"' in body.partition(b"\n")[0]
    assert story.platform.has_empty_spool()
    assert not (story.platform.enclume.folder / "state/spool/rejected").exists()


def test_what_is_sensitive_is_nowhere(story: Story) -> None:
    """Though it was written, replaced, and part of a command that failed."""
    secret = SECRET.encode()
    assert story.platform.agents["cached"].text("password") == f"{SECRET}-2\n"
    (event,) = [one for one in story.whole(story.of("cached")[2])["events"] if one["resource"] == "File[password]"]
    assert event["redacted"]
    assert (event["previous"], event["desired"]) == ("[redacted]", "[redacted]")
    failed = [one["resource"] for one in story.whole(story.of("fails")[0])["failed"] if one["failed"]]
    assert "Exec[log in]" in failed
    assert all(secret not in body for body in story.spooled)
    files = [path for path in story.platform.enclume.folder.rglob("*") if path.is_file()]
    assert any(path.name == "history.sqlite" for path in files)
    assert [path for path in files if secret in path.read_bytes()] == []
    asked = ("/runs", "/runs/last", "/runs/changes", "/runs/failing", "/runs/drift", "/runs/slow", "/verdicts")
    each = tuple(f"/runs/{ran.uuid}" for runs in story.rounds for ran in runs.values())
    assert [path for path in (*asked, *each) if secret in story.platform.enclume.get(path)[1]] == []


def test_a_report_that_was_missed_is_brought_from_the_servers_folder(story: Story) -> None:
    """The Puppet Server keeps one report of a node a minute, those of other tests' nodes, too. None is kept twice."""
    made, missed = story.platform, uuid_of(story.missed)
    assert story.missed.exit_code == 2, story.missed.output
    assert "Report processor failed" in made.puppet.log
    known = {one["uuid"]: one for one in made.get("/runs?limit=1000")["runs"]}
    kept = made.stored()
    assert missed in kept - known.keys()
    command = ("runs", "import", str(made.puppet.folder / "reports"), "--rate", "1000", "--json")
    for _ in range(2):
        done = made.command(*command)
        assert (done.status, done.json["bad"]) == (0, 0)
        assert done.json["files"] == done.json["sent"] + done.json["known"] == len(kept)
        brought = made.arrived("missed", story.missed)
        assert (brought.told["status"], brought.told["site"], brought.told["hypervisor"]) == ("changed", "", "")
        assert brought.verdicts == {"run"}
        until(made.has_empty_spool, PATIENCE, "an empty spool")
        runs = made.get("/runs?limit=1000")["runs"]
        assert sorted(one["uuid"] for one in runs) == sorted(known.keys() | kept)
        assert {one["uuid"]: one for one in runs if one["uuid"] in known} == known
