"""A pool of threads in which the one that worked last works next.

Few of many threads are busy at a time. Where each takes its turn, as at one queue, all of their stacks and of what the
C library and OpenSSL keep for each thread pass through the processor's caches: that costs an eighth of the time of
a report that comes over a new connection.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Threads(Generic[T]):
    """So many threads, which do what is given to them until `end`; `work` may not raise."""

    def __init__(self, count: int, work: Callable[[T], None], name: str) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque()
        self._resting: list[queue.SimpleQueue[T | None]] = []
        self._is_ending = False
        for number in range(count):
            threading.Thread(target=self._live, name=f"{name}-{number}", daemon=True).start()

    def give(self, piece: T) -> None:
        """Have a piece of work done by the thread that began to rest last, or by the next that has nothing to do."""
        with self._lock:
            if not self._resting:
                self._waiting.append(piece)
                return
            rested = self._resting.pop()
        rested.put(piece)

    def end(self) -> None:
        """Let each thread end once it has nothing to do; returns at once. Nothing may be given after it."""
        with self._lock:
            self._is_ending = True
            resting, self._resting = self._resting, []
        for one in resting:
            one.put(None)

    def _live(self) -> None:
        own: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        while (piece := self._next(own)) is not None:
            self._work(piece)

    def _next(self, own: "queue.SimpleQueue[T | None]") -> T | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if self._is_ending:
                return None
            self._resting.append(own)
        return own.get()
