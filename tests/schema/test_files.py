"""The schema's two forms say the same, number everything once, and everything is documented."""

import re
from pathlib import Path

import pytest

from tests.schema.reading import ARC, conf_form, config_form

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
FILES = pytest.mark.parametrize("name", ["enclume", "puppet"])


@FILES
def test_both_forms_say_the_same(name: str) -> None:
    assert conf_form(name) == config_form(name)


def test_attributes_and_classes_are_numbered_from_one_without_a_gap() -> None:
    attributes, classes = conf_form("enclume")
    assert [one.oid for one in attributes] == [f"{ARC}.1.{number}" for number in range(1, 17)]
    assert [one.oid for one in classes] == [f"{ARC}.2.{number}" for number in range(1, 5)]


def test_the_puppet_schema_keeps_puppet_s_own_numbers() -> None:
    attributes, classes = conf_form("puppet")
    arc = "1.3.6.1.4.1.34380.1.1"
    assert {one.name: one.oid for one in attributes} == {
        "parentNode": f"{arc}.3.9",
        "puppetClass": f"{arc}.3.10",
        "environment": f"{arc}.3.11",
        "puppetVar": f"{arc}.3.12",
    }
    assert [(one.name, one.oid) for one in classes] == [("puppetClient", f"{arc}.1.2")]


@FILES
def test_every_attribute_and_class_is_documented_with_its_number(name: str) -> None:
    attributes, classes = conf_form(name)
    for one in [*attributes, *classes]:
        number = "." + ".".join(one.oid.split(".")[-2:])
        assert re.search(rf"^\| `{re.escape(number)}` \| `{one.name}` \|", DOCS, flags=re.MULTILINE), one.name


def test_the_documentation_names_nothing_that_the_schema_lacks() -> None:
    known = {one.name for name in ("enclume", "puppet") for form in conf_form(name) for one in form}
    assert set(re.findall(r"`(enclume[A-Z]\w+|puppet[A-Z]\w+)`", DOCS)) <= known


def test_the_documentation_says_which_classes_take_an_attribute() -> None:
    """Each row of the attributes' table ends its third column with the classes that the schema lets have it."""
    attributes, classes = conf_form("enclume")
    for attribute in attributes:
        having = [one.name.removeprefix("enclume").lower() for one in classes if f" {attribute.name} " in one.text]
        row = re.search(rf"^\| `\.1\.\d+` \| `{attribute.name}` \| ([^|]+) \|", DOCS, flags=re.MULTILINE)
        assert row, attribute.name
        assert sorted(row[1].split(", ")) == sorted(having), attribute.name


def test_the_documentation_says_which_attributes_are_single_valued() -> None:
    attributes, _ = conf_form("enclume")
    for attribute in attributes:
        row = re.search(rf"^\| `\.1\.\d+` \| `{attribute.name}` \| [^|]+ \| ([^|]+) \|", DOCS, flags=re.MULTILINE)
        assert row, attribute.name
        assert row[1].endswith("one") == ("SINGLE-VALUE" in attribute.text), attribute.name
