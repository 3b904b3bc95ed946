"""A state folder that is full, not ours or shared; and sudden ends while it is written to."""

import random
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.live.service.disk import fill, tiny_disk
from tests.live.service.estate import MACHINES, NODES, SmallEstate, dn_of
from tests.live.service.kept import FILES, answered, is_whole
from tests.live.service.running import Service
from tests.waiting import free_port, until


@pytest.fixture(scope="module")
def bodies(service: Service) -> Mapping[str, bytes]:
    return service.bodies(*NODES)


def until_said(service: Service, problem: str) -> None:
    """Wait until this is among what the service says is wrong."""
    until(lambda: any(problem in one for one in service.ready["problems"]), 10, f"the problem {problem!r}")


def test_a_second_instance_on_one_state_folder_says_so_and_takes_over(
    estate: SmallEstate, service: Service, bodies: Mapping[str, bytes]
) -> None:
    until(lambda: all((service.state / name).exists() for name in FILES if name != "times"), 20, "every file")
    second = Service({**service.settings, "listen": f"127.0.0.1:{free_port()}"})
    second.port = int(str(second.settings["listen"]).rpartition(":")[2])
    second.write(state=str(service.state))
    with second:
        until_said(second, f"another instance holds {service.state}/lock")
        until(lambda: "another instance holds" in second.log, 20, "the warning")
        assert answered(second) == bodies
        estate.replace(dn_of(MACHINES[0]), "puppetVar", "mark=1")
        until(lambda: service.answer(MACHINES[0])["parameters"].get("mark"), 3, "the first one's new answer")
        assert answered(second) == bodies
        assert not service.ready["problems"] or "another" not in str(service.ready["problems"])
        service.kill()
        until(lambda: not second.ready["problems"], 10, "the second to take over")
        until(lambda: second.answer(MACHINES[0])["parameters"].get("mark"), 5, "the new answer")
        estate.replace(dn_of(MACHINES[0]), "puppetVar")
        until(lambda: answered(second) == bodies, 5, "the change back")
    service.start().wait_ready()
    until(lambda: answered(service) == bodies, 10, "the first again")


def test_sudden_ends_while_it_writes_leave_every_file_whole(
    estate: SmallEstate, service: Service, bodies: Mapping[str, bytes]
) -> None:
    """Twenty times, at random instants and while a file is half written; the answers are large, so that it lasts."""
    blob = "x" * 60_000
    for name in NODES:
        estate.replace(dn_of(name), "puppetVar", f"blob={blob}")
    until(lambda: all(len(body) > 60_000 for body in answered(service).values()), 10, "large answers")
    ended, killed = threading.Event(), 0

    def churn() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            estate.replace(dn_of(MACHINES[number % 8]), "puppetVar", f"blob={blob}{number}")

    churning = threading.Thread(target=churn)
    churning.start()
    writing = 0
    try:
        while killed < 20:
            worker = service.worker
            if killed % 2:
                writing += _half_written(service)
            else:
                ended.wait(random.uniform(0, 0.4))
            worker.kill()
            killed += 1
            assert [path.name for path in service.kept() if not is_whole(path)] == []
            until(lambda worker=worker: not worker.is_running() and service.worker.pid != worker.pid, 10, "its heir")  # type: ignore[misc]
            service.wait_ready()
            assert len(answered(service)) == len(NODES)
    finally:
        ended.set()
        churning.join()
    assert writing, "no file was ever half written"
    service.kill()
    assert all(map(is_whole, service.kept()))
    service.start().wait_ready()
    assert len(answered(service)) == len(NODES)
    assert not service.ready["problems"]
    for name in NODES:
        estate.replace(dn_of(name), "puppetVar")
    until(lambda: answered(service) == bodies, 10, "the old answers")
    until(lambda: b"blob" not in (service.state / "generation").read_bytes(), 5, "the old answers on disk")


def _half_written(service: Service) -> bool:
    """Wait for a file that is just being written."""
    try:
        until(lambda: list(service.state.glob(".*.new")), 2, "a file that is being written")
    except AssertionError:
        return False
    return True


def test_a_full_disk_stops_no_answer_and_never_leaves_half_a_file(
    estate: SmallEstate, tmp_path: Path, bodies: Mapping[str, bytes]
) -> None:
    with (
        tiny_disk(tmp_path, 3000) as within,
        Service({**estate.settings(), "state": str(tmp_path)}, within=within) as service,
    ):
        inside = Path(f"/proc/{service.process.pid}/root{tmp_path}")
        kept = [inside / name for name in FILES if name != "times"]
        until(lambda: all(path.exists() for path in kept), 10, "the files")
        until(lambda: answered(service) == bodies, 10, "every answer")
        filler = inside / "filler"
        fill(filler)
        assert shutil.disk_usage(inside).free == 0
        estate.replace(dn_of(MACHINES[0]), "puppetVar", "mark=1")
        until(lambda: service.answer(MACHINES[0])["parameters"].get("mark"), 3, "the new answer")
        until_said(service, "generation: cannot be written: No space left on device")
        assert "No space left on device" in service.log
        assert all(map(is_whole, kept))
        service.worker.kill()
        service.wait_ready()
        assert len(answered(service)) == len(NODES)
        until(lambda: service.answer(MACHINES[0])["parameters"].get("mark"), 5, "the new answer again")
        filler.unlink()
        until(lambda: not service.ready["problems"], 20, "the problem to go")
        until(lambda: b"mark" in (inside / "generation").read_bytes(), 5, "the generation on disk")
        assert all(map(is_whole, kept))
        estate.replace(dn_of(MACHINES[0]), "puppetVar")


def test_a_state_folder_without_permission_is_said_and_answers_go_on(estate: SmallEstate) -> None:
    """As an unprivileged user, who may not talk to these hypervisors either: what they are needed for waits."""
    with Service(estate.settings(estate.slapd.ldap_uri), user="nobody") as service:
        until(lambda: service.ready["nodes"] >= len(MACHINES), 10, "the machines' answers")
        assert all(service.status(f"/enc/{name}") == 200 for name in MACHINES)
        until_said(service, "cannot be written: Permission denied; check space and permissions")
        assert "Permission denied" in service.log
        assert not service.state.exists()
