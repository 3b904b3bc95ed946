"""A real slapd, followed with and without RFC 4533 sync, keeps the contract of every directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.directory.source import DirectorySource
from facts.source import Source
from settings import DirectorySettings
from tests.facts.directory.contract import BASE, LDIF, DirectoryContract
from tests.live.slapd import Slapd


class OnSlapd:
    def __init__(self, slapd: Slapd, **settings: float) -> None:
        self._slapd = slapd
        self._source = DirectorySource(
            DirectorySettings(uri=slapd.uri, base=BASE, deadline=5, **settings)  # type: ignore[arg-type]
        )

    @property
    def source(self) -> Source:
        return self._source

    def modify(self, ldif: str) -> None:
        self._slapd.modify(ldif)


class TestWithSync(DirectoryContract):
    @pytest.fixture
    def estate(self, tmp_path: Path) -> Iterator[OnSlapd]:
        with Slapd(tmp_path, ldif=LDIF) as slapd:
            yield OnSlapd(slapd)


class TestWithoutSync(DirectoryContract):
    @pytest.fixture
    def estate(self, tmp_path: Path) -> Iterator[OnSlapd]:
        with Slapd(tmp_path, ldif=LDIF, syncprov=False) as slapd:
            yield OnSlapd(slapd, reload_interval=0.2)
