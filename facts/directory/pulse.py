"""The proof that a followed directory is current: contextCSN, read again and again, against the sync's cookie.

A sync that has gone deaf looks like a directory in which nothing changes. contextCSN (the newest change, for each
server that changes are made on) is read over the same connection; as soon as the cookie has reached what was read,
everything up to the moment of asking has been seen.
"""

import time
from collections.abc import Mapping, Sequence

from msgspec import Struct

from facts.directory import controls, failures
from facts.directory.names import below, normalise
from facts.directory.sync import DONE, ENTRY, Link, Message

_GRACE = 2


class Deaf(Exception):
    """contextCSN moves on, and the sync says nothing."""


class _Question(Struct):
    """A reading of contextCSN: when it was asked (monotonic and since the epoch), and its answer."""

    request: int
    asked: float
    at: float
    context: Mapping[str, str] = {}
    answered: bool = False


class Pulse:
    """Asks for contextCSN of `context` (a DN) every `interval` seconds; an answer may take `deadline` seconds."""

    def __init__(self, link: Link, context: str, interval: float, deadline: float) -> None:
        self.blind = False
        self._link, self._context = link, context
        self._interval, self._deadline = interval, deadline
        self._question: _Question | None = None
        self._next = time.monotonic()

    @property
    def wait(self) -> float:
        """Seconds until `beat` has something to do."""
        question = self._question
        due = self._next if question is None or question.answered else question.asked + self._deadline
        return max(due - time.monotonic(), 0.001)

    def beat(self) -> None:
        """Ask, when it is time to. Raises `SourceError` for a silent server, `Deaf` for a deaf sync."""
        now = time.monotonic()
        question = self._question
        if question is None:
            if now >= self._next:
                self._ask(now)
        elif not question.answered:
            if now - question.asked > self._deadline:
                raise failures.silent(self._link.target, "a comparison of contextCSN")
        elif now - question.asked > _GRACE * self._interval + self._deadline:
            raise Deaf(f"contextCSN is {sorted(question.context.values())} and the sync does not reach it")
        elif now >= self._next:
            self._next = now + self._interval

    def take(self, messages: Sequence[Message]) -> None:
        """Look for the answer among what the server said."""
        question = self._question
        for message in messages:
            if question is None or message.request != question.request:
                continue
            if message.operation == ENTRY:
                question.context = controls.by_server(message.attributes.get("contextcsn", ()))
            elif message.operation == DONE:
                question.answered = True
                self.blind = not question.context

    def proven(self, cookie: bytes | None) -> float | None:
        """When (seconds since the epoch) everything was last known to have been seen; each proof is given once."""
        question = self._question
        if question is None or not question.answered:
            return None
        if question.context and not controls.reached(cookie, question.context):
            return None
        self._question = None
        return question.at if question.context else None

    def _ask(self, now: float) -> None:
        self._next = now + self._interval
        request = self._link.look_at(self._context, ["contextCSN"])
        self._question = _Question(request, now, time.time())


def context_of(base: str, naming_contexts: Sequence[str]) -> str:
    """The DN that carries contextCSN: the naming context that the base is in; the base itself when none is known."""
    key = normalise(base)
    return max((context for context in naming_contexts if _holds(context, key)), key=len, default=base)


def _holds(context: str, key: str) -> bool:
    try:
        return bool(context) and below(key, normalise(context))
    except ValueError:
        return False
