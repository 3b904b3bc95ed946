"""When the stored answer is printed, refused or deleted."""

import os
import time

import pytest

from tests.live.client.conftest import NODE, Client, Serve
from tests.live.client.services import DOCUMENT, answers, reply, sends

UNKNOWN = sends(reply(404, b"{}"))


@pytest.fixture
def remembering(client: Client, serve: Serve) -> Client:
    """A client with a stored answer."""
    assert client(NODE, URLS=serve(answers()).url).status == 0
    return client


def test_is_printed_with_one_warning_that_says_why_and_how_old(remembering: Client, refused: str) -> None:
    remembering.age(3 * 3600 + 5)
    result = remembering(NODE, URLS=refused)
    assert (result.status, result.out) == (0, DOCUMENT)
    expected = f"warning: {NODE}: answer of 3 h ago, since no URL can answer: {refused}: no connection\n"
    assert result.err == f"enclume-enc: {expected}"


@pytest.mark.parametrize(
    ("limit", "age", "status"),
    [("24h", 86300, 0), ("24h", 86500, 1), ("100", 50, 0), ("100", 200, 1), ("90m", 5300, 0), ("2d", 172_700, 0)],
)
def test_is_printed_only_while_young_enough(
    remembering: Client, refused: str, limit: str, age: float, status: int
) -> None:
    remembering.age(age)
    result = remembering(NODE, URLS=refused, MAX_AGE=limit)
    assert (result.status, result.out) == (status, b"" if status else DOCUMENT)
    assert ("older than ENCLUME_ENC_MAX_AGE" in result.err) == bool(status)


def test_is_refused_when_its_time_is_in_the_future(remembering: Client, refused: str) -> None:
    remembering.age(-3600)
    result = remembering(NODE, URLS=refused)
    assert (result.status, result.out) == (1, b"")
    assert "clock" in result.err


@pytest.mark.parametrize("damage", [b"", b"{}", DOCUMENT, DOCUMENT[:40] + b"\n# 40 bytes\n", b"\0" * 500])
def test_is_refused_when_damaged(remembering: Client, refused: str, damage: bytes) -> None:
    remembering.stored.write_bytes(damage)
    result = remembering(NODE, URLS=refused)
    assert (result.status, result.out) == (1, b"")
    assert "the stored answer is damaged" in result.err


def test_cut_at_any_byte_is_refused(client: Client, serve: Serve, refused: str) -> None:
    document = b'{"classes": {"a": {}}}'
    client(NODE, URLS=serve(answers(document)).url)
    whole = client.stored.read_bytes()
    # The last byte is the newline after the length; without it all is still told.
    for length in range(len(whole) - 1):
        client.stored.write_bytes(whole[:length])
        assert client(NODE, URLS=refused).out == b"", length


def test_is_another_nodes_never(remembering: Client, refused: str) -> None:
    result = remembering("web02.example.org", URLS=refused)
    assert (result.status, result.out) == (1, b"")
    assert "no answer is stored" in result.err


def test_is_deleted_when_every_url_says_404(remembering: Client, serve: Serve) -> None:
    result = remembering(NODE, URLS=f"{serve(UNKNOWN).url} {serve(UNKNOWN).url}")
    assert (result.status, result.out) == (1, b"")
    assert "no URL knows this node" in result.err
    assert not remembering.stored.exists()


def test_is_kept_when_one_says_404_and_another_cannot_answer(remembering: Client, serve: Serve, refused: str) -> None:
    for urls in (f"{serve(UNKNOWN).url} {refused}", f"{refused} {serve(UNKNOWN).url}"):
        result = remembering(NODE, URLS=urls)
        assert (result.status, result.out) == (0, DOCUMENT)
        assert "knows no such node" in result.err


def test_an_answer_beats_a_404_of_another_url(client: Client, serve: Serve) -> None:
    assert client(NODE, URLS=f"{serve(UNKNOWN).url} {serve(answers()).url}").out == DOCUMENT


@pytest.mark.parametrize("status", [400, 401, 403, 500, 502, 503])
def test_is_printed_when_the_service_refuses_or_fails(remembering: Client, serve: Serve, status: int) -> None:
    result = remembering(NODE, URLS=serve(sends(reply(status, b"no"))).url)
    assert (result.status, result.out) == (0, DOCUMENT)
    assert str(status) in result.err


