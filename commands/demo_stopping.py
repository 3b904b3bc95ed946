"""The demonstration's end: asked for by signals, waited for by the very thread that they interrupt."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PAUSE = 0.05


class Stopping:
    """Whether we are to stop. A `threading.Event` would wait for ever where a signal comes while its lock is held."""

    def __init__(self) -> None:
        self._hears, self._wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def set(self) -> None:
        """We are; from a signal's handler, as often as it likes."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wakes, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait for it so long, and say whether we are."""
        return bool(select.select((self._hears,), (), (), seconds)[0])

    def close(self) -> None:
        """Nobody sets or waits any more."""
        os.close(self._hears)
        os.close(self._wakes)


@contextmanager
def told_to_stop() -> Iterator[Stopping]:
    """What Ctrl-C and the other polite signals set, however often they come."""
    stopping = Stopping()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stopping.close()


def pause(stopping: Stopping) -> bool:
    """Wait a moment; whether to go on."""
    return not stopping.wait(_PAUSE)
