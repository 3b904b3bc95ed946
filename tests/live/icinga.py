"""A real Icinga 2 of one's own, for tests: everything below one folder, its API on a free port of 127.0.0.1.

It runs as the package's own user (nagios), who may not read what root keeps for itself: the plugin is a copy of the few
files that it needs, run by the system's Python alone.
"""

import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.live.server.authority import Authority, Identity
from tests.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[2]
USER = "nagios"
PLUGIN = (
    "cli.py", "commands/__init__.py", "commands/check.py", "commands/check_client.py", "commands/check_output.py",
    "commands/unjudged.py",
)  # fmt: skip
STATES = ("ok", "warning", "critical", "unknown")

# What a site has of its own: whom to ask and how, and templates that complete ours.
_CONFIG = """\
const PluginDir = "/usr/lib/nagios/plugins"
const ZoneName = "localhost"
if (!globals.contains("EnclumeConfigDir")) {{
  const EnclumeConfigDir = "{folder}/enclume"
}}
const EnclumePlugin = "{plugin}"
const EnclumeUrl = "{url}"
const EnclumeCert = "{folder}/icinga.pem"
const EnclumeKey = "{folder}/icinga.key"
const EnclumeCa = "{folder}/ca.pem"
include <itl>
include <plugins>
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{ }}
object FileLogger "main" {{ severity = "information"; path = LogDir + "/icinga2.log" }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
object ApiUser "test" {{ password = "test"; permissions = [ "*" ] }}
template Host "enclume-host-local" {{ check_command = "dummy" }}
template Service "enclume-service-local" {{
  check_interval = 10m
  retry_interval = 1s
  vars.pager = "night"
}}
template Service "enclume-site-service-local" {{ retry_interval = 1s }}
apply Service "mine" {{
  check_command = "dummy"
  assign where "webmail" in host.vars.enclume_services && host.vars.enclume_kind == "guest"
}}
include_recursive EnclumeConfigDir
"""


class Icinga:
    """Below `folder`, which user nagios may enter; the generated configuration belongs into `enclume`.

    `url` is Enclume's; `identity` what the plugin shows there, `authority` whom it believes; `more` is configuration.
    """

    def __init__(self, folder: Path, url: str, authority: Authority, identity: Identity, more: str = "") -> None:
        self.folder, self.enclume, self.config = folder, folder / "enclume", folder / "icinga2.conf"
        self._authority, self._port = authority, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("data/certs", "log", "cache", "spool", "run"):
            (folder / name).mkdir(parents=True)
        self._copy(authority.ca, "ca.pem")
        self._copy(identity.certificate, "icinga.pem")
        self._copy(identity.key, "icinga.key")
        own = authority.issue("localhost")
        for source, name in ((authority.ca, "ca.crt"), (own.certificate, "localhost.crt"), (own.key, "localhost.key")):
            self._copy(source, f"data/certs/{name}")
        self.config.write_text(_CONFIG.format(folder=folder, plugin=self._plugin(), url=url, port=self._port) + more)
        self.program = self._program()
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, USER, USER)

    def _copy(self, source: Path, name: str) -> None:
        shutil.copy(source, self.folder / name)
        (self.folder / name).chmod(0o600)

    def _plugin(self) -> Path:
        for name in PLUGIN:
            (self.folder / "plugin" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / "plugin" / name)
        program = self.folder / "plugin" / "enclume"
        python = Path(sys.executable).resolve()
        program.write_text(f'#!/bin/sh\nexec {python} -B -S {program.parent}/cli.py "$@"\n')
        program.chmod(0o755)
        return program

    def _program(self) -> Path:
        """Icinga's program with the folders that are its own here; it takes definitions after its verb only."""
        folders = {"ConfigDir": "", "DataDir": "data", "LogDir": "log", "SpoolDir": "spool", "InitRunDir": "run"}
        defined = [f"-D{name}={self.folder / path}" for name, path in folders.items()]
        users = [f"-DRunAsUser={USER}", f"-DRunAsGroup={USER}", "-DNodeName=localhost"]
        program = self.folder / "icinga2"
        program.write_text(f'#!/bin/sh\nexec icinga2 "$@" {" ".join([*defined, *users])}\n')
        program.chmod(0o755)
        return program

    def start(self) -> Self:
        """Start it; returns when its API answers."""
        private = [f"-DCacheDir={self.folder}/cache", f"-DPidPath={self.folder}/run/icinga2.pid"]
        command = [str(self.program), "daemon", "-c", str(self.config), *private]
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment()
            )
        until(
            lambda: self._ask("GET", "/v1/status/IcingaApplication")[0] == 200, 30, f"Icinga's API; it said {self.said}"
        )
        return self

    @property
    def said(self) -> str:
        """What it has said."""
        return (self.folder / "out").read_text(errors="replace")[-3000:]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        context = ssl.create_default_context(cafile=str(self._authority.ca))
        connection = http.client.HTTPSConnection("localhost", self._port, timeout=10, context=context)
        headers = {"Accept": "application/json", "Authorization": f"Basic {base64.b64encode(b'test:test').decode()}"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def objects(self, kind: str) -> dict[str, Any]:
        """The attributes of all hosts, services or dependencies, by their full name."""
        status, found = self._ask("GET", f"/v1/objects/{kind}")
        assert status == 200, found
        return {one["name"]: one["attrs"] for one in found["results"]}

    def service(self, name: str) -> Any:
        """One service's attributes, by its host's and its own name: HOST!SERVICE."""
        status, found = self._ask("GET", f"/v1/objects/services/{quote(name, safe='')}")
        assert status == 200, found
        return found["results"][0]["attrs"]

    def check_now(self, name: str) -> None:
        """Have a service checked at once; until its state is hard Icinga goes on by itself."""
        body = {"type": "Service", "service": name, "force": True}
        status, found = self._ask("POST", "/v1/actions/reschedule-check", body)
        assert status == 200, found

    def until_hard(self, name: str, state: str) -> Any:
        """Have a service checked, and return its attributes once a check of from now on gave it this state for good."""
        begin = time.time()

        def reached() -> Any:
            found = self.service(name)
            last = found["last_check_result"] or {"schedule_start": 0, "execution_end": 0}
            checked = last["schedule_start"] >= begin
            there = STATES[int(found["state"])] == state
            # While one runs, Icinga takes no other: the one that ran at the beginning had ours forgotten.
            forgotten = last["schedule_start"] < begin <= last["execution_end"]
            # It was asked before the verdict was made.
            too_early = checked and not there
            if forgotten or too_early:
                self.check_now(name)
            return found if checked and there and found["state_type"] == 1 else None

        self.check_now(name)
        try:
            return until(reached, 30, f"{name} to be {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.service(name)['last_check_result']}") from error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ENCLUME_") or "TEST" in name}
