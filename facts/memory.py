"""The C library's memory, of which a service that makes and drops much keeps little. Nothing is done but with glibc."""

import ctypes
import time
from collections.abc import Callable

# The numbers of two of glibc's settings, from its <malloc.h>.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_ARENAS, _LARGE = 1, 128 * 1024

SELDOM = 10.0
"""Seconds between two times that freed memory is given back: who takes memory just then waits for it, 0.2 to 10 ms."""


def keep_little() -> None:
    """Have one arena for all threads: each would have its own, and keep what its largest answer once took (doubling the
    memory of a service whose `/metrics` are 40 MB).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, _ARENAS)
        mallopt(_MMAP_THRESHOLD, _LARGE)


class Returning:
    """Gives back to the system what was freed among what is kept, at most every `SELDOM` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next = clock, 0.0
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def give_back(self) -> None:
        """By itself the C library gives back only what is free at the end of its memory."""
        if self._trim is not None and self._clock() >= self._next:
            self._next = self._clock() + SELDOM
            self._trim(0)
