"""A state folder with files that are broken or foreign."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Mapping

import pytest

from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.kept import FILES, answered, is_whole
from tests.live.service.running import Service
from tests.waiting import until


def signed(*lines: str) -> bytes:
    """A file of the state folder with a right checksum."""
    body = "".join(f"{line}\n" for line in lines).encode()
    return body + json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"


def half(text: bytes) -> bytes:
    return text[: len(text) // 2]


def without_a_line(text: bytes) -> bytes:
    """What a disk makes of it that loses a block."""
    lines = text.splitlines(keepends=True)
    return b"".join(lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :])


SPOILERS: Mapping[str, Callable[[bytes], bytes]] = {
    "cut in half": half,
    "cut by a byte": lambda text: text[:-2],
    "without a line": without_a_line,
    "empty": lambda _: b"",
    "zeros": lambda text: b"\0" * len(text),
    "text": lambda _: b"Dear diary,\ntoday\n",
    "foreign JSON": lambda _: b'{"a": 1}\n',
    "nested without end": lambda _: b"[" * 100_000 + b"\n",
    "nested in the checksum": lambda _: b'{"sha256": ' + b"[" * 100_000 + b"\n",
    "of another kind": lambda _: signed('{"kind":"diary","version":1}', '"today"'),
    "of another version": lambda text: signed(*text.decode().replace('"version":1', '"version":2').splitlines()[:-1]),
    "signed nonsense": lambda text: signed(text.decode().splitlines()[0], "[[[", '"x"'),
    "signed and nested without end": lambda text: signed(text.decode().splitlines()[0], "[" * 100_000),
    "signed and without content": lambda text: signed(text.decode().splitlines()[0]),
}


@pytest.fixture(scope="module")
def good(service: Service) -> Mapping[str, bytes]:
    """Every file of the state folder, whole."""
    service.stop()
    found = {name: (service.state / name).read_bytes() for name in FILES}
    service.start().wait_ready()
    return found


@pytest.fixture(scope="module")
def bodies(service: Service) -> Mapping[str, bytes]:
    return service.bodies(*NODES)


def restore(service: Service, files: Mapping[str, bytes]) -> None:
    """Put these files, and nothing else, into the state folder of a service that does not run."""
    shutil.rmtree(service.state)
    service.state.mkdir()
    for name, text in files.items():
        (service.state / name).write_bytes(text)


def unsaid(service: Service) -> set[str]:
    """The files of which the service does not say that anything is wrong."""
    said = service.ready["problems"]
    return {name for name in FILES if not any(str(service.state / name) in problem for problem in said)}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS.keys())
def test_files_that_make_no_sense_are_set_aside_and_said(
    service: Service, good: Mapping[str, bytes], bodies: Mapping[str, bytes], spoil: Callable[[bytes], bytes]
) -> None:
    """All of them at once; whatever the service says until it has read everything anew, it is everything or nothing."""
    service.kill()
    restore(service, {name: spoil(text) for name, text in good.items()})
    service.start()
    until(lambda: service.status("/health/live"), 20, "the service to listen")
    until(lambda: answered(service) == bodies, 20, "every answer")
    until(lambda: unsaid(service) <= {"remembered", "times"}, 5, "the problems")
    assert all((service.state / f"{name}.unreadable").exists() for name in FILES if name not in unsaid(service))
    assert str(service.state / "generation") in service.log
    until(lambda: all(map(is_whole, service.kept())), 10, "whole files")


@pytest.mark.parametrize("name", FILES)
def test_one_truncated_file_costs_only_what_stood_in_it(
    estate: SmallEstate, service: Service, good: Mapping[str, bytes], bodies: Mapping[str, bytes], name: str
) -> None:
    """With every source down: without its generation nobody is answered by half, without any other all are."""
    service.kill()
    cut = random.randrange(1, len(good[name]) - 1)
    restore(service, {**good, name: good[name][:cut]})
    estate.slapd.stop()
    estate.one.freeze()
    estate.two.freeze()
    try:
        service.start()
        until(lambda: service.status("/health/live"), 20, "the service to listen")
        until(lambda: service.source("directory")["error"], 10, "the directory to fail")
        assert any(f"/{name}: " in problem for problem in service.ready["problems"]), (cut, service.ready["problems"])
        seen = answered(service)
        assert seen in ({}, bodies), (name, cut)
        assert seen or name == "generation"
    finally:
        estate.one.thaw()
        estate.two.thaw()
        estate.slapd.start()
    until(lambda: answered(service) == bodies, 30, "every answer")


def test_a_folder_where_a_file_should_be_is_said_and_goes_on(
    service: Service, good: Mapping[str, bytes], bodies: Mapping[str, bytes]
) -> None:
    service.kill()
    restore(service, good)
    (service.state / "generation").unlink()
    (service.state / "generation").mkdir()
    service.start().wait_ready()
    until(lambda: answered(service) == bodies, 10, "every answer")
    assert any("generation" in problem for problem in service.ready["problems"])
    shutil.rmtree(service.state / "generation")
