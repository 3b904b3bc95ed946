"""The demonstration's child processes: they end with it, however it ends."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from errors import SourceError

_GRACE = 15.0
_LINES = 15


class Child:
    """A running child; what it says goes to `log`."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name, self.log, self._process = name, log, process

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise `SourceError` with its last words when it has ended."""
        if not self.alive:
            words = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:]
            said = "".join(f"\n    {line}" for line in words) or " nothing"
            raise SourceError(self.name, f"ended with status {self._process.returncode}, having said:{said}")

    def end(self) -> None:
        """End it in good order, by force if it takes too long."""
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def child(name: str, command: Sequence[str], log: Path) -> Iterator[Child]:
    """A child of a session of its own, so that Ctrl-C reaches it only through us; ended with the block."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*_ending_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    running = Child(name, process, log)
    try:
        yield running
    finally:
        running.end()


def _ending_with_us() -> list[str]:
    """A prefix that has the kernel end the child should this process be killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []
