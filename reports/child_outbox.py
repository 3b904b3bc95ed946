"""What the intake child says to the service: one line at a time, from any thread."""

import os
import threading
from collections.abc import Sequence
from typing import BinaryIO

from facts.puppet import Run
from reports.messages import Known, Message, Ran, encode

_PIECE = 200
"""Runs in one line: what the service decodes at once keeps its interpreter from answering."""


class Outbox:
    """Writes messages to the service. When nobody reads any more, the process ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, message: Message) -> None:
        """Say it at once."""
        with self._lock:
            try:
                self._stream.write(encode(message) + b"\n")
                self._stream.flush()
            except BrokenPipeError:
                os._exit(0)

    def known(self, runs: Sequence[Run]) -> None:
        """Say the last run of every node."""
        for start in range(0, len(runs), _PIECE):
            self.say(Known(tuple(runs[start : start + _PIECE]), is_whole=False))
        self.say(Known((), is_whole=True))

    def ran(self, runs: Sequence[Run]) -> None:
        """Say which nodes have a newer last run."""
        for start in range(0, len(runs), _PIECE):
            self.say(Ran(tuple(runs[start : start + _PIECE])))
