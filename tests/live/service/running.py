"""`enclume serve` as a process of its own on plain HTTP: ways to ask it, to hurt it, to look at what it keeps."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import yaml

from tests.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[3]
KEPT = re.compile(
    r"spool|history\.sqlite(-wal|-shm|-journal)?|directory|generation|remembered|times|runs|lock|hypervisor-coquille[12]\.lab\.test|\..*\.new"
)

REPORTS = ("spool", "history.sqlite")
"""What is kept of Puppet runs, in ways of its own."""


class Reply:
    """An HTTP answer; header names in lower case."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def age(self) -> int:
        return int(self.headers["x-enclume-age"])


class Service:
    """The service with everything that it writes in a short folder of its own, which any user may enter.

    `within` is a command that the service is run by (nsenter, for example); `user` whom it runs as.
    """

    def __init__(self, settings: Mapping[str, Any], *, within: Sequence[str] = (), user: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="enc"))
        self.folder.chmod(0o755)
        self.state, self.work, self.config = self.folder / "state", self.folder / "work", self.folder / "enclume.yaml"
        self.work.mkdir()
        self.port = free_port()
        self.settings = {"listen": f"127.0.0.1:{self.port}", "state": str(self.state), **settings}
        self.write()
        self._within, self._user = list(within), user
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, **changes: Any) -> None:
        """Write the settings file, with these changes."""
        self.settings = {**self.settings, **changes}
        self.config.write_text(yaml.safe_dump(self.settings))

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> Self:
        """Start it; `wait_ready` tells when it has answers."""
        command = [*self._within, sys.executable, "-m", "cli", "--config", str(self.config), "serve"]
        home = {"HOME": str(self.work), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **home}, user=self._user,
            )  # fmt: skip
        return self

    def wait_ready(self, timeout: float = 30) -> Self:
        """Return when it has answers."""
        try:
            until(lambda: self.status("/health/ready") == 200, timeout, "the service to have answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends with: {self.log[-2000:]}") from error
        return self

    @property
    def process(self) -> psutil.Process:
        """The master."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def family(self) -> list[psutil.Process]:
        """The master, its worker, and the worker's child."""
        return [self.process, *self.process.children(recursive=True)]

    @property
    def worker(self) -> psutil.Process:
        """The process that builds and answers."""
        return until(self.process.children, what="a worker")[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the master."""
        self.process.send_signal(number)

    def reload(self) -> Self:
        """SIGHUP; returns when a new worker serves and has the state folder for itself."""
        old = self.worker
        self.send(signal.SIGHUP)
        until(lambda: not old.is_running() and self.status("/health/ready") == 200, 20, "the new worker")
        until(lambda: not any("/lock" in problem for problem in self.ready["problems"]), 5, "the state folder's lock")
        return self

    def stop(self) -> float:
        """End it in good order; how many seconds that took, until no process of it was left."""
        if self._process is None:
            return 0.0
        family, begin = self.family, time.monotonic()
        self._process.terminate()
        assert self._process.wait(30) == 0, self.log[-3000:]
        self._process = None
        _, left = psutil.wait_procs(family[1:], 10)
        assert not left, left
        return time.monotonic() - begin

    def kill(self, *, wait: bool = True) -> None:
        """kill -9 of every process at once, as when the machine dies; `wait` until the system has buried them all."""
        assert self._process is not None
        family = self.family if self._process.poll() is None else []
        for process in family:
            process.kill()
        self._process.wait(10)
        self._process = None
        if wait:
            psutil.wait_procs(family, 10)

    def connect(self, timeout: float = 10) -> http.client.HTTPConnection:
        """A client's connection; nothing is sent yet."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def status(self, path: str) -> int:
        """The status of a GET; 0 while nobody listens, an error once the service has ended."""
        assert self._process is not None
        assert self._process.poll() is None, f"the service ended: {self.log[-3000:]}"
        try:
            return self.get(path).status
        except (OSError, http.client.HTTPException):
            return 0

    def raw(self, data: bytes) -> bytes:
        """All that is answered to these bytes on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def answer(self, certname: str) -> Any:
        """What Puppet is told about a node; None while that is nothing."""
        reply = self.get(f"/enc/{certname}")
        return reply.json if reply.status == 200 else None

    def bodies(self, *certnames: str) -> dict[str, bytes]:
        """The very bytes of some nodes' answers."""
        replies = {name: self.get(f"/enc/{name}") for name in certnames}
        assert {reply.status for reply in replies.values()} == {200}, {
            name: reply.body for name, reply in replies.items() if reply.status != 200
        }
        return {name: reply.body for name, reply in replies.items()}

    @property
    def ready(self) -> Any:
        """`/health/ready`."""
        return self.get("/health/ready").json

    def source(self, kind: str, target: str = "") -> Any:
        """What `/health/ready` says of one source."""
        sources = self.ready["sources"]
        return next(one for one in sources if one["kind"] == kind and target in one["target"])

    def findings(self, **wanted: Any) -> list[dict[str, Any]]:
        """The findings of `/findings` that have these values."""
        found = self.get("/findings").json["findings"]
        return [one for one in found if wanted.items() <= one.items()]

    def strangers(self) -> list[str]:
        """Whatever it wrote where it should not, or under a name that it should not use."""
        own = [path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()]
        wanted = {
            "enclume.yaml",
            "log",
            "state/spool/lock",
            *(str(path) for path in own if path.parent == Path("state") and _is_kept(path)),
        }
        return sorted({str(path) for path in own} - wanted)

    def kept(self) -> list[Path]:
        """The files of the shelf that hold something."""
        others, found = ("lock", ".unreadable", ".new"), self.state.iterdir()
        return sorted(path for path in found if not path.name.endswith(others) and not path.name.startswith(REPORTS))

    def close(self) -> None:
        """End it, however it stands, and remove its folder."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start().wait_ready()
        except AssertionError:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_kept(path: Path) -> bool:
    return KEPT.fullmatch(path.name) is not None
