"""The directory as a source of observations: followed for as long as it is wanted, whatever happens to the servers."""

import logging
import threading
import time

import tenacity
from tenacity import RetryCallState, RetryError, Retrying

from errors import SourceError
from facts.directory.connection import Connection, close, connect, establish, interrupt, prepare
from facts.directory.content import Content, RefreshRequired, scope_of
from facts.directory.entries import Directory
from facts.directory.refresh import load
from facts.directory.sync import Link
from facts.directory.watch import Place, Watch
from facts.source import Ledger, Observation, SourceKey
from settings import DirectorySettings

log = logging.getLogger("enclume.directory")

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_PATIENCE = 2.0


class DirectorySource:
    """Follows the directory in one thread of its own.

    The URIs are tried in turn; when none works, again after 0.5 to 15 s. `known` is what was last read (from the
    shelf): it is not delivered, and its entries stay the same objects where they are unchanged.
    """

    def __init__(self, settings: DirectorySettings, known: Directory | None = None) -> None:
        self.key = SourceKey("directory", settings.base)
        self._settings = settings
        self._delivered = known
        self._place: Place | None = None
        self._stopped = threading.Event()
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._renewed = float("-inf")

    def start(self, ledger: Ledger) -> None:
        """Begin to follow; returns at once."""
        self._ledger = ledger
        self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, whatever it waits for (only a name service that does not answer is left behind)."""
        self._stopped.set()
        until = time.monotonic() + _PATIENCE
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < until:
            if self._connection is not None:
                interrupt(self._connection)
            self._thread.join(0.02)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._retrying()(self._observe)
            except RetryError:
                return

    def _retrying(self) -> Retrying:
        return Retrying(
            # Whatever a server made ldap3 or us raise, the directory is followed on.
            retry=tenacity.retry_if_exception_type(Exception),
            wait=tenacity.wait_exponential_jitter(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT, jitter=_FIRST_WAIT),
            stop=tenacity.stop_when_event_set(self._stopped),
            sleep=tenacity.sleep_using_event(self._stopped),
            before_sleep=self._report,
        )

    def _report(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, SourceError):
            log.warning("directory: %s", error)
        else:
            log.error("directory: reading failed", exc_info=error)
            what = f"reading failed by a fault of Enclume's ({type(error).__name__}: {error})"
            error = SourceError(self.key.target, what, "report it with what its log says; it is tried again")
        self._ledger.failed(self.key, time.time(), str(error))

    def _observe(self) -> None:
        """Follow the first server that lets us; returns when it was well for a while and is to be asked again."""
        if self._place is None:
            self._place = Place(scope_of(self._settings), self._delivered)
        errors: list[SourceError] = []
        for uri in self._settings.uris:
            if self._stopped.is_set():
                return
            try:
                self._session(uri, self._place)
            except SourceError as error:
                errors.append(error)
            else:
                return
        raise errors[0] if len(errors) == 1 else _none_works(self._settings.base, errors)

    def _session(self, uri: str, place: Place) -> None:
        self._connection = prepare(self._settings, uri)
        establish(self._connection, self._settings, uri)
        watch = Watch(
            Link(self._connection, uri, self._settings.deadline), self._settings, place, self._seen, self._proven
        )
        try:
            watch.run()
        except SourceError as error:
            if self._stopped.is_set():
                # We broke the connection ourselves, to end: nothing is wrong with the server.
                return
            if watch.loaded is None or time.monotonic() - watch.loaded < self._settings.heartbeat:
                raise
            log.info("directory: %s", error)
        except RefreshRequired as error:
            place.forget()
            self._once_in_a_while(uri, error)
        finally:
            close(self._connection)

    def _once_in_a_while(self, uri: str, error: RefreshRequired) -> None:
        """A server that asks for one full load after the other gets them at growing intervals."""
        before, self._renewed = self._renewed, time.monotonic()
        if self._renewed - before < self._settings.heartbeat:
            raise SourceError(uri, f"everything has to be read again ({error})", "it will be") from error
        log.info("directory: %s: everything is read again: %s", uri, error)

    def _seen(self, directory: Directory, at: float) -> None:
        took = _since(at)
        if self._delivered is not None and self._delivered.entries == directory.entries:
            self._ledger.confirmed(self.key, at, took)
        else:
            self._delivered = directory
            self._ledger.observed(Observation(self.key, directory, at, took))

    def _proven(self, at: float) -> None:
        self._ledger.confirmed(self.key, at, _since(at))


def read_once(settings: DirectorySettings) -> Directory:
    """Everything that matters in the directory, now. Raises `SourceError` when no server gives it all."""
    errors: list[SourceError] = []
    scope = scope_of(settings)
    for uri in settings.uris:
        try:
            connection = connect(settings, uri)
            try:
                content = Content(scope)
                load(Link(connection, uri, settings.deadline), scope, content)
                return content.directory()
            finally:
                close(connection)
        except SourceError as error:
            errors.append(error)
    raise errors[0] if len(errors) == 1 else _none_works(settings.base, errors)


def _since(began: float) -> float:
    """Seconds that a reading took which is just done; its time is that of its beginning."""
    return max(0.0, time.time() - began)


def _none_works(base: str, errors: list[SourceError]) -> SourceError:
    return SourceError(base, "no server of directory.uri works: " + " | ".join(str(error) for error in errors))
