"""SQLite answers what people ask of the history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reports.questions_contract import Past, QuestionsContract


class TestOnSQLite(QuestionsContract):
    @pytest.fixture
    def past(self, tmp_path: Path) -> Iterator[Past]:
        made = Past(f"sqlite:///{tmp_path}/history.sqlite")
        yield made
        made.close()
