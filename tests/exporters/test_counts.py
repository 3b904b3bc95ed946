"""What the service counts of its own work."""

import threading

from exporters import counts
from exporters.counts import AGE, REQUESTS, Counts


def test_every_answer_is_counted_once_whoever_gives_it_and_whenever_it_is_asked() -> None:
    counted = Counts()
    threads = [threading.Thread(target=_answer, args=(counted, 2_000)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counted.lines()
    assert f'{REQUESTS.name}{{result="ok"}} 16000\n' in counted.lines()[REQUESTS]
    assert f"{AGE.name}_count 16000\n" in counted.lines()[AGE]


def _answer(counted: Counts, times: int) -> None:
    for _ in range(times):
        counted.answered(3.0)


def test_nobody_has_to_ask_for_them_to_be_counted() -> None:
    counted = Counts()
    _answer(counted, counts._MOST_NOTED + 1)
    assert len(counted._noted) == 0
