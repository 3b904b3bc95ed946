"""Which runs of a node the service knows already."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from commands.elsewhere import Elsewhere
from commands.runs_folder import written
from errors import EnclumeError
from facts.certname import is_certname
from reports.wanted import MOST

_MARGIN = 2 * 86400.0
"""Seconds around the times of the files: a run may take long, and its node's clock be wrong."""
_FEW = 4
"""So few files are sent at once: to ask what is known of them costs as much."""


class Known:
    """The uuids of the runs that are kept of the node that has these files, by whose folder it is named."""

    def __init__(self, service: Elsewhere, files: list[Path]) -> None:
        self._service, self._files = service, files
        self._uuids: frozenset[str] | None = None

    def __contains__(self, uuid: str) -> bool:
        if self._uuids is None:
            self._uuids = self._ask()
        return uuid in self._uuids

    def _ask(self) -> frozenset[str]:
        certname = self._files[0].parent.name
        if len(self._files) <= _FEW or not is_certname(certname):
            return frozenset()
        times = [written(file) for file in self._files]
        period = {"since": max(0.0, min(times) - _MARGIN), "until": max(times) + _MARGIN}
        asked: dict[str, Any] = {"host": certname, "limit": MOST, **period}
        found: set[str] = set()
        # Whatever cannot be asked now is sent: the service keeps no run twice.
        with suppress(EnclumeError):
            while True:
                page = self._service.get_json(f"/runs?{urlencode(asked)}")
                found.update(one["uuid"] for one in page["runs"])
                if page["next"] is None:
                    break
                asked["after"] = page["next"]
        return frozenset(found)
