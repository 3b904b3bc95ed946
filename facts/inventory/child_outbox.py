"""What the child says to the service: one line at a time, from any thread."""

import os
import threading
from typing import BinaryIO

import msgspec

from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.inventory.messages import Confirmed, Failed, Measured, Message, Observed, Unmeasured, encode
from facts.inventory.statistics import HypervisorStatistics


class Outbox:
    """Writes messages to the service. When nobody reads any more, the process ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._confirmed: dict[str, tuple[float, float]] = {}

    def observed(self, target: HypervisorTarget, seen: HypervisorSeen, read_at: float, took: float) -> None:
        """Say at once what a hypervisor is now, and how many seconds its reading took."""
        message = Observed(target, read_at, msgspec.Raw(encode(seen)), took)
        with self._lock:
            self._confirmed.pop(target.name, None)
            self._send(message)

    def confirmed(self, target: HypervisorTarget, read_at: float, took: float) -> None:
        """Say with the next `flush` that a hypervisor is as it was, and how many seconds its reading took."""
        with self._lock:
            self._confirmed[target.name] = read_at, took

    def failed(self, target: HypervisorTarget, at: float, reason: str) -> None:
        """Say at once that a hypervisor could not be read."""
        with self._lock:
            self._send(Failed(target, at, reason))

    def measured(self, target: HypervisorTarget, seen: HypervisorStatistics) -> None:
        """Say at once what a hypervisor's statistics are now."""
        with self._lock:
            self._send(Measured(target, seen))

    def unmeasured(self, target: HypervisorTarget, reason: str) -> None:
        """Say at once that a hypervisor's statistics could not be read."""
        with self._lock:
            self._send(Unmeasured(target, reason))

    def flush(self) -> None:
        """Send what was confirmed since the last time, even if nothing was: it shows that the child lives."""
        with self._lock:
            confirmed, self._confirmed = self._confirmed, {}
            read_at = {name: at for name, (at, _) in confirmed.items()}
            self._send(Confirmed(read_at, {name: took for name, (_, took) in confirmed.items()}))

    def _send(self, message: Message) -> None:
        try:
            self._stream.write(encode(message) + b"\n")
            self._stream.flush()
        except BrokenPipeError:
            os._exit(0)
