"""SQLite answers what people ask of the history."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reports.questions.changed import changed as changes
from reports.questions.drifted import drifted
from reports.questions.failing import failing
from reports.questions.last import last
from reports.questions.listed import listed
from reports.questions.places import at_places
from reports.questions.slow import slow
from reports.questions.unseen import unseen
from reports.questions.whole import whole
from tests.reports.asking import Past, on_sqlite
from tests.reports.past import ANGERS, BOOM, MOTD, NOW, WEB, changed, failed, ran, took, uuid_of, wanted
from tests.reports.questions_contract import QuestionsContract
from tests.reports.summaries_contract import SummariesContract


class TestOnSQLite(QuestionsContract, SummariesContract):
    @pytest.fixture
    def past(self, tmp_path: Path) -> Iterator[Past]:
        made = on_sqlite(tmp_path)
        yield made
        made.close()


QUESTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "runs": (listed, (wanted(),)),
    "runs of a node": (listed, (wanted(hosts=(WEB,)),)),
    "runs of a site": (listed, (wanted(sites=("angers",)),)),
    "failed runs": (listed, (wanted(statuses=("failed",)),)),
    "a run": (whole, (uuid_of(WEB, 0),)),
    "last runs": (last, (wanted(), None)),
    "changes": (changes, (wanted(),)),
    "changes of a resource": (changes, (wanted(resource=MOTD),)),
    "failures": (failing, (wanted(),)),
    "failures of a site": (failing, (wanted(sites=("angers",)),)),
    "drift": (drifted, (wanted(),)),
    "slow": (slow, (wanted(),)),
    "slow by node": (slow, (wanted(by="node"),)),
    "by site": (at_places, (wanted(), "site")),
    "unseen": (unseen, ({WEB: ANGERS}, NOW, 10)),
}


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_no_question_reads_the_whole_history(tmp_path: Path, name: str) -> None:
    past = on_sqlite(tmp_path)
    past.had(*(ran(WEB, ago, "", changed(MOTD, corrective=True), failed(BOOM), took("x", 60)) for ago in range(5)))
    plans: list[str] = []

    def explain(_connection: object, cursor: Any, statement: str, given: Any, *_: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            told = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            plans.extend(row[3] for row in told)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        question, given = QUESTIONS[name]
        past.ask(question, *given)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
        past.close()
    assert plans
    assert [plan for plan in plans if re.match(r"SCAN (runs|resources|events|logs)\b", plan)] == []
