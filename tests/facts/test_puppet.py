"""Names and facts of nodes."""

import pytest

from facts.certname import is_certname, short_name
from facts.exact import exactly_equal
from facts.puppet import FactSets, named


@pytest.mark.parametrize("text", ["web01.lab.test", "web01", "a", "_x", "a-b_c.d", "0", "a" * 253, "a."])
def test_what_puppet_accepts_is_a_certname(text: str) -> None:
    assert is_certname(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Web01",
        "a b",
        "../x",
        "a/b",
        "a..b",
        ".",
        "..",
        "-a",
        ".a",
        "a" * 254,
        "a\n",
        "a\x00",
        "é",
        "*",
        ")(cn=*",
        "a%2e",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_certname(text)


def test_the_short_name_is_the_first_label() -> None:
    assert [short_name(name) for name in ("web01.lab.test", "web01", "a.")] == ["web01", "web01", "a"]


FACTS = FactSets({"web": {"os": {"family": "Debian", "x.y": 1}, "flat": None, "zero": 0, "list": [1]}})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("os.family", {"os.family": "Debian"}),
        ("os", {"os": {"family": "Debian", "x.y": 1}}),
        ("zero", {"zero": 0}),
        ("flat", {}),
        ("gone", {}),
        ("os.gone", {}),
        ("os.family.deeper", {}),
        ("list.0", {}),
        ("os.x.y", {}),
    ],
)
def test_a_fact_is_found_by_its_dotted_name(name: str, found: dict[str, object]) -> None:
    assert named(FACTS, "web", (name,)) == found


def test_another_node_has_none_of_these_facts() -> None:
    assert named(FACTS, "db", ("os.family",)) == {}
    assert named(FACTS, "web", ()) == {}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        (0, False, False),
        ([1, {"a": 0}], [1, {"a": False}], False),
        ({"a": [1, "x"]}, {"a": [1, "x"]}, True),
        (None, None, True),
        (None, 0, False),
    ],
)
def test_exactly_equal_is_equal_in_type_too(one: object, other: object, equal: bool) -> None:
    assert exactly_equal(one, other) is equal
