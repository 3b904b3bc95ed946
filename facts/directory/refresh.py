"""The content of a directory: read whole page by page, or followed by RFC 4533 refreshAndPersist.

An answer that is incomplete is an error, never a smaller directory.
"""

from collections.abc import Sequence

from facts.directory import controls, failures
from facts.directory.content import Content, NoSync, RefreshRequired, Scope
from facts.directory.sync import DONE, ENTRY, INTERMEDIATE, Link, Message

_PAGE = 500
_ATTRIBUTES = ("*", "entryUUID", "entryCSN")


def load(link: Link, scope: Scope, content: Content) -> None:
    """Read everything, page by page. Raises `SourceError` unless every page came."""
    cookie = b""
    while True:
        control = (controls.PAGED, True, controls.page_request(_PAGE, cookie))
        request = link.search(scope.base, scope.filter, _ATTRIBUTES, [control])
        for message in link.answers(request, "the load"):
            if message.operation == ENTRY:
                entry = message.entry()
                content.put(entry.uuid.encode() or entry.key.encode(), entry)
            elif message.operation == DONE:
                cookie = _next_page(link, message)
        if not cookie:
            return


def _next_page(link: Link, done: Message) -> bytes:
    code, words = done.result
    if code:
        raise failures.result(link.target, code, words)
    return controls.page_cookie(done.controls[controls.PAGED]) if controls.PAGED in done.controls else b""


class Sync:
    """One refreshAndPersist search. `content` and `cookie` only ever hold complete states."""

    def __init__(self, link: Link, content: Content, cookie: bytes | None) -> None:
        self.content, self.cookie = content, cookie
        self._link = link
        self._request = 0

    def refresh(self) -> None:
        """Bring `content` up to date: with a cookie by the changes since, else whole.

        Raises `SourceError`, `NoSync`, or `RefreshRequired` when the cookie is of no use; then nothing has changed.
        """
        scope = self.content.scope
        control = (controls.SYNC_REQUEST, True, controls.sync_request(self.cookie))
        self._request = self._link.search(scope.base, scope.filter, _ATTRIBUTES, [control])
        phase = _Refresh(self.content.copy(), self.cookie)
        for message in self._link.answers(self._request, "the load"):
            if message.operation == DONE:
                raise self._ended(message)
            if phase.take(message):
                self.content, self.cookie = phase.content, phase.cookie
                return

    def take(self, messages: Sequence[Message]) -> bool:
        """Apply what the server told; whether any entry may have changed."""
        changed = False
        for message in messages:
            if message.request == self._request:
                changed |= self._follow(message)
        return changed

    def _follow(self, message: Message) -> bool:
        if message.operation == DONE:
            raise self._ended(message)
        if message.operation == INTERMEDIATE:
            info = controls.sync_info(message.info)
            for uuid in info.uuids if info.deletes else ():
                self.content.drop(uuid)
            self._advance(info.cookie)
            return bool(info.uuids)
        if message.operation != ENTRY:
            return False
        state, uuid, cookie = controls.sync_state(message.controls[controls.SYNC_STATE])
        if state == controls.DELETE:
            self.content.drop(uuid)
        elif state != controls.PRESENT:
            self.content.put(uuid, message.entry(uuid))
        self._advance(cookie)
        return True

    def _advance(self, cookie: bytes | None) -> None:
        if cookie is not None:
            self.cookie = controls.merge_cookies(self.cookie, cookie)

    def _ended(self, message: Message) -> Exception:
        code, words = message.result
        if code == failures.UNAVAILABLE_CRITICAL_EXTENSION:
            return NoSync(words)
        stale = code == failures.UNWILLING and self.cookie is not None
        if code in (0, failures.SYNC_REFRESH_REQUIRED) or stale:
            return RefreshRequired(f"the server ended the sync with result {code} {words}".strip())
        return failures.result(self._link.target, code, words)


class _Refresh:
    """The refresh stage (RFC 4533, 3.3): it works on a copy, which counts only once it is complete."""

    def __init__(self, content: Content, cookie: bytes | None) -> None:
        self.content, self.cookie = content, cookie
        self._mentioned: set[bytes] = set()

    def take(self, message: Message) -> bool:
        """Take the next message; whether the refresh is complete with it."""
        if message.operation == INTERMEDIATE:
            return self._note(controls.sync_info(message.info))
        if message.operation == ENTRY:
            self._entry(message)
        return False

    def _entry(self, message: Message) -> None:
        state, uuid, cookie = controls.sync_state(message.controls[controls.SYNC_STATE])
        if state == controls.DELETE:
            self.content.drop(uuid)
        elif state == controls.PRESENT:
            self._present(uuid)
        else:
            self.content.put(uuid, message.entry(uuid))
            self._mentioned.add(uuid)
        self._advance(cookie)

    def _note(self, info: controls.SyncInfo) -> bool:
        self._advance(info.cookie)
        for uuid in info.uuids:
            if info.deletes:
                self.content.drop(uuid)
            else:
                self._present(uuid)
        if info.phase == "refreshPresent":
            self.content.keep_only(self._mentioned)
        return info.done

    def _present(self, uuid: bytes) -> None:
        if uuid not in self.content:
            raise RefreshRequired("the server believes that an entry is known here which is not")
        self._mentioned.add(uuid)

    def _advance(self, cookie: bytes | None) -> None:
        if cookie is not None:
            self.cookie = controls.merge_cookies(self.cookie, cookie)
