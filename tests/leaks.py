"""What a test may not leave behind: threads, child processes, sockets; and processes that outlive the whole run."""

import gc
import threading
import time
from pathlib import Path

import psutil

MARK = "ENCLUME_TEST_RUN"
PATIENCE = 2.0

Key = tuple[str, int]


def traces() -> dict[Key, str]:
    """The threads, child processes and sockets of this process: what tells each from all others, and words for it."""
    found: dict[Key, str] = {}
    for thread in threading.enumerate():
        found["thread", id(thread)] = f"thread {thread.name}"
    for child in psutil.Process().children():
        found["child", child.pid] = _words(child)
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found["socket", int(target[8:-1])] = f"descriptor {descriptor.name} {target}"
    return found


def left_since(before: dict[Key, str]) -> list[str]:
    """What is still here that was not there before, after waiting for what is just ending."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    collected = False
    while True:
        found = [words for key, words in traces().items() if key not in before]
        if not found or time.monotonic() > deadline:
            return found
        if not collected:
            gc.collect()
            collected = True
        pause.wait(0.02)


def survivors(run: str, own: frozenset[int]) -> list[psutil.Process]:
    """The processes that carry this run's mark in their environment, but for those numbered in `own`."""
    wanted = f"{MARK}={run}".encode()
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if wanted in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                found.append(process)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def _words(child: psutil.Process) -> str:
    try:
        return f"child process {child.pid} {' '.join(child.cmdline()) or child.status()}"[:200]
    except psutil.NoSuchProcess:
        return f"child process {child.pid}, just ended"
