"""One Puppet for all tests of a file, which looks up by the real Hiera, and services that it asks."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec import Struct

from tests.live.client.services import Behaviour, Service, running
from tests.waiting import free_port

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "puppet-modules"
LOOKER = Path(__file__).with_name("looker.rb")
NODE = "web01.example.org"
ABSENT = "(no such key)"

Serve = Callable[[Behaviour], Service]


class Looked(Struct, frozen=True):
    """What a catalog's lookups came to: their values, or the error that ended it; and what Puppet logged."""

    logs: tuple[str, ...]
    values: tuple[Any, ...] | None = None
    error: str | None = None
    seconds: float = 0.0


class Looker:
    """A Puppet process, and the environment that it reads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.environment = folder / "env/production"
        (self.environment / "manifests").mkdir(parents=True)
        for name in ("conf", "var"):
            (folder / name).mkdir()
        self._process = subprocess.Popen(
            ["ruby", str(LOOKER), str(folder), str(MODULES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"},
        )  # fmt: skip

    def __call__(self, *keys: str, node: str = NODE, again: bool = False, **options: Any) -> Looked:
        """Look keys up in one catalog; `options` are those of hiera.yaml beside the state folder. `again`: in the very
        environment that the lookup before loaded.
        """
        level = {"name": "Enclume", "lookup_key": "enclume::lookup_key"}
        stated = {"options": {"state": str(self.state), "deadline": 1, **options}}
        hierarchy = {"version": 5, "hierarchy": [level | stated]}
        (self.environment / "hiera.yaml").write_text(yaml.safe_dump(hierarchy))
        begin = time.monotonic()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"node": node, "keys": keys or ("a::b",), "again": again}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return msgspec.structs.replace(msgspec.json.decode(line, type=Looked), seconds=time.monotonic() - begin)

    @property
    def kept(self) -> Path:
        return self.state / NODE

    def age(self, seconds: float) -> None:
        """Make the kept answer older by `seconds`."""
        moment = time.time() - seconds
        os.utime(self.kept, (moment, moment))

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def puppet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looker]:
    looker = Looker(tmp_path_factory.mktemp("looker"))
    yield looker
    looker.close()


@pytest.fixture
def look(puppet: Looker, tmp_path: Path) -> Looker:
    """The module's Puppet, with a state folder of the test's own."""
    puppet.state = tmp_path / "state"
    return puppet


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a service that behaves so; all are closed after the test."""
    with ExitStack() as stack:
        yield lambda behaviour: stack.enter_context(running(behaviour))


@pytest.fixture
def refused() -> str:
    """The URL of a port where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"
