"""The demonstration's service: its settings file, and `enclume serve` as a child."""

import errno
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from commands.client import Service
from commands.demo_children import Child, child
from commands.demo_directory import example, shared
from commands.demo_stopping import Stopping, pause
from commands.outcome import Misused
from errors import SourceError
from facts.inventory.uri import parse_uri
from settings import DirectorySettings, Settings, load

HOST = "127.0.0.1"
_PATIENCE = 1200


def require_free(port: int) -> None:
    """Raise `Misused` when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"{error.strerror}"
            raise Misused(
                f"port {port} of {HOST}: {why}; choose another: --port NUMBER (make run PORT=NUMBER)"
            ) from error


def write_settings(folder: Path, estate: str, directory: DirectorySettings, port: int) -> Path:
    """Write `enclume.yaml`: the private slapd, libvirt's test driver in place of each hypervisor, loopback."""
    known = example(estate)
    nodes = shared() / "examples" / estate
    uris = {name: f"test://{nodes / file}" for name, file in known.hypervisors.items()}
    for uri in uris.values():
        try:
            parse_uri(uri, allow_test=True)
        except ValueError as error:
            raise Misused(f"the examples stand in a folder whose name libvirt cannot be given: {error}") from error
    content = {
        "directory": {"uri": directory.uris[0], "base": directory.base},
        "state": "state",
        "listen": f"{HOST}:{port}",
        "hypervisors": {"uris": uris, "allow_test": True},
    }
    file = folder / "enclume.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


@contextmanager
def service(file: Path, stopping: Stopping) -> Iterator[tuple[Child, Settings, int]]:
    """A service that has its answers (or was told to stop), its settings, and how many nodes it answers for."""
    settings = load(file)
    program = Path(__file__).resolve().parents[1] / "cli.py"
    command = [sys.executable, str(program), "--config", str(file), "serve"]
    with child("enclume serve", command, file.parent / "service.log") as running:
        yield running, settings, _await(running, Service(settings, timeout=5.0), stopping)


def _await(running: Child, asked: Service, stopping: Stopping) -> int:
    """Wait until every node is answered and judged; how many. Raises `SourceError` when it ends or takes too long."""
    for _ in range(_PATIENCE):
        running.check()
        try:
            ready = asked.ask("GET", "/health/ready")
            if ready.status == 200 and json.loads(asked.ask("GET", "/verdicts?limit=0").body)["problem"] is None:
                return int(json.loads(ready.body)["nodes"])
        except SourceError:
            # It does not listen yet.
            pass
        if not pause(stopping):
            return 0
    raise SourceError("enclume serve", "has no answers yet", f"look at {running.log}")
