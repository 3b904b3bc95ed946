"""What the signals that end the demonstration set."""

import os
import signal
import threading

from commands.demo_stopping import Stopping, pause, told_to_stop
from tests.waiting import until


def test_a_signal_while_it_is_waited_for_is_heard() -> None:
    with told_to_stop() as stopping:
        assert pause(stopping)
        sender = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGHUP))
        sender.start()
        until(lambda: not pause(stopping), what="the signal")
        sender.join()


def test_it_is_set_once_and_for_all() -> None:
    stopping = Stopping()
    try:
        assert pause(stopping)
        for _ in range(100_000):
            stopping.set()
        assert stopping.wait(0)
        assert not pause(stopping)
    finally:
        stopping.close()


def test_the_signals_are_what_they_were_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with told_to_stop():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
