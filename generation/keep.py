"""Keeping the generation on disk: one file of the shelf, a line for its numbers and one for each node."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from enc.answer import Answer
from enc.topology import NOT_SHOWN, UNDEFINED, Definitions
from facts.shelf import Shelf
from generation.generation import Generation, Hold, Recent

NAME = "generation"


class _Numbers(Struct, frozen=True):
    number: int
    counter: int
    built_at: float
    entries: int
    nodes: int
    hold: Hold | None
    recent: Recent = Recent()
    definitions: Definitions = UNDEFINED


class _Line(Struct, frozen=True, array_like=True):
    certname: str
    body: str
    parameters: str
    digest: str
    shown: str = NOT_SHOWN.decode()


def keep(shelf: Shelf, generation: Generation) -> None:
    """Write a generation to the shelf. Raises `StateError`."""
    shelf.write(NAME, NAME, _lines(generation))


def _lines(generation: Generation) -> Iterable[bytes]:
    numbers = (generation.number, generation.counter, generation.built_at, generation.entries)
    apart = (generation.hold, generation.recent, generation.definitions)
    yield msgspec.json.encode(_Numbers(*numbers, len(generation.answers), *apart))
    for certname, answer in generation.answers.items():
        texts = (answer.body.decode(), answer.parameters.decode(), answer.digest, answer.shown.decode())
        yield msgspec.json.encode(_Line(certname, *texts))


def restore(shelf: Shelf) -> Generation | None:
    """The generation on the shelf; None when there is none, or none that can be read whole."""
    lines = shelf.read(NAME, NAME)
    if lines is None:
        return None
    try:
        return _generation(lines)
    except (msgspec.MsgspecError, IndexError, ValueError) as error:
        shelf.put_aside(NAME, str(error))
        return None


def _generation(lines: list[bytes]) -> Generation:
    numbers = msgspec.json.decode(lines[0], type=_Numbers)
    answers = dict(map(_answer, lines[1:]))
    if len(answers) != numbers.nodes:
        raise ValueError(f"holds {len(answers)} of {numbers.nodes} nodes")
    counted = (numbers.number, numbers.counter, numbers.built_at, numbers.entries)
    return Generation(*counted, answers, numbers.hold, numbers.recent, numbers.definitions)


_decoder = msgspec.json.Decoder(_Line)


def _answer(line: bytes) -> tuple[str, Answer]:
    read = _decoder.decode(line)
    return read.certname, Answer(read.body.encode(), read.parameters.encode(), read.digest, read.shown.encode())
