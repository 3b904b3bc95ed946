"""When to have somebody look: in a flood not at each thing that is new, but once what is being looked at was seen."""

import threading
from collections.abc import Callable


class Looks:
    """Calls `ask` for a look, which whoever looks says is `done`. Safe for all threads; `ask` must return at once.

    What came after a look was asked for, it may have missed: then it is asked for one more when it is done.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._is_asked = self._is_more = False

    def wanted(self) -> None:
        """There is something new."""
        with self._lock:
            if self._is_asked:
                self._is_more = True
                return
            self._is_asked = True
        self._ask()

    def done(self) -> None:
        """Somebody has looked, asked or not."""
        with self._lock:
            self._is_asked, self._is_more = self._is_more, False
            again = self._is_asked
        if again:
            self._ask()
