"""Statements of entries: what is read, and that everything bad is a finding that names DN and attribute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.directory.statements import RESERVED, Reader
from facts.findings import Finding
from tests.factories import host, host_dn

DN = host_dn("web01.lab.test")


def read(attribute: str, *values: str) -> Reader:
    """The statements of a host with these values."""
    reader = Reader(host("web01.lab.test", **{attribute: values}))
    reader.read_statements()
    return reader


def stated(attribute: str, value: str) -> tuple[str, str, Any, bool]:
    """The one statement of a value, which must be all that comes of it."""
    reader = read(attribute, value)
    assert reader.findings == []
    (statement,) = reader.statements
    assert (statement.origin.where, statement.origin.what) == (DN, attribute)
    return statement.aspect, statement.name, statement.value, statement.unites


def refused(attribute: str, value: str) -> Finding:
    """The one finding of a value, which must be all that comes of it."""
    reader = read(attribute, value)
    assert reader.statements == []
    (finding,) = reader.findings
    assert (finding.where, finding.what) == (DN, attribute)
    assert finding.message
    return finding


@pytest.mark.parametrize("name", ["apache", "apache::vhost", "a1_b::c2", "::apache", " apache "])
def test_a_class_is_stated_without_its_leading_colons(name: str) -> None:
    assert stated("puppetClass", name) == ("class", name.strip().removeprefix("::"), True, False)


@pytest.mark.parametrize(
    "name", ["Apache", "apache::", "a::::b", "1apache", "apache-vhost", "a b", "a:b", "é", "", "_a", "apache\n::b"]
)
def test_what_is_no_class_name_is_a_finding_that_holds(name: str) -> None:
    finding = refused("puppetClass", name)
    assert (finding.code, finding.holds) == ("bad_name", True)


@pytest.mark.parametrize(
    ("value", "name", "content", "unites"),
    [
        ('apache::port="80"', "apache::port", "80", False),
        ("apache::port=80", "apache::port", 80, False),
        ("apache::port = 80", "apache::port", 80, False),
        ("::apache::port=80", "apache::port", 80, False),
        ("a::b=true", "a::b", True, False),
        ("a::b=null", "a::b", None, False),
        ("a::b=1.5", "a::b", 1.5, False),
        ('a::b="x=y+=z"', "a::b", "x=y+=z", False),
        ("a::b=[1,2]", "a::b", [1, 2], False),
        ('a::b+=["x"]', "a::b", ["x"], True),
        ('a::b += {"k": 1}', "a::b", {"k": 1}, True),
        ('a::b::c={"k":{"l":[]}}', "a::b::c", {"k": {"l": []}}, False),
    ],
)
def test_a_parameter_is_json_that_sets_or_unites(value: str, name: str, content: object, unites: bool) -> None:
    found = stated("enclumeParameter", value)
    assert found == ("parameter", name, content, unites)
    assert type(found[2]) is type(content)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("apache::port", "bad_value"),
        ("apache::port=", "bad_value"),
        ("apache::port=eighty", "bad_value"),
        ("apache::port='80'", "bad_value"),
        ('apache::port={"a": }', "bad_value"),
        ("apache::port=[1,", "bad_value"),
        ("apache::port=80 81", "bad_value"),
        ("apache::port=NaN", "bad_value"),
        ("apache::port=1e999", "bad_value"),
        ("apache::port=" + "1" * 5000, "bad_value"),
        ("apache::port=" + "[" * 100 + "]" * 100, "bad_value"),
        ("apache::port=" + "[" * 100_000, "bad_value"),
        ('apache::port="\\ud800"', "bad_value"),
        ("=80", "bad_value"),
        ("", "bad_value"),
        ("apache::port+=80", "bad_value"),
        ("apache::port+=null", "bad_value"),
        ("port=80", "bad_name"),
        ("Apache::port=80", "bad_name"),
        ("apache::Port=80", "bad_name"),
        ("apache:port=80", "bad_name"),
        ("apache::=80", "bad_name"),
    ],
)
def test_a_bad_parameter_is_a_finding_that_holds(value: str, code: str) -> None:
    finding = refused("enclumeParameter", value)
    assert (finding.code, finding.holds) == (code, True)
    assert len(finding.message) < 300


@pytest.mark.parametrize("value", ["mysql::password=hunter2", 'mysql::password+="hunter2"'])
def test_a_bad_parameter_is_told_without_its_value(value: str) -> None:
    """It may be a password, and many may read the findings."""
    finding = refused("enclumeParameter", value)
    assert "mysql::password" in finding.message
    assert "hunter2" not in finding.message


@pytest.mark.parametrize(
    ("value", "name", "content"),
    [
        ("room=B12", "room", "B12"),
        ("room=", "room", ""),
        ("url=http://x/?a=b", "url", "http://x/?a=b"),
        (" room =B12", "room", "B12"),
        ("managed=true", "managed", True),
        ("managed=false", "managed", False),
        ("managed=True", "managed", "True"),
        ("number=12", "number", "12"),
        ("_private=1", "_private", "1"),
        ("camelCase=1", "camelCase", "1"),
    ],
)
def test_a_variable_is_split_at_the_first_equals_and_knows_booleans(value: str, name: str, content: object) -> None:
    found = stated("puppetVar", value)
    assert found == ("variable", name, content, False)
    assert type(found[2]) is type(content)


@pytest.mark.parametrize("value", ["room", "=B12", "", "Room=B12", "1room=B12", "a::b=1", "a-b=1", "é=1", "a b=1"])
def test_a_variable_without_a_name_that_puppet_accepts_is_a_finding_that_holds(value: str) -> None:
    finding = refused("puppetVar", value)
    assert (finding.code, finding.holds) == ("bad_name", True)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_variable_is_left_out_and_said_and_holds_nothing(name: str) -> None:
    finding = refused("puppetVar", f"{name}=x")
    assert (finding.code, finding.holds) == ("reserved_name", False)
    assert name in finding.message


def test_puppets_own_names_and_ours_are_reserved() -> None:
    assert {"enclume", "environment", "trusted", "facts", "server_facts", "servername", "serverip"} <= RESERVED
    assert {"clientcert", "title", "name", "module_name", "caller_module_name", "settings"} <= RESERVED


@pytest.mark.parametrize("name", ["production", "prod_2", "2024", "Test"])
def test_an_environment_is_stated_by_its_name(name: str) -> None:
    assert stated("environment", name) == ("environment", "", name, False)


@pytest.mark.parametrize("name", ["", "pro duction", "prod-2", "../etc", "prodé", "a.b", "production\n"])
def test_what_is_no_environment_name_is_a_finding_that_holds(name: str) -> None:
    finding = refused("environment", name)
    assert (finding.code, finding.holds) == ("bad_name", True)


def test_one_bad_value_leaves_the_others_of_its_attribute() -> None:
    reader = read("puppetClass", "apache", "Bad Name", "php")
    assert [statement.name for statement in reader.statements] == ["apache", "php"]
    assert len(reader.findings) == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    st.sampled_from(["puppetClass", "enclumeParameter", "puppetVar", "environment"]),
    st.one_of(TEXTS, st.builds("{}={}".format, st.sampled_from(["a::b", "a::b+", "x"]), TEXTS)),
)
def test_any_value_is_one_statement_or_one_finding(attribute: str, value: str) -> None:
    reader = read(attribute, value)
    assert len(reader.statements) + len(reader.findings) == 1
    for finding in reader.findings:
        assert (finding.where, finding.what) == (DN, attribute)
