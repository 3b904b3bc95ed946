"""Waiting for conditions, so that no test sleeps."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
_PAUSE = threading.Event()


def until(condition: Callable[[], T], timeout: float = 10.0, what: str = "the condition") -> T:
    """Return the condition's first true value; fail naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; last value: {value!r}")
        _PAUSE.wait(0.01)


def eventually(read: Callable[[], object], expected: object) -> None:
    """What is read becomes as expected within 20 seconds; if it does not, what it is instead is told."""
    with suppress(AssertionError):
        until(lambda: read() == expected, 20)
    found = read()
    assert found == expected, f"expected {expected!r}, found {found!r}"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
