"""Turns: how many requests may be in the database at one time, and how many may wait for it.

A request that waits holds one of the threads that answer Puppet, and one that is answered from many rows holds the
interpreter. So few are in at one time, a few more wait a little, and the others are told to come again.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from errors import EnclumeError


class Busy(EnclumeError):
    """There is no turn to be had: how many are being answered or wait."""

    def __init__(self) -> None:
        super().__init__("the history is asked by too many at one time: ask again in a few seconds")


class Turns:
    """So many at one time, and so many more that wait, at most so many seconds."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._turns = threading.BoundedSemaphore(at_once)
        self._seconds = seconds

    @contextmanager
    def turn(self) -> Iterator[float]:
        """One turn; gives the seconds that were waited for it. Raises `Busy`."""
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            began = time.monotonic()
            if not self._turns.acquire(timeout=self._seconds):
                raise Busy
            try:
                yield time.monotonic() - began
            finally:
                self._turns.release()
        finally:
            self._places.release()
