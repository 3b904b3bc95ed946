"""A slapd, followed: what the live tests of the directory share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from facts.directory.connection import close, connect
from facts.directory.entries import Entry
from facts.directory.source import DirectorySource
from facts.directory.sync import ENTRY, Link, Message
from settings import DirectorySettings
from tests.facts.directory.contract import BASE, NFS, Recorder
from tests.live.slapd import Slapd

HEARTBEAT = 0.2
MDB = "olcDatabase={2}mdb,cn=config"


def settings(*uris: str | None, **more: Any) -> DirectorySettings:
    named = {"heartbeat": HEARTBEAT, "deadline": 1, **more}
    return DirectorySettings(uri=tuple(str(uri) for uri in uris), base=BASE, **named)


def add_hosts(slapd: Slapd, count: int) -> list[str]:
    names = [f"cn=h{number},ou=hosts,{BASE}" for number in range(count)]
    slapd.add("\n".join(f"dn: {dn}\nobjectClass: device\ncn: h{at}\n" for at, dn in enumerate(names)))
    return names


def set_class(slapd: Slapd, value: str, dn: str = NFS) -> None:
    slapd.modify(f"dn: {dn}\nchangetype: modify\nreplace: puppetClass\npuppetClass: {value}\n")


class CountingLink(Link):
    """Counts the entries that cross it; `drops` decides which messages are lost on the way."""

    entries = 0
    drops: Callable[[Message], bool] = staticmethod(lambda _: False)

    def receive(self, timeout: float) -> list[Message]:
        messages = [message for message in super().receive(timeout) if not self.drops(message)]
        self.entries += sum(message.operation == ENTRY for message in messages)
        return messages


@contextmanager
def link_to(slapd: Slapd) -> Iterator[CountingLink]:
    connection = connect(settings(slapd.uri), slapd.uri)
    try:
        yield CountingLink(connection, slapd.uri, 5.0)
    finally:
        close(connection)


@contextmanager
def followed(source: DirectorySource) -> Iterator[Recorder]:
    recorder = Recorder()
    source.start(recorder)
    try:
        yield recorder
    finally:
        source.stop()


def wait_for_class(ledger: Recorder, value: str) -> Mapping[str, Entry]:
    """The entries once what `set_class` did was seen."""
    return ledger.wait_for(lambda entries: entries[NFS].first("puppetclass") == value, f"the class {value}")