def test_a_fresh_answer_is_printed_when_the_disk_is_full(client: Client, serve: Serve) -> None:
    client.state.mkdir(mode=0o700)
    mount = f"mount -t tmpfs -o size=4k,mode=0700 none {client.state}"
    fill = f'{mount} && head -c 4096 /dev/zero >{client.state}/x && exec "$@"'
    result = client(NODE, wrapper=("unshare", "-rm", "sh", "-ec", fill, "sh"), URLS=serve(answers()).url)
    assert (result.status, result.out) == (0, DOCUMENT)
    assert result.err.count("\n") == 1
    assert "answer not stored" in result.err


def test_a_full_disk_leaves_the_old_answer_whole(remembering: Client, serve: Serve) -> None:
    kept = remembering.stored.read_bytes()
    url = serve(answers(DOCUMENT.replace(b"grenoble", b"x" * 9000))).url
    inside = (
        f"mount -t tmpfs -o size=8k,mode=0700 none {remembering.state} && "
        f"printf '%s' \"$KEPT\" >{remembering.stored} && "
        f'"$@" >/dev/null; cp -p {remembering.stored} {remembering.folder}/after; ls -A {remembering.state}'
    )
    remembering.environment["KEPT"] = kept.decode()
    result = remembering(NODE, wrapper=("unshare", "-rm", "sh", "-ec", inside, "sh"), URLS=url)
    assert result.out.decode().split() == [NODE]
    assert (remembering.folder / "after").read_bytes() == kept


def test_a_fresh_answer_is_printed_when_the_folder_cannot_be_made(client: Client, serve: Serve) -> None:
    result = client(NODE, URLS=serve(answers()).url, STATE="/proc/nowhere")
    assert (result.status, result.out) == (0, DOCUMENT)
    assert "answer not stored" in result.err


def test_a_folder_in_the_answers_place_is_left_alone(client: Client, serve: Serve, refused: str) -> None:
    client.stored.mkdir(parents=True, mode=0o700)
    client.state.chmod(0o700)
    result = client(NODE, URLS=serve(answers()).url)
    assert (result.status, result.out) == (0, DOCUMENT)
    assert "answer not stored" in result.err
    assert list(client.stored.iterdir()) == []
    assert client(NODE, URLS=refused).status == 1


def test_a_link_is_replaced_and_never_followed(client: Client, serve: Serve, refused: str) -> None:
    client.state.mkdir(mode=0o700)
    victim = client.folder / "victim"
    victim.write_bytes(DOCUMENT + f"\n# {len(DOCUMENT)} bytes\n".encode())
    before = victim.read_bytes()
    client.stored.symlink_to(victim)
    assert client(NODE, URLS=refused).out == b""
    assert client(NODE, URLS=serve(answers(b'{"classes": {}}')).url).status == 0
    assert victim.read_bytes() == before
    assert not client.stored.is_symlink()


def test_a_folder_that_others_may_write_is_not_trusted(remembering: Client, refused: str) -> None:
    for mode in (0o770, 0o707):
        remembering.state.chmod(mode)
        result = remembering(NODE, URLS=refused)
        assert (result.status, result.out) == (1, b"")
        assert "others may write" in result.err


def test_a_folder_of_somebody_else_is_not_trusted(remembering: Client, serve: Serve, refused: str) -> None:
    if os.geteuid() == 0:
        os.chown(remembering.state, 65534, 65534)
    else:
        remembering.environment["ENCLUME_ENC_STATE"] = "/sys"
    result = remembering(NODE, URLS=serve(answers()).url)
    assert (result.status, result.out) == (0, DOCUMENT)
    assert "not a folder of this user" in result.err
    result = remembering(NODE, URLS=refused)
    assert (result.status, result.out) == (1, b"")
    assert "not a folder of this user" in result.err


def test_left_over_temporary_files_do_no_harm(client: Client, serve: Serve) -> None:
    """A run that was killed leaves `.new.PID`; the next ones do not follow or need it."""
    client.state.mkdir(mode=0o700)
    (client.state / ".new.1").symlink_to(client.folder / "victim")
    assert client(NODE, URLS=serve(answers()).url).err == ""
    assert not (client.folder / "victim").exists()


def test_a_newer_answer_replaces_the_old_one(remembering: Client, serve: Serve, refused: str) -> None:
    remembering.age(3600)
    newer = DOCUMENT.replace(b"grenoble", b"paris")
    remembering(NODE, URLS=serve(answers(newer)).url)
    assert remembering(NODE, URLS=refused).out == newer
    assert time.time() - remembering.stored.stat().st_mtime < 60
