"""A host of the small estate that observes itself: the real `enclume-observe`, on files of the host's own."""

import subprocess
import sys
from pathlib import Path

from tests.facts.observer.program import PROGRAM
from tests.live.service.running import Service

AHEAD = """import runpy, sys, time
now = time.time
time.time = lambda: now() + 120
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program with a clock that is two minutes ahead."""


class Observed:
    """What is below `root` is the host's; the service is reached on this machine's loopback address, without TLS."""

    def __init__(self, folder: Path, certname: str, service: Service, backups: str = "") -> None:
        self.root, self._config = folder / certname, folder / f"{certname}.conf"
        self.root.mkdir()
        settings = f"url = http://127.0.0.1:{service.port}\ncertname = {certname}\nspool = {folder}/{certname}.spool\n"
        self._config.write_text(f"[observe]\n{settings}[backups]\nfile = {backups}\n")

    def write(self, name: str, content: bytes | str) -> None:
        """Put a file there; its folder is made."""
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def push(self, clock: str = "") -> None:
        """Send what it sees now; an error unless the service takes all of it."""
        interpreter = [sys.executable, *(("-c", clock) if clock else ("-I",))]
        done = subprocess.run(
            [*interpreter, str(PROGRAM), "--config", str(self._config), "--root", str(self.root)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
