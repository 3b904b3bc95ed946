"""Every number that libvirt has for a state and a reason has libvirt's own word."""

import libvirt  # type: ignore[import-untyped]
import pytest

from facts.inventory.domains import Domain, State
from facts.inventory.states import REASONS, STATES, words

NEWER = {("paused", "api-error")}
PAIRS = sorted({(state, reason) for state in STATES for reason in REASONS[state]} - NEWER)


def constant(*parts: str) -> int:
    return int(getattr(libvirt, "_".join(("VIR_DOMAIN", *parts)).upper().replace("-", "_")))


@pytest.mark.parametrize("state", STATES)
def test_a_state_has_the_constants_word(state: State) -> None:
    assert STATES[constant(state)] == state


@pytest.mark.parametrize(("state", "reason"), PAIRS)
def test_a_reason_has_the_constants_word(state: State, reason: str) -> None:
    assert words(constant(state), constant(state, reason)) == (state, reason)


def test_a_reason_that_came_after_libvirt_9_has_its_word_too() -> None:
    """VIR_DOMAIN_PAUSED_API_ERROR, since libvirt 9.2."""
    assert words(3, 14) == ("paused", "api-error")


@pytest.mark.parametrize("state", sorted(set(STATES) - {"shutdown", "pmsuspended"}))
def test_no_reason_is_forgotten(state: State) -> None:
    """The two others share their prefix with other constants of libvirt."""
    prefix = f"VIR_DOMAIN_{state}_".upper()
    known = {name.removeprefix(prefix).lower().replace("_", "-") for name in dir(libvirt) if name.startswith(prefix)}
    assert known - {"last"} <= set(REASONS[state])


def test_numbers_of_a_newer_libvirt_are_no_error() -> None:
    assert words(99, 99) == ("nostate", "unknown")
    assert words(1, 99) == ("running", "unknown")
    assert words(-1, -1) == ("nostate", "unknown")


@pytest.mark.parametrize(
    ("state", "reason", "running"),
    [
        ("running", "booted", True),
        ("running", "migrated", True),
        ("blocked", "unknown", True),
        ("paused", "user", True),
        ("paused", "ioerror", True),
        ("pmsuspended", "unknown", True),
        ("paused", "starting-up", False),
        ("paused", "migration", False),
        ("paused", "postcopy", False),
        ("shutoff", "migrated", False),
        ("crashed", "panicked", False),
        ("nostate", "unknown", False),
    ],
)
def test_a_guest_runs_where_its_memory_is(state: State, reason: str, running: bool) -> None:
    domain = Domain("u", "web", state, reason, 1, 1, autostart=True, persistent=True)
    assert domain.running is running
