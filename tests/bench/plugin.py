"""What one run of `enclume check` takes, which Icinga starts for every check, beside a Python that does nothing."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

from audit.verdict import Measure
from tests.bench.world import ROOT
from tests.web.judging import Judging, audited, get, verdict

CALLS = 40


class _Verdicts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def plugin_start() -> tuple[float, float]:
    """Milliseconds of one run (median), start and answer together; and how many times `python -c pass` that is. Both
    are run in turn, so that other work on the machine slows both.
    """
    _Verdicts.body = get(Judging(audited(verdict("web01", measures=(Measure("age", 90, "s", 60, 120),))))).data
    with ThreadingHTTPServer(("127.0.0.1", 0), _Verdicts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        ours = [sys.executable, str(ROOT / "cli.py"), "check", "placement", "--url", url]
        bare = [sys.executable, "-c", "pass"]
        took = [(_milliseconds(ours), _milliseconds(bare)) for _ in range(CALLS)]
        server.shutdown()
    return median(one for one, _ in took), median(one / other for one, other in took)


def _milliseconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return (time.perf_counter() - begin) * 1000
