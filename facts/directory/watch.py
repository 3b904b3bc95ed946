"""One server watched over one connection: followed by RFC 4533 sync where it has that, else read whole at intervals."""

import contextlib
import time
from collections.abc import Callable, Mapping

from errors import SourceError
from facts.directory import controls
from facts.directory.connection import NOT_LDAP
from facts.directory.content import Content, NoSync, Scope
from facts.directory.entries import Directory, Entry
from facts.directory.pulse import Deaf, Pulse, context_of
from facts.directory.refresh import Sync, load
from facts.directory.sync import Link, Message
from settings import DirectorySettings

_BATCH = 1000


class Place:
    """How far reading has come: the content, and the cookie that resumes it on the server at `uri`."""

    def __init__(self, scope: Scope, known: Directory | None) -> None:
        self.content = Content(scope, known.entries if known else None)
        self.cookie: bytes | None = None
        self.uri = ""
        self.deaf = False

    def begin(self, uri: str) -> tuple[Content, bytes | None]:
        """Content and cookie to resume on this server; both empty where nothing can be resumed."""
        if uri != self.uri:
            self.forget()
            self.uri = uri
        return (self.fresh(), None) if self.cookie is None else (self.content, self.cookie)

    def fresh(self) -> Content:
        """An empty content, in which entries that come back as they were are the same objects."""
        return Content(self.content.scope, self.known)

    @property
    def known(self) -> Mapping[str, Entry]:
        """The entries known so far, by normalised DN."""
        return self.content.view or self.content.reuse

    def forget(self) -> None:
        """Read everything the next time."""
        self.cookie = None


class Watch:
    """Watches until the connection breaks. `seen` and `proven` get what it finds, with seconds since the epoch."""

    def __init__(
        self,
        link: Link,
        settings: DirectorySettings,
        place: Place,
        seen: Callable[[Directory, float], None],
        proven: Callable[[float], None],
    ) -> None:
        self._link, self._settings, self._place = link, settings, place
        self._seen, self._proven = seen, proven
        self.loaded: float | None = None

    def run(self) -> None:
        """Returns when a new connection is to read everything again. Raises `SourceError` or `RefreshRequired`."""
        try:
            root = self._link.ask("", ["supportedControl", "namingContexts"])
            context = context_of(self._settings.base, root.get("namingcontexts", ()))
            self._watch(context, synced=controls.SYNC_REQUEST in root.get("supportedcontrol", ()))
        except (ValueError, *NOT_LDAP) as error:
            advice = "report the server's kind and version"
            raise SourceError(self._link.target, f"the server breaks RFC 4533 ({error})", advice) from error

    def _watch(self, context: str, *, synced: bool) -> None:
        if synced:
            with contextlib.suppress(NoSync):
                # The server may know the control and yet have no overlay syncprov on this database.
                return self._follow(context)
        return self._poll(context)

    def _follow(self, context: str) -> None:
        at = time.time()
        sync = Sync(self._link, *self._place.begin(self._link.target))
        sync.refresh()
        self._deliver(sync, at)
        self.loaded = time.monotonic()
        pulse = Pulse(self._link, context, self._settings.heartbeat, self._settings.deadline)
        while not self._outlived(pulse):
            messages = self._drain(pulse.wait)
            if sync.take(messages):
                self._deliver(sync, time.time())
            self._place.cookie = sync.cookie
            pulse.take(messages)
            self._prove(pulse, sync.cookie)

    def _deliver(self, sync: Sync, at: float) -> None:
        self._place.content, self._place.cookie = sync.content, sync.cookie
        self._seen(sync.content.directory(), at)

    def _prove(self, pulse: Pulse, cookie: bytes | None) -> None:
        at = pulse.proven(cookie)
        if at is not None:
            self._place.deaf = False
            self._proven(at)
        try:
            pulse.beat()
        except Deaf as error:
            # Resuming brings what was missed; a server whose cookies mislead is read from the start.
            if self._place.deaf:
                self._place.forget()
            self._place.deaf = True
            raise SourceError(self._link.target, str(error), "the connection is made anew") from error

    def _outlived(self, pulse: Pulse) -> bool:
        """Where contextCSN cannot be read, only a full load proves anything."""
        if not pulse.blind or self.loaded is None:
            return False
        if time.monotonic() - self.loaded < self._settings.reload_interval:
            return False
        self._place.forget()
        return True

    def _drain(self, wait: float) -> list[Message]:
        """All messages that are there, once there are some."""
        messages = self._link.read(wait)
        while messages and len(messages) < _BATCH and (more := self._link.read(0)):
            messages += more
        return messages

    def _poll(self, context: str) -> None:
        while True:
            at, before = time.time(), self._context_csn(context)
            content = self._place.fresh()
            load(self._link, content.scope, content)
            self._place.content = content
            self._place.forget()
            self._seen(content.directory(), at)
            self.loaded = self.loaded or time.monotonic()
            self._rest(context, before)

    def _rest(self, context: str, before: tuple[str, ...]) -> None:
        """Wait for the next load: its time, or before it a contextCSN that moved on."""
        until = time.monotonic() + self._settings.reload_interval
        while (left := until - time.monotonic()) > 0:
            self._link.read(min(left, self._settings.heartbeat))
            if self._context_csn(context) != before:
                return

    def _context_csn(self, context: str) -> tuple[str, ...]:
        return self._link.ask(context, ["contextCSN"]).get("contextcsn", ())
