"""Spools, reports to put into them, and a history in memory, for the tests of the intake."""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from errors import HistoryError
from facts.puppet import Run
from reports.last import run_of
from reports.report import Place, Received
from reports.spool import Spool
from tests.reports.papers import capture

PLACE = Place("angers", "hv1.lab.test")
_BODY = capture("unchanged")
_TIME = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00")
_UUID, _HOST = re.compile(rb"(?m)^transaction_uuid: .*$"), re.compile(rb"(?m)^host: .*$")


def uuid_of(run: int) -> str:
    """The transaction_uuid of a run with a number."""
    return f"5a000000-0000-4000-8000-{run:012x}"


def body(certname: str = "web01.lab.test", run: int | None = None, report: bytes = _BODY) -> bytes:
    """A real report of a node's run of this number, or of one more run; unchanged unless another report is given."""
    named = _HOST.sub(b"host: " + certname.encode(), report)
    return _UUID.sub(b"transaction_uuid: " + (str(uuid.uuid4()) if run is None else uuid_of(run)).encode(), named)


def fresh(report: bytes) -> bytes:
    """A captured report as that of a run at this very moment."""
    return _TIME.sub(datetime.now(UTC).isoformat().encode(), report)


def spool(folder: Path, most: int = 1 << 30, at_once: int = 8) -> Spool:
    """A spool in a folder."""
    return Spool(folder / "spool", most, at_once)


def put(into: Spool, *bodies: bytes) -> None:
    """Put reports into a spool."""
    for number, one in enumerate(bodies):
        into.put(one, "puppet", 1000.0 + number, PLACE)


def names(of: Spool) -> list[str]:
    """What waits in a spool, by name."""
    return sorted(path.name for path in of.folder.glob("*.report"))


class MemoryHistory:
    """A history that is a mapping by uuid; `error` is raised by all that is asked of it, where it is set.

    `refuses` are certnames whose reports are refused for their content.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Received] = {}
        self.error: HistoryError | None = None
        self.refuses: set[str] = set()
        self.asked = 0

    @property
    def runs(self) -> set[int]:
        """The numbers of the runs that are kept."""
        return {int(one[-12:], 16) for one in self.kept}

    def store(self, received: Sequence[Received]) -> int:
        """Keep these."""
        self._raise()
        if any(one.report.certname in self.refuses for one in received):
            raise HistoryError("memory", "data", "value out of range", "the content was refused")
        new = {one.report.uuid: one for one in reversed(received) if one.report.uuid not in self.kept}
        self.kept |= new
        return len(new)

    def last(self, certnames: Collection[str] | None = None) -> Mapping[str, Run]:
        """The last run of every node, or of these."""
        self._raise()
        ordered = sorted(self.kept.values(), key=lambda one: one.report.ended)
        runs = {one.report.certname: run_of(one) for one in ordered}
        return {name: run for name, run in runs.items() if certnames is None or name in certnames}

    def prune(self) -> bool:
        """Nothing is ever too old."""
        return False

    def forget(self, certname: str) -> bool:
        """Forget one run of a node; whether there are more."""
        self._raise()
        of_it = [key for key, one in self.kept.items() if one.report.certname == certname]
        for key in of_it[:1]:
            del self.kept[key]
        return len(of_it) > 1

    def _raise(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
