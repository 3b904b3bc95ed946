"""Progress: on a terminal, a line that says what takes longer than a second; elsewhere nothing."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from commands.common import printable

FIRST_AFTER, EVERY = 1.0, 0.2
_ERASE = "\r\033[K"
_SIGNS = "|/-\\"


@contextmanager
def progress(what: str | Callable[[], str]) -> Iterator[None]:
    """Show `what`, or what it says each time, and the seconds that it takes so far, on stderr, until the block ends."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(what, ended), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def aside(sentence: str) -> None:
    """A line on stderr, above the one that shows progress."""
    erase = _ERASE if sys.stderr.isatty() else ""
    click.echo(f"{erase}{click.style(f'enclume: {printable(sentence)}', fg='yellow')}", err=True)


def _show(what: str | Callable[[], str], ended: threading.Event) -> None:
    began = time.monotonic()
    wait, turn = FIRST_AFTER, 0
    while not ended.wait(wait):
        wait, turn = EVERY, turn + 1
        sign = _SIGNS[turn % len(_SIGNS)]
        told = what if isinstance(what, str) else what()
        click.echo(f"{_ERASE}{sign} {told} ({time.monotonic() - began:.0f} s)", err=True, nl=False)
    if turn:
        click.echo(_ERASE, err=True, nl=False)
