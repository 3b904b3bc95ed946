"""RFC 4533 sync with a real slapd: what a cookie saves, when it is of no use, and what is lost on the way."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from errors import SourceError
from facts.directory import controls
from facts.directory.connection import close, connect, interrupt
from facts.directory.content import Content, RefreshRequired, scope_of
from facts.directory.pulse import Deaf, Pulse
from facts.directory.refresh import Sync
from facts.directory.sync import ENTRY, INTERMEDIATE, Link, Message
from facts.directory.watch import Place, Watch
from tests.facts.directory.contract import BASE, LDIF, NFS, SHOWN, WEB
from tests.live.following import MDB, add_hosts, link_to, set_class, settings
from tests.live.slapd import Slapd
from tests.waiting import until

EVERYTHING = len(SHOWN) + 3  # the base, ou=people and the printer are read, but not shown


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path, ldif=LDIF) as server:
        yield server


def empty() -> Content:
    return Content(scope_of(settings("ldapi:///")))


def loaded(slapd: Slapd) -> Sync:
    """A complete sync whose connection has ended since."""
    with link_to(slapd) as link:
        sync = Sync(link, empty(), None)
        sync.refresh()
        assert link.entries == EVERYTHING
        assert set(sync.content.view) == SHOWN
        return sync


def resumed(slapd: Slapd, before: Sync) -> tuple[Sync, int]:
    """The sync taken up again, and how many entries were sent for it."""
    with link_to(slapd) as link:
        sync = Sync(link, before.content, before.cookie)
        sync.refresh()
        return sync, link.entries


def loaded_with(slapd: Slapd, shown: set[str]) -> Sync:
    with link_to(slapd) as link:
        sync = Sync(link, empty(), None)
        sync.refresh()
        assert set(sync.content.view) == shown
        return sync


def run_to_its_end(watch: Watch) -> None:
    """For a thread: watch until the connection is ended."""
    with pytest.raises(SourceError):
        watch.run()


class InOnePiece(Link):
    """What the server sends as a load ends, and a change that `change` makes then, arrive together."""

    change: Callable[[], None] | None = None

    def receive(self, timeout: float) -> list[Message]:
        messages = super().receive(timeout)
        change = self.change
        if change is not None and any(_ends_the_load(message) for message in messages):
            self.change = None
            change()
            load = len(messages)
            while not any(message.operation == ENTRY for message in messages[load:]):
                messages += super().receive(timeout)
        return messages


def _ends_the_load(message: Message) -> bool:
    return message.operation == INTERMEDIATE and controls.sync_info(message.info).done


def test_a_change_that_arrives_together_with_the_end_of_the_load_is_seen(slapd: Slapd) -> None:
    connection = connect(settings(slapd.uri), slapd.uri)
    try:
        link = InOnePiece(connection, slapd.uri, 5.0)
        link.change = lambda: set_class(slapd, "changed")
        sync = Sync(link, empty(), None)
        sync.refresh()
        assert sync.content.view[NFS].first("puppetclass") == "base"
        assert sync.take(link.read(0))
        assert sync.content.view[NFS].first("puppetclass") == "changed"
    finally:
        close(connection)


def test_a_resumed_sync_reads_only_the_changes(slapd: Slapd) -> None:
    names = add_hosts(slapd, 3)
    slapd.delete(names.pop())
    before = loaded_with(slapd, SHOWN | set(names))
    unchanged, count = resumed(slapd, before)
    assert count == 0
    assert unchanged.content.view == before.content.view
    set_class(slapd, "changed")
    slapd.delete(WEB)
    slapd.modify(f"dn: {names[0]}\nchangetype: modrdn\nnewrdn: cn=renamed\ndeleteoldrdn: 1\n")
    after, count = resumed(slapd, before)
    assert count == 2
    assert set(after.content.view) == SHOWN - {WEB} | {names[1], f"cn=renamed,ou=hosts,{BASE}"}
    kept = after.content.view.keys() & before.content.view.keys() - {NFS}
    assert all(after.content.view[key] is before.content.view[key] for key in kept)
    assert set(before.content.view) == SHOWN | set(names)


def test_a_resumed_sync_after_a_restart_of_the_server(slapd: Slapd) -> None:
    """The restart loses the server's session log: it names all entries that are still present."""
    before = loaded(slapd)
    slapd.restart()
    set_class(slapd, "changed")
    slapd.delete(WEB)
    slapd.restart()
    after, count = resumed(slapd, before)
    assert count == 1
    assert set(after.content.view) == SHOWN - {WEB}
    assert after.content.view[NFS].first("puppetclass") == "changed"


