"""`enclume-observe` ends within its deadline, whatever is slow."""

import socket
import sys
import time
from pathlib import Path

from tests.live.observer.conftest import Hearing, Observer


def test_a_service_that_never_answers_is_given_up_at_the_deadline(observer: Observer, service: Hearing) -> None:
    service.answer = lambda _: (204, b"late" * service.ended.wait(30))
    done = observer(url=service.url, deadline=2)
    assert done.status == 3
    assert done.seconds < 6
    assert "the deadline came first" in done.err
    assert len(observer.spooled()) == 1


def test_a_handshake_that_never_ends_is_given_up_too(observer: Observer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = observer(url=f"https://127.0.0.1:{silent.getsockname()[1]}", deadline=2)
    assert (done.status, done.seconds < 6) == (3, True)


SILENT_NAME_SERVER = """
import socket
import threading
listener = socket.socket(type=socket.SOCK_DGRAM)
listener.bind(("", 53))
print(flush=True)
threading.Event().wait(60)
"""


def test_a_silent_name_server_is_bounded(observer: Observer, tmp_path: Path) -> None:
    """In namespaces of its own, whose end ends the name server too: neither a use's name nor the URL's is resolved."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\nnameserver 127.0.0.2\n")
    (tmp_path / "server.py").write_text(SILENT_NAME_SERVER)
    silent = (
        f"cd {tmp_path}; ip link set lo up; rm -f ready; mkfifo ready; {sys.executable} server.py >ready & "
        f"cd {tmp_path}; read _ <ready; "
        'mount --bind resolv.conf /etc/resolv.conf; exec "$@"'
    )
    wrapper = ("unshare", "-rmnpf", "--kill-child", "sh", "-ec", silent, "sh")
    extra = "\n[uses]\nextra = log log.invalid\ndeadline = 1"
    done = observer("--print", "--only", "uses", wrapper=wrapper, deadline=f"10{extra}")
    (use,) = [use for use in done.document["kinds"]["uses"] if use["name"] == "log.invalid"]
    assert use["addresses"] == []
    assert any("were not resolved within 1 s" in problem for problem in done.document["problems"])
    assert done.seconds < 6
    begin = time.monotonic()
    done = observer("--only", "logs", wrapper=wrapper, url="https://enclume.invalid:8787", deadline="3")
    assert (done.status, time.monotonic() - begin < 8) == (3, True)
    assert len(observer.spooled()) == 1
