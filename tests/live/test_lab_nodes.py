"""The lab's nodes end with whoever started them, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import until

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[2]
BOOTING = "from tests.lab.nodes import two_nodes\nwith two_nodes(): pass"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_node_outlives_whoever_started_it(number: signal.Signals) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", BOOTING], env=env, stderr=subprocess.DEVNULL) as starter:
        machines = until(lambda: machines_of(starter.pid), 240, "two nodes to boot")
        starter.send_signal(number)
        assert starter.wait(20) != 0
    _, left = psutil.wait_procs(machines, 10)
    assert left == []


def machines_of(starter: int) -> list[psutil.Process]:
    """Both of them, or none yet."""
    found = [child for child in psutil.Process(starter).children() if child.name().startswith("qemu-system")]
    return found if len(found) == 2 else []
