"""`enclume serve`: how its process keeps house."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOCATING = """
import ctypes, sys, tempfile, threading
from commands.serve import give_back_memory

if sys.argv[1] == "few":
    give_back_memory()
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
