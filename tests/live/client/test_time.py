"""`enclume-enc` ends within its deadline, whatever is slow."""

import sys

import pytest

from tests.live.client.conftest import NODE, Client, Serve
from tests.live.client.services import DOCUMENT, Behaviour, answers, dribbles, silent

SILENT_NAME_SERVER = """
import socket
import threading
listener = socket.socket(type=socket.SOCK_DGRAM)
listener.bind(("", 53))
print(flush=True)
threading.Event().wait(60)
"""


@pytest.mark.parametrize("behaviour", [silent, dribbles])
def test_a_slow_service_leaves_time_for_the_next(client: Client, serve: Serve, behaviour: Behaviour) -> None:
    slow, good = serve(behaviour), serve(answers())
    result = client(NODE, URLS=f"{slow.url} {good.url}")
    assert (result.status, result.out, result.err) == (0, DOCUMENT, "")
    assert result.seconds < 1.5


def test_the_deadline_holds_for_all_urls_together(client: Client, serve: Serve) -> None:
    urls = " ".join(serve(behaviour).url for behaviour in (silent, dribbles, silent))
    result = client(NODE, URLS=urls, DEADLINE="3")
    assert (result.status, result.out) == (1, b"")
    assert 2.0 < result.seconds < 3.3
    assert "no complete answer in 0.9 s" in result.err


def test_a_refused_url_costs_the_next_no_time(client: Client, serve: Serve, refused: str) -> None:
    result = client(NODE, URLS=f"{refused} {serve(silent).url}", DEADLINE="2")
    assert result.status == 1
    assert f"{refused}: no connection" in result.err
    assert "no complete answer in 1.8 s" in result.err


def test_more_urls_than_time_are_named_and_not_waited_for(client: Client, serve: Serve) -> None:
    result = client(NODE, URLS=" ".join([serve(silent).url] * 12))
    assert result.status == 1
    assert result.seconds < 1.5
    assert "no time was left" in result.err


def test_a_silent_name_server_is_bounded_too(client: Client) -> None:
    """In namespaces of its own, whose end ends the name server too."""
    (client.folder / "resolv.conf").write_text("nameserver 127.0.0.1\nnameserver 127.0.0.2\n")
    (client.folder / "server.py").write_text(SILENT_NAME_SERVER)
    silent = (
        f"cd {client.folder}; ip link set lo up; mkfifo ready; {sys.executable} server.py >ready & "
        f"cd {client.folder}; read _ <ready; "
        f'mount --bind resolv.conf /etc/resolv.conf; exec "$@"'
    )
    wrapper = ("unshare", "-rmnpf", "--kill-child", "sh", "-ec", silent, "sh")
    client.environment |= {"ENCLUME_ENC_CERT": "/c", "ENCLUME_ENC_KEY": "/k", "ENCLUME_ENC_CA": "/a"}
    result = client(NODE, wrapper=wrapper, URLS="https://enclume.invalid:8787", DEADLINE="3")
    assert result.status == 1
    assert result.seconds < 3.6
    assert "no complete answer in 2.9 s" in result.err or "not resolved" in result.err
