"""The example laboratory for tests of commands: a real slapd, libvirt's test driver, the real service on loopback."""

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import yaml

import cli
from tests.live.slapd import Slapd
from tests.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "examples/lab"
BASE = "dc=lab,dc=test"
HOSTS, SERVICES = f"ou=hosts,{BASE}", f"ou=services,{BASE}"
HYPERVISORS = ("coquille1.lab.test", "coquille2.lab.test")


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def enclume(config: Path | None, *arguments: str) -> Done:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    named = [] if config is None else ["--config", str(config)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([*named, *arguments])
    return Done(status, *(_written(file) for file in (out, err)))


def _written(file: io.TextIOWrapper) -> str:
    file.seek(0)
    return file.read()


def membership(verb: str, host: str, service: str) -> str:
    """An LDIF that adds a member to a service, or deletes it."""
    return f"dn: cn={service},{SERVICES}\nchangetype: modify\n{verb}: member\nmember: cn={host}.lab.test,{HOSTS}\n\n"


class Laboratory:
    """Everything below `folder`; `settings` are added to those that reach it. The service runs when it is started."""

    def __init__(self, folder: Path, slapd: Slapd, settings: Mapping[str, Any] | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.slapd, self.port = folder, slapd, free_port()
        self.config, self.state, self._log = folder / "enclume.yaml", folder / "state", folder / "log"
        self.settings: dict[str, Any] = {
            "directory": {"uri": slapd.uri, "base": BASE, "deadline": 1.0},
            "state": str(self.state),
            "listen": f"127.0.0.1:{self.port}",
            "hypervisors": {
                "uris": {name: f"test://{LAB}/{name.partition('.')[0]}.xml" for name in HYPERVISORS},
                "allow_test": True,
            },
            **(settings or {}),
        }
        self.write()
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, **changes: Any) -> Self:
        """Write the settings file, with changes."""
        self.settings.update(changes)
        self.config.write_text(yaml.safe_dump(self.settings))
        return self

    def run(self, *arguments: str) -> Done:
        """Run a command with these settings."""
        return enclume(self.config, *arguments)

    @property
    def log(self) -> str:
        """What the service has said."""
        return self._log.read_text(errors="replace")

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "the service was not started"
        return self._process

    def start(self) -> Self:
        """Start the service and wait for its answers."""
        self.launch()
        until(lambda: self.get("/health/ready")[0] == 200, 30, "the service's answers")
        return self

    def launch(self) -> Self:
        """Start the service."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "cli.py"), "--config", str(self.config), "serve"],
                cwd=self.folder,
                env=os.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET; (0, None) while nobody answers."""
        assert self.process.poll() is None, self.log
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def classes(self, certname: str) -> set[str]:
        """The classes that the service answers."""
        return set(self.get(f"/enc/{certname}")[1]["classes"])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """End the service in good order; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.terminate()
        return process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
