"""The service itself, run from this checkout as an administrator runs it, with the Puppet CA's certificates."""

import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.live.puppet_ca import Identity
from tests.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "enc/client/enclume-enc"


class Enclume:
    """`enclume serve` over TLS on a free port of 127.0.0.1, with its settings, state and log below `folder`.

    `identity` is its certificate, whose name the URL uses; `settings` are all the others.
    """

    def __init__(self, folder: Path, identity: Identity, settings: Mapping[str, Any]) -> None:
        self.folder, self.identity, self.port = folder, identity, free_port()
        self.url = f"https://localhost:{self.port}"
        folder.mkdir(exist_ok=True)
        tls = {"certificate": identity.cert, "key": identity.key, "ca": identity.ca, "crl": identity.crl}
        listen = {"listen": f"127.0.0.1:{self.port}", "state": str(folder / "state")}
        every = {**settings, **listen, "tls": {name: str(path) for name, path in tls.items()}}
        self.config = folder / "enclume.yaml"
        self.config.write_text(yaml.safe_dump(every))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The master's process number."""
        assert self._process is not None, "the service was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> Self:
        """Start it; `wait_ready` tells when it has answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli", "--config", str(self.config), "serve"],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        return self

    def wait_ready(self, timeout: float = 30) -> Self:
        """Return when it has answers."""
        until(lambda: self.get("/health/ready")[0] == 200, timeout, f"the service at {self.url}")
        return self

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def answer(self, certname: str) -> Any:
        """What it says about a node, as its own certificate may ask; None while it says nothing."""
        status, body = self.get(f"/enc/{certname}")
        return json.loads(body) if status == 200 else None

    def __enter__(self) -> Self:
        return self.start().wait_ready()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body, as its own certificate may ask; status 0 while nobody listens."""
        assert self._process is not None
        assert self._process.poll() is None, f"the service ended: {self.log[-3000:]}"
        context = ssl.create_default_context(cafile=str(self.identity.ca))
        context.load_cert_chain(self.identity.cert, self.identity.key)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=5, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()


def install_client(folder: Path, urls: str, own: Identity, user: str) -> str:
    """Install `enclume-enc` below `folder` for a user, who may read `own`; the script that Puppet is to run."""
    client, conf, state = folder / "enclume-enc", folder / "enc.conf", folder / "enclume-enc-state"
    client.write_bytes(CLIENT.read_bytes())
    client.chmod(0o755)
    lines = {"URLS": urls, "STATE": state, "CERT": own.cert, "KEY": own.key, "CA": own.ca, "CRL": own.crl}
    conf.write_text("".join(f"ENCLUME_ENC_{name}={value}\n" for name, value in lines.items()))
    subprocess.run(["install", "-d", "-m", "700", "-o", user, "-g", user, str(state)], check=True)
    return f'#!/bin/sh\nENCLUME_ENC_CONFIG={conf} exec {client} "$@"\n'
