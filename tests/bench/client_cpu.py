"""What `enclume-enc` costs a Puppet server beside the plain curl that it wraps: CPU, over many calls in turn."""

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.world import ROOT, cpu_seconds

CALLS = 200

_BODY = b'{"classes":{},"parameters":{"enclume":{' + b",".join(b'"k%d":"%d"' % (n, n) for n in range(90)) + b"}}}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_BODY)))
        self.end_headers()
        self.wfile.write(_BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def client_cpu_ratio(folder: Path) -> float:
    """CPU (user and system) of `enclume-enc` divided by that of `sh -c 'curl …'`, in turn."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        config = folder / "enc.conf"
        config.touch(mode=0o600)
        environment = {
            "PATH": os.environ["PATH"],
            "ENCLUME_ENC_URLS": url,
            "ENCLUME_ENC_STATE": str(folder / "client"),
            "ENCLUME_ENC_CONFIG": str(config),
        }
        (folder / "client").mkdir(mode=0o700)
        ours = [str(ROOT / "enc" / "client" / "enclume-enc"), "web01.bench.test"]
        plain = ["sh", "-c", f"curl -sf {url}/enc/web01.bench.test"]
        spent = [0.0, 0.0]
        for _ in range(CALLS):
            for position, command in enumerate((ours, plain)):
                before = cpu_seconds()
                subprocess.run(command, env=environment, capture_output=True, check=True)
                spent[position] += cpu_seconds() - before
        server.shutdown()
    return spent[0] / spent[1]
