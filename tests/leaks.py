"""What a test may not leave behind: threads, child processes, sockets; and processes that outlive the whole run."""

import gc
import threading
import time
from pathlib import Path

import msgspec
import psutil

MARK = "ENCLUME_TEST_RUN"
PATIENCE = 2.0


class Traces(msgspec.Struct, frozen=True):
    """What this process holds at one moment: names of threads, command lines of children, sockets by inode."""

    threads: frozenset[str]
    children: frozenset[str]
    sockets: frozenset[str]

    def since(self, before: "Traces") -> list[str]:
        """One line for each thing that is here and was not there before."""
        return sorted(
            (self.threads - before.threads) | (self.children - before.children) | (self.sockets - before.sockets)
        )


def traces() -> Traces:
    return Traces(
        threads=frozenset(f"thread {found.name} ({found.native_id})" for found in threading.enumerate()),
        children=frozenset(_children()),
        sockets=frozenset(_sockets()),
    )


def left_since(before: Traces) -> list[str]:
    """What is still here that was not there before, after waiting for what is just ending."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    collected = False
    while True:
        found = traces().since(before)
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


def _children() -> list[str]:
    found = []
    for child in psutil.Process().children():
        try:
            found.append(f"child process {child.pid} {' '.join(child.cmdline()) or child.status()}"[:200])
        except psutil.NoSuchProcess:
            continue
    return found


def _sockets() -> list[str]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.append(f"descriptor {descriptor.name} {target}")
    return found
