"""The C library's memory."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOCATING = """
import ctypes, sys, tempfile, threading
from facts.memory import keep_little

if sys.argv[1] == "few":
    keep_little()
meet = threading.Barrier(8)

def work():
    held = bytes(1000)
    meet.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(open(file.name).read())
"""


def arenas(how: str) -> int:
    """How many arenas the C library has after eight threads took memory at one time."""
    command = [sys.executable, "-c", ALLOCATING, how]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return len(re.findall("<heap nr=", told))


def test_many_threads_share_the_memory_that_was_freed() -> None:
    assert arenas("as it is") > 1
    assert arenas("few") == 1


FREED_AMONG_KEPT = """
import psutil
from facts.memory import SELDOM, Returning

clock, process = [100.0], psutil.Process()
returning = Returning(lambda: clock[0])

def fill():
    # 100 MB, of which one piece in a hundred stays.
    made = [bytes(2000) for _ in range(50000)]
    return made[::100]

def given():
    before = process.memory_info().rss
    returning.give_back()
    return (before - process.memory_info().rss) / 1e6

kept = [fill()]
print(given() > 50)
kept.append(fill())
print(given() > 50)
clock[0] += SELDOM
print(given() > 50)
"""


def test_what_is_freed_among_what_is_kept_goes_back_to_the_system_now_and_then() -> None:
    command = [sys.executable, "-c", FREED_AMONG_KEPT]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["True", "False", "True"]
