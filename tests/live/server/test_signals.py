"""Starting, stopping, reloading and losing the worker."""

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests.live.server.authority import Authority
from tests.live.server.conftest import Start
from tests.live.server.running import Answer, Running
from tests.waiting import free_port, until


def pid(running: Running) -> int:
    return int(running.get("/pid").text)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "[::]"])
def test_without_tls_only_loopback_is_listened_on(launch: Start, address: str) -> None:
    running = launch(listen=f"{address}:{free_port()}")
    assert running.process.wait(timeout=20) != 0
    assert "listen" in running.said
    assert "loopback" in running.said
    assert not (running.state / "started").exists()


def test_without_tls_it_says_so(start: Start) -> None:
    assert "without TLS" in start().said


def test_an_address_in_use_is_one_message(launch: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = launch(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        assert running.process.wait(timeout=20) != 0
    assert "Address already in use" in running.said
    assert "Traceback" not in running.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_stops_clean_within_seconds(start: Start, number: signal.Signals) -> None:
    running = start()
    worker = pid(running)
    idle = running.connect()
    idle.request("GET", "/constant")
    idle.getresponse().read()
    with running.raw() as half:
        half.sendall(b"GET /half")
        status, seconds = running.stop(number)
    idle.close()
    assert (status, seconds < 6) == (0, True)
    assert (running.state / "stopped").read_text() == str(worker)
    assert not psutil.pid_exists(worker)


def test_a_request_that_has_begun_is_answered_before_the_end(start: Start) -> None:
    running = start()
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(running.get("/slow/1.5", timeout=10)))
    asking.start()
    until(lambda: len(psutil.Process(running.process.pid).net_connections()) >= 1, what="the server")
    running.get("/constant")
    status, seconds = running.stop()
    asking.join()
    assert (status, answers[0].text) == (0, "slow")
    assert seconds < 6


def test_a_killed_worker_is_replaced(start: Start) -> None:
    running = start()
    first = pid(running)
    os.kill(first, signal.SIGKILL)
    second = until(lambda: _other(running, first), what="another worker")
    assert second != first
    assert running.process.poll() is None


def test_the_worker_ends_with_its_master(start: Start) -> None:
    running = start()
    worker = pid(running)
    running.send(signal.SIGKILL)
    running.process.wait()
    until(lambda: not psutil.pid_exists(worker), timeout=15, what="the worker to end")


def test_a_worker_that_cannot_start_ends_the_server_with_one_line(launch: Start, tmp_path: Path) -> None:
    (tmp_path / "server" / "state").mkdir(parents=True)
    (tmp_path / "server" / "state" / "fail").touch()
    running = launch()
    assert running.process.wait(timeout=20) == 3
    assert "cannot start: " in running.said
    assert "is asked to fail" in running.said
    assert "Traceback" not in running.said


def test_a_worker_that_dies_again_and_again_ends_the_server(launch: Start, tmp_path: Path) -> None:
    (tmp_path / "server" / "state").mkdir(parents=True)
    (tmp_path / "server" / "state" / "die").touch()
    running = launch()
    assert running.process.wait(timeout=30) == 1
    assert "5 workers in a row ended before they could serve" in running.said


def test_hup_brings_the_settings_on_disk_into_force(start: Start) -> None:
    running = start()
    first = pid(running)
    assert running.get("/threads").text == "64"
    running.write(limits={"threads": 7})
    running.send(signal.SIGHUP)
    until(lambda: _answer(running, "/threads") == "7", what="the new settings")
    until(lambda: not psutil.pid_exists(first), what="the old worker to end")
    assert (running.state / "stopped").read_text() == str(first)


def test_hup_may_change_the_address(start: Start) -> None:
    running = start()
    old, running.port = running.port, free_port()
    running.write(listen=f"127.0.0.1:{running.port}")
    running.send(signal.SIGHUP)
    until(lambda: _answer(running, "/constant"), what="the new address")

    def closed() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", old)) != 0

    until(closed, what="the old address to be closed")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"limits": {"threads": "many"}}, "limits.threads"),
        ({"limit": {"threads": 7}}, "unknown field"),
        ({"listen": "0.0.0.0:1"}, "loopback"),
        ({"listen": "127.0.0.1:{taken}"}, "Address already in use"),
        ({"tls": {"certificate": "/c", "key": "/k", "ca": "/a"}}, "tls.certificate"),
    ],
)
def test_hup_with_settings_that_are_wrong_changes_nothing(start: Start, change: dict[str, object], said: str) -> None:
    running = start()
    first = pid(running)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if "listen" in change:
            change = {"listen": str(change["listen"]).replace("{taken}", str(taken.getsockname()[1]))}
        running.write(**change)
        running.send(signal.SIGHUP)
        assert said in until(lambda: running.get("/refused").text, what="the application to be told")
    until(lambda: said in running.said, what="the log to say so")
    assert pid(running) == first


def test_hup_with_a_worker_that_cannot_start_keeps_the_old_one(start: Start) -> None:
    running = start()
    first = pid(running)
    (running.state / "fail").touch()
    running.write(limits={"threads": 7})
    running.send(signal.SIGHUP)
    until(lambda: running.get("/refused").text, what="the application to be told")
    assert (pid(running), running.get("/threads").text) == (first, "64")
    (running.state / "fail").unlink()
    running.send(signal.SIGHUP)
    until(lambda: _answer(running, "/threads") == "7", what="the new settings")


def test_hup_again_and_again_ends_with_the_last_settings(start: Start) -> None:
    running = start()
    for threads in (3, 4, 5, 6):
        running.write(limits={"threads": threads})
        running.send(signal.SIGHUP)
    until(lambda: _answer(running, "/threads") == "6", timeout=20, what="the last settings")
    until(lambda: len(psutil.Process(running.process.pid).children()) == 1, timeout=20, what="one worker")


def test_nobody_is_refused_while_it_reloads(start: Start, authority: Authority) -> None:
    running = start(authority)
    node = authority.issue("web01.example.org")
    first = running.get("/pid", node).text
    running.send(signal.SIGHUP)
    answered = 0
    while running.get("/pid", node).text == first:
        answered += 1
    until(lambda: len(psutil.Process(running.process.pid).children()) == 1, what="the old worker to end")
    for _ in range(50):
        assert running.get("/pid", node).status == 200
    assert answered


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2, signal.SIGWINCH])
def test_there_is_always_one_worker(start: Start, number: signal.Signals) -> None:
    running = start()
    first = pid(running)
    running.send(number)
    until(lambda: "there is one worker" in running.said, what="the signal to be refused")
    assert pid(running) == first
    assert [child.pid for child in psutil.Process(running.process.pid).children()] == [first]


def test_the_master_starts_nothing_but_the_worker(start: Start) -> None:
    running = start()
    master = psutil.Process(running.process.pid)
    assert master.num_threads() == 1
    assert [child.pid for child in master.children()] == [pid(running)]
    listening = subprocess.run(["ss", "-lxpH"], capture_output=True, text=True, check=True).stdout
    assert f"pid={master.pid}," not in listening


def _other(running: Running, than: int) -> int:
    found = _answer(running, "/pid")
    return int(found) if found and int(found) != than else 0


def _answer(running: Running, path: str) -> str:
    try:
        return running.get(path).text
    except OSError:
        return ""
