"""Single measurements against a running process."""

import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.bench.load import Outcome, Plan, quantile
from tests.bench.world import ROOT, Certificates, Process


def latency(
    process: Process, certificates: Certificates, paths: tuple[str, ...], seconds: float, *, kept: bool
) -> Outcome:
    """Latencies at 100 requests a second, put on by a process of its own."""
    files = certificates.client
    plan = Plan(process.port, paths, 100, seconds, kept, str(files.ca), str(files.certificate), str(files.key))
    command = [sys.executable, "-m", "tests.bench.load", msgspec.json.encode(plan).decode()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    if outcome.failures:
        print(f"  ({outcome.failures} of {outcome.requests} requests failed)", file=sys.stderr)
    return outcome


def during(work: Callable[[], None], measured: Callable[[], Outcome]) -> Outcome:
    """Measure while some work goes on in a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    outcome = measured()
    thread.join()
    return outcome


def throughput(process: Process, certificates: Certificates, path: str, folder: Path) -> float:
    """Requests a second over eight kept connections, by ApacheBench, the best of three runs."""
    both = folder / "client-both.pem"
    files = certificates.client
    both.write_bytes(Path(files.certificate).read_bytes() + Path(files.key).read_bytes())
    url = f"https://127.0.0.1:{process.port}{path}"
    command = ["ab", "-q", "-k", "-c", "8", "-n", "6000", "-E", str(both), url]
    runs = [subprocess.run(command, capture_output=True, check=True, text=True).stdout for _ in range(3)]
    return max(float(match[1]) for run in runs if (match := re.search(r"Requests per second:\s+([\d.]+)", run)))


def change(process: Process, path: str, make: Callable[[], None], is_there: Callable[[bytes], bool]) -> float:
    """Milliseconds from the begin of a change to the answer that shows it."""
    began = time.perf_counter()
    make()
    return (_until_there(process, path, is_there) - began) * 1000


def change_made(process: Process, path: str, make: Callable[[], None], is_there: Callable[[bytes], bool]) -> float:
    """Milliseconds from the end of a change, which may take long itself, to the answer that shows it."""
    make()
    began = time.perf_counter()
    return (_until_there(process, path, is_there) - began) * 1000


def _until_there(process: Process, path: str, is_there: Callable[[bytes], bool]) -> float:
    connection, limit = process.connect(), time.perf_counter() + 20
    try:
        while True:
            connection.request("GET", path)
            if is_there(connection.getresponse().read()):
                return time.perf_counter()
            if time.perf_counter() > limit:
                raise AssertionError(f"{path} does not show the change after 20 s")
            time.sleep(0.01)
    finally:
        connection.close()


def spread(values: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(values)
    return quantile(ordered, 0.5), quantile(ordered, 0.99)


def machine() -> str:
    """What this runs on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {kernel}, Python {platform.python_version()}"
