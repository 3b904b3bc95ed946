"""Python's garbage collector, kept from stopping the threads that answer, and what is freed by a build or an audit.

A build or an audit of a large estate makes hundreds of thousands of objects, which are kept for long, or freed as soon
as nobody has them: none of them is in a cycle. To look for cycles among them takes the interpreter from every thread,
for 50 ms and more at a time.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from facts.memory import Returning

MANY = 50_000
"""New objects that are worth a look for cycles, which takes 15 ms; Python's own 700 are not."""

_LOCK = threading.Lock()
_RETURNING = Returning()
_working = 0


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected while this lasts, in whatever thread; and if very much was made, it is never looked through.
    Then the memory of what took the place of something goes back to the system, now and then.

    What others drop in a cycle just then is lost memory: 8 objects for each request that is answered meanwhile.
    """
    global _working  # noqa: PLW0603 - the collector is one for the whole process
    with _LOCK:
        if not _working:
            gc.collect(0)
            gc.disable()
        _working += 1
    try:
        yield
    finally:
        with _LOCK:
            _working -= 1
            if not _working:
                if gc.get_count()[0] > MANY:
                    gc.freeze()
                gc.enable()
                _RETURNING.give_back()