def test_more_deletes_than_the_servers_log_holds(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=LDIF, config=True) as slapd:
        overlay = f"olcOverlay={{0}}syncprov,{MDB}"
        slapd.modify(f"dn: {overlay}\nchangetype: modify\nreplace: olcSpSessionlog\nolcSpSessionlog: 2\n")
        names = add_hosts(slapd, 10)
        before = loaded_with(slapd, SHOWN | set(names))
        for name in names[:8]:
            slapd.delete(name)
        after, count = resumed(slapd, before)
        assert count == 0
        assert set(after.content.view) == SHOWN | set(names[8:])


def test_a_cookie_from_another_history_asks_for_a_full_load(slapd: Slapd) -> None:
    before = loaded(slapd)
    with link_to(slapd) as link:
        sync = Sync(link, before.content, b"rid=000,csn=20990101000000.000000Z#000000#000#000000")
        with pytest.raises(RefreshRequired):
            sync.refresh()
        assert sync.content is before.content


def test_a_server_that_takes_an_entry_for_known_which_is_not_asks_for_a_full_load(slapd: Slapd) -> None:
    before = loaded(slapd)
    slapd.delete(WEB)
    slapd.restart()
    with link_to(slapd) as link:
        sync = Sync(link, empty(), before.cookie)
        with pytest.raises(RefreshRequired, match="known here which is not"):
            sync.refresh()
        assert not sync.content.view


def test_a_frozen_server_during_the_load_delivers_nothing(slapd: Slapd) -> None:
    add_hosts(slapd, 3000)
    frozen = threading.Event()

    def freeze_in_the_middle(message: Message) -> bool:
        if message.operation == ENTRY and not frozen.is_set():
            slapd.freeze()
            frozen.set()
        return False

    with link_to(slapd) as link:
        link.drops = freeze_in_the_middle
        link._deadline = 0.5
        sync = Sync(link, empty(), None)
        with pytest.raises(SourceError, match="during the load"):
            sync.refresh()
        assert not sync.content.view
        assert sync.cookie is None


def test_a_cookie_behind_contextcsn_proves_nothing_and_is_noticed(slapd: Slapd) -> None:
    old = loaded(slapd).cookie
    set_class(slapd, "changed")
    with link_to(slapd) as link:
        pulse = Pulse(link, BASE, 0.05, 0.2)

        def beat() -> bool:
            pulse.take(link.read(pulse.wait))
            assert pulse.proven(old) is None
            pulse.beat()
            return False

        with pytest.raises(Deaf, match="does not reach it"):
            until(beat, what="the deafness to be noticed")


def test_a_deaf_sync_is_made_anew_and_brings_what_was_missed(slapd: Slapd) -> None:
    wanted = settings(slapd.uri, heartbeat=0.05, deadline=0.2)
    place = Place(scope_of(wanted), None)
    seen: list[set[str]] = []
    proofs: list[float] = []

    def watch(link: Link) -> Watch:
        return Watch(link, wanted, place, lambda directory, _: seen.append(set(directory.entries)), proofs.append)

    with link_to(slapd) as lossy:
        deaf = watch(lossy)

        def lose_changes(message: Message) -> bool:
            told = message.operation == INTERMEDIATE or controls.SYNC_STATE in message.controls
            if deaf.loaded is not None and not proofs:
                slapd.delete(WEB)
                proofs.append(0)
            return deaf.loaded is not None and told

        lossy.drops = lose_changes
        with pytest.raises(SourceError, match="the sync does not reach it"):
            deaf.run()
        assert seen == [SHOWN]
    with link_to(slapd) as link:
        heard = threading.Thread(target=run_to_its_end, args=(watch(link),))
        heard.start()
        until(lambda: seen[-1] == SHOWN - {WEB}, what="what was missed")
        until(lambda: len(proofs) > 2, what="the proof that nothing else was")
        interrupt(link._connection)
        heard.join(5)
