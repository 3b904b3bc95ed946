"""The pool of threads that answer."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.waiting import until
from web.threads import Threads


class Gate:
    """Work that says which thread does it, and goes on when it is let."""

    def __init__(self) -> None:
        self.begun: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self.let = {piece: threading.Event() for piece in range(10)}

    def __call__(self, piece: int) -> None:
        self.begun.put((threading.current_thread().name, piece))
        assert self.let[piece].wait(10)

    def who(self) -> tuple[str, int]:
        """The thread that began next, and what it does."""
        return self.begun.get(timeout=10)


Make = Callable[[int, Gate], Threads[int]]


@pytest.fixture
def pool() -> Iterator[Make]:
    """Makes a pool of so many threads, with nothing to do."""
    with ExitStack() as stack:

        def make(count: int, gate: Gate) -> Threads[int]:
            threads = Threads(count, gate, "t")
            stack.callback(threads.end)
            for let in gate.let.values():
                stack.callback(let.set)
            rest(threads, count)
            return threads

        yield make


def rest(threads: Threads[int], count: int) -> None:
    """Wait until so many threads have nothing to do."""
    until(lambda: len(threads._resting) == count)


def test_the_thread_that_rested_last_works_next(pool: Make) -> None:
    gate = Gate()
    threads = pool(3, gate)
    for piece in range(2):
        threads.give(piece)
    first, second = gate.who(), gate.who()
    gate.let[first[1]].set()
    rest(threads, 2)
    for piece in (2, 3):
        threads.give(piece)
    who = {piece: name for name, piece in (gate.who(), gate.who())}
    assert who[2] == first[0]
    assert who[3] not in (first[0], second[0])


def test_what_finds_no_thread_waits_its_turn_and_nothing_is_lost(pool: Make) -> None:
    gate = Gate()
    threads = pool(2, gate)
    for piece in range(6):
        threads.give(piece)
    began = [gate.who()[1], gate.who()[1]]
    assert sorted(began) == [0, 1]
    for piece in range(6):
        gate.let[piece].set()
        if piece < 4:
            assert gate.who()[1] in range(6)
    rest(threads, 2)


def test_work_is_begun_in_the_order_in_which_it_came(pool: Make) -> None:
    gate = Gate()
    threads = pool(1, gate)
    for piece in range(5):
        threads.give(piece)
    for piece in range(5):
        assert gate.who() == ("t-0", piece)
        gate.let[piece].set()


def test_what_was_given_before_the_end_is_done(pool: Make) -> None:
    gate = Gate()
    threads = pool(1, gate)
    for piece in range(3):
        threads.give(piece)
    threads.end()
    for piece in range(3):
        assert gate.who() == ("t-0", piece)
        gate.let[piece].set()
