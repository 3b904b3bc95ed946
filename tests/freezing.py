"""Freezing a process, as a machine without power would be."""

import os
import signal
from pathlib import Path

from tests.waiting import until


def freeze(pid: int) -> None:
    """SIGSTOP a process, and return when none of its threads goes on: under load some would for a while."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(_state(thread) == "T" for thread in Path(f"/proc/{pid}/task").iterdir()), 10, "threads to stop")


def _state(thread: Path) -> str:
    """The letter after the name, which may hold whatever; proc(5)."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "T"
