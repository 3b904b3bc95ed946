"""A real PostgreSQL answers what people ask of the history, as SQLite does."""

from collections.abc import Iterator

import pytest

from tests.live.postgresql import PostgreSQL
from tests.reports.asking import Past
from tests.reports.questions_contract import QuestionsContract
from tests.reports.summaries_contract import SummariesContract


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as started:
        yield started


class TestOnPostgreSQL(QuestionsContract, SummariesContract):
    @pytest.fixture
    def past(self, server: PostgreSQL) -> Iterator[Past]:
        made = Past(server.database())
        yield made
        made.close()
