"""PostgreSQL whose disk is full while reports come: they wait in the spool, and what was acknowledged is safe.

Without room for its tables it refuses what would need more. Without room for its log of changes (WAL) it ends, cannot
recover, and gives up; whoever watches over it, as systemd may, starts it again.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.postgresql import PostgreSQL
from tests.live.service.disk import inside, service_on_disk, tiny_disk_of
from tests.live.service.senders import assert_all_stored_once, send, until_drained, waiting
from tests.live.service.test_reports_killed import the_intake
from tests.reports.spooling import body
from tests.waiting import until

_TO_THE_LAST_FILE = """
DO $$ BEGIN
  WHILE pg_walfile_name(pg_current_wal_insert_lsn() + 60000) <= (SELECT max(name) FROM pg_ls_waldir() WHERE name ~ '^0')
  LOOP PERFORM pg_logical_emit_message(false, '', repeat('x', 20000)); END LOOP;
END $$
"""
"""Use up the files of WAL that PostgreSQL keeps in reserve, so that a hundred reports need one more."""


class Server:
    """PostgreSQL with an empty database, a part of whose data is on a disk of its own."""

    def __init__(self, own: PostgreSQL, part: str, within: list[str]) -> None:
        self.own, self._within, self._filler = own, within, str(own.folder / "data" / part / "filler")

    def fill(self) -> None:
        """Leave no room on that disk."""
        self.own.sql(_TO_THE_LAST_FILE)
        dd = [*self._within, "dd", "if=/dev/zero", f"of={self._filler}"]
        full = subprocess.run(dd, capture_output=True, check=False)
        assert b"No space left" in full.stderr

    def make_room(self) -> None:
        """And start it, if it has given up."""
        subprocess.run([*self._within, "rm", self._filler], check=True)
        if self.own.has_ended:
            self.own.start()


@contextmanager
def server_on(part: str) -> Iterator[Server]:
    with PostgreSQL("min_wal_size=2MB", wal_megabytes=1) as own:
        own.database()
        own.stop()
        with tiny_disk_of(own, part, 48 << 10) as within:
            try:
                yield Server(own.start(), part, within)
            finally:
                own.stop()


@pytest.mark.parametrize(
    ("part", "says", "gives_up"),
    [("base", "make room on its disk", False), ("pg_wal", "start it and look at its log", True)],
)
def test_while_the_disk_of_postgresql_is_full_reports_wait_and_none_that_was_acknowledged_is_lost(
    part: str, says: str, gives_up: bool, tmp_path: Path
) -> None:
    with (
        server_on(part) as server,
        service_on_disk(tmp_path, 3000, database=server.own.url("history1")) as service,
    ):
        state = inside(service, tmp_path)
        statuses = [send(service, body(run=0))]
        until_drained(state)

        def sends_until(condition: str) -> bool:
            statuses.append(send(service, body(run=len(statuses))))
            return any("wait in the spool" in one and condition in one for one in service.ready["problems"])

        server.fill()
        until(lambda: sends_until(says), 30, "the problem")
        assert server.own.has_ended == gives_up
        assert set(statuses) == {202}
        statuses += [send(service, body(run=run)) for run in range(len(statuses), len(statuses) + 300)]
        acknowledged = statuses.index(507)
        assert statuses == [202] * acknowledged + [507] * (len(statuses) - acknowledged)
        assert waiting(state)
        the_intake(service)
        server.make_room()
        until_drained(state)
        assert send(service, body(run=len(statuses))) == 202
        until_drained(state)
        until(lambda: not service.ready["problems"], 20, "the problem to go")
        assert_all_stored_once([*range(acknowledged), len(statuses)], server.own)
