"""A child as the service sees it: a process, and lines in both directions that never block."""

import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 1 << 18


def running(module: str) -> tuple[str, ...]:
    """The command that runs one of this program's modules, with nothing of the folder that it is started in."""
    return (sys.executable, "-P", "-m", module)


class ChildProcess:
    """One run of a child. Used by one thread only."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(os.environ),
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 (it was asked for)
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)
        self._pending = b""
        self._partial: list[bytes] = []
        self.pid = self._process.pid

    def say(self, line: bytes) -> None:
        """Queue a line for the child's stdin."""
        self._pending += line + b"\n"

    def exchange(self, timeout: float, wake: int) -> list[bytes] | None:
        """Write what the child takes and return the whole lines that it says; None when it has ended.

        Returns after `timeout` seconds, or when the descriptor `wake` can be read.
        """
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        poll.register(wake, select.POLLIN)
        if self._pending:
            poll.register(self._stdin, select.POLLOUT)
        ready = {descriptor for descriptor, _event in poll.poll(timeout * 1000)}
        if self._stdin.fileno() in ready and not self._write():
            return None
        return self._read() if self._stdout.fileno() in ready else []

    def end(self, patience: float) -> int:
        """Close its stdin, wait, kill it if it does not end within `patience` seconds, and return its status."""
        self._stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._stdout.close()
        return self._process.wait()

    def _write(self) -> bool:
        try:
            self._pending = self._pending[os.write(self._stdin.fileno(), self._pending) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return True

    def _read(self) -> list[bytes] | None:
        chunk = os.read(self._stdout.fileno(), CHUNK)
        if not chunk:
            return None
        head, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            self._partial.append(chunk)
            return []
        whole = b"".join((*self._partial, head))
        self._partial = [tail] if tail else []
        return whole.split(b"\n")


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: it finds this program's modules, speaks English errors, and keeps its heap small."""
    path = os.pathsep.join(filter(None, (str(ROOT), ours.get("PYTHONPATH"))))
    return {**ours, "PYTHONPATH": path, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
