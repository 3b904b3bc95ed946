"""The answer's text: canonical, ASCII, and a sentence with a path for what has no common spelling."""

import datetime as dt
import json
import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enc.render import DEEPEST, LARGEST, LONGEST_KEY, render

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers
keys = st.text(max_size=150).filter(lambda key: key != "<<")
values = st.recursive(scalars | st.text(), lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12)


def nested(levels: int) -> Any:
    """Hashes in arrays in hashes, `levels` of them."""
    value: Any = []
    for level in range(levels - 1):
        value = [value] if level % 2 else {"k": value}
    return value


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    answer = {"parameters": {"b": 1, "a": [True, None]}, "classes": {"ntp": {}}, "environment": "production"}
    expected = b'{"classes":{"ntp":{}},"environment":"production","parameters":{"a":[true,null],"b":1}}'
    assert render(answer) == expected


def test_equal_answers_give_equal_bytes_whatever_their_order() -> None:
    assert render({"b": {"d": 1, "c": 2}, "a": 3}) == render({"a": 3, "b": {"c": 2, "d": 1}})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Université", rb'"Universit\u00e9"'),
        ("\x7f\x80\x85\xa0\xad", rb'"\u007f\u0080\u0085\u00a0\u00ad"'),
        ("\u2028\ufeff\ufffe\uffff", rb'"\u2028\ufeff\ufffe\uffff"'),
        ("\U0001f600é", b'"\xf0\x9f\x98\x80\\u00e9"'),
        ('a/b\\"\n\x00', rb'"a/b\\\"\n\u0000"'),
    ],
)
def test_characters_are_written_in_ascii_where_json_and_yaml_agree_on_it(text: str, written: bytes) -> None:
    assert render({"a": text}) == b'{"a":' + written + b"}"
    assert render({text: 1}) == b"{" + written + b":1}"


@pytest.mark.parametrize(
    ("number", "written"),
    [
        *((1, b"1"), (1.0, b"1.0"), (-0.0, b"-0.0"), (0.5, b"0.5"), (1e22, b"1.0e+22"), (1.5e300, b"1.5e+300")),
        *((1e-7, b"1.0e-07"), (5e-324, b"5.0e-324"), (2**63 - 1, b"9223372036854775807"), (True, b"true")),
    ],
)
def test_numbers_are_written_as_yaml_spells_them(number: float, written: bytes) -> None:
    assert render({"n": [number]}) == b'{"n":[' + written + b"]}"


def test_read_only_mappings_and_tuples_are_hashes_and_arrays() -> None:
    assert render(MappingProxyType({"a": MappingProxyType({"b": (1, ("x",))})})) == b'{"a":{"b":[1,["x"]]}}'


@given(value=values)
def test_a_json_parser_reads_what_was_meant(value: Any) -> None:
    read = json.loads(render({"value": value}))
    assert json.dumps(read, sort_keys=True) == json.dumps({"value": value}, sort_keys=True)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (float("nan"), "parameters.a[1]: nan is no JSON number; write it as a string"),
        (float("-inf"), "parameters.a[1]: -inf is no JSON number; write it as a string"),
        (2**63, "parameters.a[1]: Puppet's Integer has 64 bits; write it as a string"),
        (-(2**63) - 1, "parameters.a[1]: Puppet's Integer has 64 bits; write it as a string"),
        ("\ud83d", "parameters.a[1]: half of a surrogate pair is no character; remove it"),
        (dt.date(2024, 1, 2), "parameters.a[1]: a date is no JSON value; write it as a string or a number"),
        ({1, 2}, "parameters.a[1]: a set is no JSON value; write it as a string or a number"),
        (b"x", "parameters.a[1]: a bytes is no JSON value; write it as a string or a number"),
        ({80: 1}, "parameters.a[1].80: the key is a int; write it as a string"),
        (
            {"<<": {}},
            "parameters.a[1].<<: Ruby's YAML merges what stands under a key << into its parent; choose another key",
        ),
        (
            {"k" * 1023: 1},
            f"parameters.a[1].{'k' * 57}...: the key is longer than YAML's 1024 characters; shorten it",
        ),
        (
            {"\ud83d": 1},
            "parameters.a[1].'\\ud83d': half of a surrogate pair is no character; remove it",
        ),
    ],
)
def test_a_value_without_a_common_spelling_is_refused_by_its_path(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(sentence) + "$"):
        render({"parameters": {"a": [0, value]}})


@pytest.mark.parametrize(("character", "written"), [("k", 1), ("é", 6), ("\x01", 6), ('"', 2), ("\U0001f600", 1)])
def test_the_longest_key_is_counted_as_it_is_written(character: str, written: int) -> None:
    fitting = (LONGEST_KEY - 2) // written
    render({character * fitting: 1})
    with pytest.raises(ValueError, match="the key is longer"):
        render({character * (fitting + 1): 1})


def test_an_answer_deeper_than_the_server_can_read_is_refused() -> None:
    render(nested(DEEPEST) if isinstance(nested(DEEPEST), dict) else {"k": nested(DEEPEST - 1)})
    with pytest.raises(ValueError, match=f"nested deeper than {DEEPEST} levels"):
        render({"k": nested(DEEPEST)})


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["k"] = endless
    with pytest.raises(ValueError, match="nested deeper"):
        render(endless)


def test_an_answer_larger_than_the_server_can_read_is_refused() -> None:
    with pytest.raises(ValueError, match=f"the answer has {LARGEST + 1} bytes"):
        render({"a": "x" * (LARGEST + 1 - len('{"a":""}'))})
