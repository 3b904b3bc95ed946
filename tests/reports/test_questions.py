"""SQLite answers what people ask of the history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reports.asking import Past, on_sqlite
from tests.reports.questions_contract import QuestionsContract


class TestOnSQLite(QuestionsContract):
    @pytest.fixture
    def past(self, tmp_path: Path) -> Iterator[Past]:
        made = on_sqlite(tmp_path)
        yield made
        made.close()
