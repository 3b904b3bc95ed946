"""Every test of `enclume-enc` runs under dash and under busybox's sh."""

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.client.services import Behaviour, Service, running
from tests.waiting import free_port

PROGRAM = Path(__file__).parents[3] / "enc" / "client" / "enclume-enc"
NODE = "web01.example.org"

Serve = Callable[[Behaviour], Service]


@dataclasses.dataclass(frozen=True)
class Result:
    status: int
    out: bytes
    err: str
    seconds: float


class Client:
    """`enclume-enc` with a shell, a state folder and settings in its environment."""

    def __init__(self, shell: list[str], folder: Path) -> None:
        self.shell, self.folder, self.state = shell, folder, folder / "state"
        self.environment = {
            "PATH": os.environ["PATH"],
            "ENCLUME_ENC_CONFIG": str(folder / "enc.conf"),
            "ENCLUME_ENC_STATE": str(self.state),
            "ENCLUME_ENC_DEADLINE": "1",
        }
        (folder / "enc.conf").write_text("# nothing\n")

    def command(self, *arguments: str) -> list[str]:
        return [*self.shell, str(PROGRAM), *arguments]

    def __call__(self, *arguments: str, wrapper: Sequence[str] = (), **settings: str) -> Result:
        """Run it, inside `wrapper`, with these settings; their names are given without ENCLUME_ENC_."""
        return self.run(arguments, wrapper, settings)

    def run(self, arguments: Sequence[str], wrapper: Sequence[str], settings: Mapping[str, str]) -> Result:
        ours = {f"ENCLUME_ENC_{key}": value for key, value in settings.items()}
        begin = time.monotonic()
        command, whole = [*wrapper, *self.command(*arguments)], self.environment | ours
        done = subprocess.run(command, env=whole, capture_output=True, timeout=30, check=False)
        return Result(done.returncode, done.stdout, done.stderr.decode(), time.monotonic() - begin)

    @property
    def stored(self) -> Path:
        return self.state / NODE

    def age(self, seconds: float) -> None:
        """Make the stored answer older by `seconds`."""
        moment = time.time() - seconds
        os.utime(self.stored, (moment, moment))


@pytest.fixture(params=["dash", "busybox sh"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    return Client(request.param.split(), tmp_path)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a service that behaves so; all are closed after the test."""
    with ExitStack() as stack:
        yield lambda behaviour: stack.enter_context(running(behaviour))


@pytest.fixture
def refused() -> str:
    """The URL of a port where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"
