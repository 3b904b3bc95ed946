"""What the measurements run against: certificates, a real slapd with a generated estate, and `enclume serve` as a
process.
"""

import http.client
import json
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import trustme
import yaml

from tests.bench import estate
from tests.bench.estate import Size
from tests.live.hypervisors import Hypervisor
from tests.live.slapd import Slapd, TLSFiles
from tests.waiting import free_port, until

ROOT = Path(__file__).parents[2]
NAME = "enclume.bench.test"
PUPPET = "puppet.bench.test"


class Certificates:
    """A CA, the service's certificate, and a Puppet server's, as PEM files."""

    def __init__(self, folder: Path) -> None:
        self._ca, self._folder = trustme.CA(), folder
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)
        self.service = self._issue(NAME, "127.0.0.1", NAME)
        self._of: dict[str, TLSFiles] = {}
        self.client = self.of(PUPPET)

    def of(self, certname: str) -> TLSFiles:
        """A host's certificate."""
        if certname not in self._of:
            self._of[certname] = self._issue(certname, certname)
        return self._of[certname]

    def _issue(self, certname: str, *names: str) -> TLSFiles:
        leaf = self._ca.issue_cert(*names, common_name=certname, key_type=trustme.KeyType.RSA)
        certificate, key = self._folder / f"{certname}.pem", self._folder / f"{certname}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return TLSFiles(self.ca, certificate, key)

    def context(self, certname: str = PUPPET) -> ssl.SSLContext:
        """What a Puppet server connects with, or another host."""
        context = ssl.create_default_context(cafile=self.ca)
        files = self.of(certname)
        context.load_cert_chain(files.certificate, files.key)
        return context


class Process:
    """A server process with TLS on a free port of 127.0.0.1."""

    def __init__(self, command: list[str], certificates: Certificates, port: int, log: Path) -> None:
        self.port, self._certificates = port, certificates
        self._log = log.open("wb")
        self.began = time.perf_counter()
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it cleanly."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def connect(self, timeout: float = 10, certname: str = PUPPET) -> http.client.HTTPSConnection:
        """A connection as a Puppet server makes it, or another host."""
        context = self._certificates.context(certname)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def get(self, path: str, timeout: float = 10) -> tuple[int, bytes]:
        """Status and body; status 0 while nobody listens."""
        return self._ask("GET", path, None, self.connect(timeout))

    def put(self, path: str, body: bytes, certname: str) -> int:
        """The status of what a host delivers."""
        return self._ask("PUT", path, body, self.connect(certname=certname))[0]

    def _ask(
        self, method: str, path: str, body: bytes | None, connection: http.client.HTTPSConnection
    ) -> tuple[int, bytes]:
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def wait_for(self, path: str, timeout: float = 120) -> float:
        """Seconds from the process's start to the first 200."""
        until(lambda: self.get(path)[0] == 200, timeout, f"200 for {path}")
        return time.perf_counter() - self.began

    def settle(self, timeout: float = 60) -> None:
        """Wait until it has nothing to do: all is read, built and written."""
        processes = self._processes()
        until(lambda: sum(process.cpu_percent(1.0) for process in processes) < 30, timeout, "a service at rest")

    def _processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu(self) -> float:
        """Seconds of CPU that the worker has taken so far: the master's first child."""
        times = self._processes()[1].cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """PSS of the process and all its children together, in MB."""
        return sum(float(process.memory_full_info().pss) for process in self._processes()) / 1e6


class World:
    """A slapd with an estate, its hypervisors simulated by one libvirtd, and settings for `enclume serve`."""

    def __init__(  # noqa: PLR0917 - all are needed, none is more so
        self,
        folder: Path,
        size: Size,
        certificates: Certificates,
        libvirtd: Hypervisor,
        uris: Mapping[str, str],
        statistics: float = 30.0,
    ) -> None:
        folder.mkdir()
        self._statistics = statistics
        self.size, self._folder, self.certificates = size, folder, certificates
        (folder / "estate.ldif").write_text(estate.ldif(size))
        for number in range(size.hypervisors):
            (folder / f"node{number}.xml").write_text(estate.node_file(number, size))
        self.uris = {
            estate.hypervisor(n): f"test+unix://{folder}/node{n}.xml?socket={libvirtd.socket}"
            for n in range(size.hypervisors)
        }
        self.uris |= uris
        self.slapd = Slapd(folder / "ldap", base=estate.BASE, ldif=folder / "estate.ldif", tls=certificates.service)

    def __enter__(self) -> Self:
        self.slapd.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.slapd.__exit__(kind, error, trace)

    def serve(self) -> Process:
        """Start the service; its state folder stays from one start to the next."""
        port = free_port()
        config = self._folder / "enclume.yaml"
        config.write_text(yaml.safe_dump(self._settings(port)))
        command = [sys.executable, "-m", "cli", "--config", str(config), "serve", "--log-level", "warning"]
        return Process(command, self.certificates, port, self._folder / "service.log")

    def _settings(self, port: int) -> dict[str, Any]:
        files = self.certificates.service
        return {
            "directory": {"uri": self.slapd.ldaps_uri, "base": estate.BASE, "ca_file": str(files.ca)},
            "listen": f"127.0.0.1:{port}",
            "tls": {"certificate": str(files.certificate), "key": str(files.key), "ca": str(files.ca)},
            "access": {"servers": [PUPPET]},
            "state": str(self.state),
            "hypervisors": {"uris": self.uris, "allow_test": True, "statistics": self._statistics},
        }

    @property
    def state(self) -> Path:
        """The service's state folder."""
        return self._folder / "state"

    def forget(self) -> None:
        """Throw the state folder away."""
        subprocess.run(["rm", "-rf", str(self.state)], check=True)


def bare(certificates: Certificates, folder: Path, size: int) -> Process:
    """A bare Flask route that returns `size` constant bytes, on the same server."""
    port = free_port()
    files = certificates.service
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(size), *map(str, files), str(folder)]
    return Process(command, certificates, port, folder / "bare.log")


def decoded(answer: tuple[int, bytes]) -> Any:
    """The JSON of an answer."""
    return json.loads(answer[1])


def cpu_seconds() -> float:
    """CPU (user and system) that this process's ended children have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
