"""The context of now: who may go on with what began under another."""

from pathlib import Path

import pytest
import trustme

from settings import TLSSettings
from web.tls import SESSIONS_LAST, Contexts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tls(tmp_path: Path) -> TLSSettings:
    authority = trustme.CA()
    own = authority.issue_cert("enclume.lab.test")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return TLSSettings(str(tmp_path / "own.pem"), str(tmp_path / "own.pem"), str(tmp_path / "ca.pem"))


def test_nothing_changes_while_the_files_do_not(tls: TLSSettings, clock: Clock) -> None:
    contexts = Contexts(tls, clock)
    first = contexts.current
    clock.now += SESSIONS_LAST - 1
    contexts.refresh()
    assert contexts.current is first


def test_what_changed_is_in_force_at_once_and_ends_all_that_was(tls: TLSSettings, clock: Clock) -> None:
    contexts = Contexts(tls, clock)
    first = contexts.current
    Path(tls.ca).write_bytes(Path(tls.ca).read_bytes() * 2)
    contexts.refresh()
    assert contexts.current is not first
    assert contexts.holds(contexts.current)
    assert not contexts.holds(first)


def test_a_context_that_is_old_makes_room_and_its_connections_go_on_for_as_long_again(
    tls: TLSSettings, clock: Clock
) -> None:
    """A handshake that is being made, or a request that is being sent, is not cut off for that."""
    contexts = Contexts(tls, clock)
    first = contexts.current
    clock.now += SESSIONS_LAST
    contexts.refresh()
    second = contexts.current
    assert second is not first
    assert contexts.holds(first)
    assert contexts.holds(second)
    clock.now += SESSIONS_LAST
    contexts.refresh()
    assert not contexts.holds(first)
    assert contexts.holds(second)


def test_an_old_context_whose_files_cannot_be_used_stays(tls: TLSSettings, clock: Clock) -> None:
    contexts = Contexts(tls, clock)
    first = contexts.current
    Path(tls.ca).write_text("nothing")
    clock.now += SESSIONS_LAST
    for _ in range(3):
        contexts.refresh()
    assert contexts.current is first
    assert contexts.holds(first)
