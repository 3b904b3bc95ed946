"""What PostgreSQL says when it cannot, as a kind and what to do."""

import pytest
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from errors import HistoryError
from reports.troubles import told


@pytest.mark.parametrize(
    ("state", "kind", "advice"),
    [
        ("53100", "full", "make room on its disk"),
        ("53200", "unreachable", "it has too little memory"),
        ("53300", "unreachable", "raise max_connections"),
        ("57P03", "unreachable", "start it and look at its log"),
        ("99999", "other", "look at the database's log"),
    ],
)
def test_its_states_are_told_with_what_to_do(state: str, kind: str, advice: str) -> None:
    raised = errors.OperationalError("it says why")
    raised.sqlstate = state
    with pytest.raises(HistoryError, match=f"it says why; .*{advice}") as caught, told("postgresql://db/enclume"):
        raise DBAPIError(None, None, raised)
    assert caught.value.kind == kind
