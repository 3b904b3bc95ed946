"""`enclume-observe` as a module, whose functions tests can call, and as a program that they can run."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import msgspec

from facts.observations import Observed

PROGRAM = Path(__file__).parents[3] / "facts" / "observer" / "enclume-observe"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "observer"
CAPTURES, ROOT = FIXTURES / "captures", FIXTURES / "root"


def load() -> Any:
    """The program as a module. It has no extension, so that no import finds it by itself."""
    loader = SourceFileLoader("enclume_observe", str(PROGRAM))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


observe = load()


def capture(name: str) -> str:
    return (CAPTURES / name).read_text()


def config(host: Any = None, **values: str) -> Any:
    """A configuration; keys are given as SECTION_KEY."""
    whole = {(each.section, each.key): each.default for each in observe.SETTINGS}
    for key, value in values.items():
        section, _, name = key.partition("_")
        assert (section, name) in whole, key
        whole[section, name] = value
    return observe.Config("observe.conf", whole, host or observe.Host(str(ROOT)))


@dataclasses.dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str | Path) -> Result:
    """Run the program as a host does, without anything of this environment."""
    begin = time.monotonic()
    command = [sys.executable, "-I", str(PROGRAM), *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if k.startswith("ENCLUME")}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def printed(root: Path, *arguments: str) -> Any:
    """What it prints of the host below `root`, which the service can read."""
    done = run("--print", "--root", root, *arguments)
    assert (done.status, done.err) == (0, "")
    msgspec.json.decode(done.out.encode(), type=Observed)
    return done.document
