"""Now: the name that an answer stands under, and all that is wrong."""

import pytest

from facts.directory.meaning import EMPTY
from facts.join import Seen
from facts.puppet import FactSets
from generation.build import classify_all
from generation.generation import NONE
from generation.now import Now, now
from settings import AnswerSettings
from tests.factories import NO_RULES, World, host, service
from tests.generation.answers import built, classification, told

SERVED = built(NONE, {"web.lab.test": told("a"), "db": told("a"), "default": told("a")})


@pytest.mark.parametrize(
    ("certname", "legacy", "name"),
    [
        ("web.lab.test", True, "web.lab.test"),
        ("db.lab.test", True, "db"),
        ("other.lab.test", True, "default"),
        ("other", True, "default"),
        ("db.lab.test", False, "db.lab.test"),
        ("other.lab.test", False, "other.lab.test"),
    ],
)
def test_an_old_directory_knows_certnames_then_short_names_then_default(certname: str, legacy: bool, name: str) -> None:
    assert Now(SERVED).name_of(certname, legacy=legacy) == name


@pytest.mark.parametrize(("held", "asked"), [("new.lab.test", "new.lab.test"), ("new", "new.lab.test")])
def test_a_node_that_has_no_answer_yet_is_never_told_the_default(held: str, asked: str) -> None:
    now = Now(SERVED, classification=classification({held: None}))
    assert now.name_of(asked, legacy=True) == held


def test_without_a_default_an_unknown_name_stays_what_it_is() -> None:
    assert Now().name_of("other.lab.test", legacy=True) == "other.lab.test"


def test_what_is_wrong_in_the_estate_and_in_its_answers_is_told_once_sorted() -> None:
    at = World(
        host("web"),
        service("a", members=["web", "gone"], enclumeParameter="x::y=1"),
        service("b", members=["web"], enclumeParameter="x::y=2"),
    )
    estate = at.estate()
    seen = Seen(estate.directory, EMPTY, {}, frozenset(), FactSets({}))
    found = now(NONE, seen, estate, classify_all(estate, NO_RULES, AnswerSettings())).findings
    assert [(one.code, one.certname) for one in found] == [("conflict", "web"), ("dangling_reference", "")]
    assert Now().findings == ()
