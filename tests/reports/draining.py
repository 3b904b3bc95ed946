"""A drain in a thread of the test's own, and what it says."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reports.child_batch import Parse
from reports.child_drain import Drain
from reports.child_outbox import Outbox
from reports.child_state import State
from reports.messages import Begin, Drained, Message, decode_message
from reports.parse import parse
from reports.spool import Spool
from tests.reports.spooling import MemoryHistory, names
from tests.waiting import until


class Draining:
    """A drain in a thread, and what it has said."""

    def __init__(self, of: Spool, history: MemoryHistory, ends: int = 0, reader: Parse = parse) -> None:
        self.spool, self.history, self._said = of, history, io.BytesIO()
        self.state = State()
        begin = Begin(str(of.folder), "", 1.0, 1 << 20, ends)
        self.drain = Drain(begin, Outbox(self._said), self.state, reader, self._open)
        self.thread = threading.Thread(target=self.drain.run)

    def _open(self) -> MemoryHistory:
        if self.history.error is not None:
            raise self.history.error
        return self.history

    @property
    def said(self) -> list[Message]:
        return [decode_message(line) for line in self._said.getvalue().splitlines()]

    @property
    def drained(self) -> list[Drained]:
        return [message for message in self.said if isinstance(message, Drained)]

    def until_empty(self) -> None:
        until(lambda: not names(self.spool), what="an empty spool")
        until(lambda: sum(one.count for one in self.drained) > 0, what="it to be said")

    def stop(self) -> None:
        self.drain.stopping.set()
        self.drain.wake.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@contextmanager
def draining(of: Spool, history: MemoryHistory, **more: Any) -> Iterator[Draining]:
    running = Draining(of, history, **more)
    running.thread.start()
    try:
        yield running
    finally:
        running.stop()
