"""The service's side of a child: start it, tell it things, hear it, start it again when it ends."""

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from facts.inventory.backoff import backoff
from facts.pipes import ChildProcess

# A child says something every second; one that is silent for so long hangs as a whole.
SILENT_AT_MOST = 10.0
# One that ran for so long before it ended is started again at once.
STEADY = 30.0
GOODBYE = 2.0


class Child:
    """Keeps one child running until stopped: `name` says what it is to people.

    What it says goes line by line to `receive`, in this object's own thread; a line that is no message makes it raise
    `msgspec.DecodeError`. `troubled` is called with a sentence when the child ends again and again. Neither may block.
    """

    def __init__(self, name: str, receive: Callable[[bytes], None], troubled: Callable[[str], None]) -> None:
        self._name, self._receive, self._troubled = name, receive, troubled
        self._log = logging.getLogger(f"enclume.{name}")
        self._unsaid: deque[bytes] = deque()
        self._stopping = threading.Event()
        self._child: ChildProcess | None = None
        self._ends = 0
        self._closing, self._is_closed = threading.Lock(), False
        self._hears, self._wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def command(self) -> Sequence[str]:
        """What is started."""
        raise NotImplementedError

    def greeting(self, ends: int) -> bytes:
        """The first line that a child is told; `ends`: how many before it ended in a row; one that had
        lived for long is the first of a row.
        """
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The child's process number while there is one."""
        child = self._child
        return None if child is None else child.pid

    def start(self) -> None:
        """Start the child in a thread of its own; returns at once."""
        self._thread.start()

    def say(self, line: bytes) -> None:
        """Tell the child that runs; returns at once. The next one is told by its greeting."""
        self._unsaid.append(line)
        self._wake()

    def stop(self) -> None:
        """End the child and the thread; returns when both have ended, within seconds."""
        self._stopping.set()
        self._wake()
        self._thread.join()
        with self._closing:
            self._is_closed = True
            os.close(self._hears)
            os.close(self._wakes)

    def _wake(self) -> None:
        # Whoever comes too late must not write to what the descriptor's number means by then.
        with self._closing, contextlib.suppress(BlockingIOError):
            if not self._is_closed:
                os.write(self._wakes, b"!")

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._child = ChildProcess(self.command())
            except OSError as error:
                self._pause(0.0, f"the {self._name} child could not be started ({error.strerror})")
                continue
            why = self._converse(self._child)
            status = self._child.end(GOODBYE if self._stopping.is_set() else 0.0)
            self._child = None
            if not self._stopping.is_set():
                self._pause(time.monotonic() - began, f"the {self._name} child {why} (status {status})")

    def _converse(self, child: ChildProcess) -> str:
        """Speak with the child until it ends or this object is stopped; why it is over."""
        heard_at = time.monotonic()
        self._unsaid.clear()
        child.say(self.greeting(self._ends))
        while not self._stopping.is_set():
            while self._unsaid:
                child.say(self._unsaid.popleft())
            lines = child.exchange(SILENT_AT_MOST, self._hears)
            self._empty_wakes()
            if lines is None:
                return "ended"
            try:
                for line in lines:
                    self._receive(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return f"said what is no message ({error}) and was killed"
            if lines:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > SILENT_AT_MOST:
                return f"was silent for {SILENT_AT_MOST:g} s and was killed"
        return "was stopped"

    def _empty_wakes(self) -> None:
        try:
            os.read(self._hears, 4096)
        except BlockingIOError:
            return

    def _pause(self, lived: float, what: str) -> None:
        """Log the end; start again at once after a steady run, else wait ever longer and say so."""
        self._ends = 1 if lived >= STEADY else self._ends + 1
        if self._ends == 1:
            self._log.warning("%s after %.0f s; it is started again", what, lived)
            return
        wait = backoff(self._ends)
        again = "%s after %.0f s, %d times in a row; it is started again in %.0f s"
        self._log.error(again, what, lived, self._ends, wait)
        self._troubled(f"{what}, {self._ends} times in a row; it is tried again: see the service's log")
        until = time.monotonic() + wait
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            select.select((self._hears,), (), (), left)
            self._empty_wakes()
