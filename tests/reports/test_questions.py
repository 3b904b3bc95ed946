"""SQLite answers what people ask of the history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reports.questions_contract import Past, QuestionsContract, on_sqlite


class TestOnSQLite(QuestionsContract):
    @pytest.fixture
    def past(self, tmp_path: Path) -> Iterator[Past]:
        made = on_sqlite(tmp_path)
        yield made
        made.close()
