"""A shell in namespaces of its own (mount, UTS, IPC, network, PID), and the processes that live there.

When the shell ends (on `stop`, or because the test process died and its pipe closed) the kernel ends all of them.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until

UNSHARE = ("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
OBEY = """
set +e
while read -r command; do eval "$command"; done
"""


class Keeper:
    """Runs `script` in new namespaces, then the commands that `run` gives it. It writes into `folder`."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        file = folder / "keeper.sh"
        file.write_text("set -e\n" + script + OBEY)
        with (folder / "keeper.log").open("w") as log:
            self._process = subprocess.Popen(
                [*UNSHARE, "bash", str(file)], stdin=subprocess.PIPE, stdout=log, stderr=log, text=True
            )

    def run(self, command: str) -> None:
        """Have the shell run a command; does not wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End the shell and every process in its namespaces, and wait until all are gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)

    def pid_in(self, pidfile: Path) -> int:
        """The process number outside of the one that a pid file inside names."""
        inside = int(until(pidfile.read_text, 5, str(pidfile)))
        for process in self._processes():
            if _number_inside(process) == inside:
                return int(process.name)
        raise ProcessLookupError(f"no process {inside} of {pidfile}")

    def pids_named(self, name: str) -> list[int]:
        """The process numbers outside of those inside with this name."""
        return [int(process.name) for process in self._processes() if _field(process, "Name:") == name]

    def _processes(self) -> Iterator[Path]:
        shell = self._process.pid
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        namespace = _namespace(Path(f"/proc/{children[0]}"))
        for process in Path("/proc").glob("[0-9]*"):
            if _namespace(process) == namespace:
                yield process


def is_over(pid: int) -> bool:
    """Whether a process has ended (or is a zombie that its parent is about to reap)."""
    return _field(Path(f"/proc/{pid}"), "State:")[:1] in ("", "Z")


def _number_inside(process: Path) -> int:
    """A process's number in its innermost namespace; 0 when it just ended."""
    return int((_field(process, "NSpid:").split() or ["0"])[-1])


def _field(process: Path, name: str) -> str:
    """A line of a process's status without its name; "" when the process just ended."""
    try:
        lines = (process / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line.removeprefix(name).strip() for line in lines if line.startswith(name)), "")


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns" / "pid").readlink())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
