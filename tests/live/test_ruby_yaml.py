"""What `enc.render` writes is what Ruby's YAML reads, for both of the readers that Puppet has."""

import json
import random
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enc.render import DEEPEST, LONGEST_KEY, render
from tests.live.ruby import JRUBY, RUBY, RubyObject, Unreadable, YamlReader, exactly, ruby_yaml

SPELLINGS = (
    *("08:00", "::1", "1,000", "2024-1-2", "2024-01-02", "2024-01-02 03:04:05", "12:30:45.5", "1_000", "017", "0b1"),
    *("yes", "No", "on", "Off", "y", "n", "null", "Null", "~", "", "true", "FALSE", "0x1f", "0o17", "1e3", "1.5e3"),
    *(".5", "5.", ".inf", "-.INF", ".nan", "-0", "+1", "- a", "? ", ": ", "a: b", "#", " # no comment", "=", "<", "/"),
    *(":symbol", ":'symbol'", ':"symbol"', "!ruby/object:Object {}", "!!binary aGk=", "&anchor", "*alias", "%YAML 1.1"),
    *(
        "---",
        "...",
        "\n---\n",
        "\n...\n",
        "{}",
        "[]",
        "{",
        "]",
        ",",
        ">",
        "@",
        "`",
        "'",
        '"',
        "|",
        "\\",
        "\\n",
        "\\u0041",
    ),
    *(
        " ",
        "  led",
        "trailed  ",
        "\t",
        "\n",
        "a\n\nb",
        "a\r\nb",
        "\x00",
        "\x07",
        "\x1b",
        "\x7f",
        "\x85",
        "\xa0",
        "\xad",
    ),
    *("\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "\ufffd", "\U0001f600", "\U0010ffff", "e\u0301", "\u202e", "é"),
    "x" * 70_000,
)
MEANINGFUL = [*map(chr, range(0x100)), *"0123456789.:-,+eExonytrufals~<>=!&*%@`", *"\u2028\ufeff\ufffe漢😀"]
NUMBERS = (0, 1, -1, 10, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0, 0.1, -1.5, 5e-324, 2.2250738585072014e-308)

texts = st.one_of(st.text(), st.sampled_from(SPELLINGS))
keys = texts.filter(lambda key: key != "<<" and len(key) < 150)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=15)


@pytest.fixture(scope="module", params=[RUBY, JRUBY], ids=["ruby", "jruby"])
def reader(request: pytest.FixtureRequest) -> Iterator[YamlReader]:
    with YamlReader(request.param) as opened:
        yield opened


def assert_read_alike(reader: YamlReader, batch: list[dict[str, Any]]) -> None:
    written = [render(answer) for answer in batch]
    for answer, text, seen in zip(batch, written, reader.read(written), strict=True):
        assert exactly(seen) == exactly(answer), text[:2000]
        assert exactly(json.loads(text)) == exactly(answer), text[:2000]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(values, min_size=20, max_size=40))
def test_any_value_is_read_as_it_was_meant(reader: YamlReader, batch: list[Any]) -> None:
    assert_read_alike(reader, [{"value": value} for value in batch])


def test_thousands_of_answers_are_read_as_they_were_meant(reader: YamlReader) -> None:
    dice = random.Random(2)
    assert_read_alike(reader, [{_random_text(dice): _random_value(dice, 5) for _ in range(8)} for _ in range(4_000)])


def _random_value(dice: random.Random, depth: int) -> Any:
    kind = dice.randrange(8 if depth else 6)
    if kind == 6:
        return [_random_value(dice, depth - 1) for _ in range(dice.randrange(5))]
    if kind == 7:
        return {_random_text(dice): _random_value(dice, depth - 1) for _ in range(dice.randrange(5))}
    if kind == 5:
        return dice.choice([*NUMBERS, None, True, False])
    return dice.uniform(-1, 1) * 10.0 ** dice.randrange(-300, 300) if kind == 4 else _random_text(dice)


def _random_text(dice: random.Random) -> str:
    """Up to eight characters, mostly those that mean something to YAML, JSON or a locale."""
    return "".join(dice.choice(MEANINGFUL) for _ in range(dice.randrange(9)) if dice.random() < 0.9).replace("<<", "<")


def test_every_character_is_read_as_it_was_meant(reader: YamlReader) -> None:
    characters = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    texts = ["".join(characters[start : start + 512]) for start in range(0, len(characters), 512)]
    assert_read_alike(reader, [{"text": text} for text in texts])
    assert_read_alike(reader, [{character: character for character in characters[:0x3000]}])


def test_every_text_that_looks_like_something_else_stays_a_text(reader: YamlReader) -> None:
    assert_read_alike(reader, [{"value": text, "list": [text, text]} for text in SPELLINGS])
    assert_read_alike(reader, [{text: text for text in SPELLINGS if len(text) < 100}])


def test_numbers_keep_their_type_and_their_last_digit(reader: YamlReader) -> None:
    bits = random.Random(1).randbytes(8 * 20_000)
    floats = [value for (value,) in struct.iter_unpack(">d", bits) if value - value == 0.0]
    powers = [sign * 10.0**power for power in range(-323, 309) for sign in (1, -1)]
    assert_read_alike(reader, [{"numbers": [*NUMBERS, *powers, *floats]}])


def test_the_deepest_answer_and_the_longest_key_are_read(reader: YamlReader) -> None:
    deepest: Any = []
    for _ in range(DEEPEST - 2):
        deepest = {"k": deepest} if isinstance(deepest, list) else [deepest]
    long = [{"k" * (LONGEST_KEY - 2): 1}, {"é" * ((LONGEST_KEY - 2) // 6): 1}, {"\U0001f600" * (LONGEST_KEY - 2): 1}]
    assert_read_alike(reader, [{"deepest": deepest}, *long])


def test_an_answer_of_the_largest_size_is_read(reader: YamlReader) -> None:
    assert_read_alike(reader, [{"text": "x" * 2_999_989}])


@pytest.mark.parametrize(
    ("json_text", "seen"),
    [
        (b'{"a":1e5}', {"a": "1e5"}),
        (b'{"a":1.5e5}', {"a": "1.5e5"}),
        (b'{"a":{"<<":{"b":1}}}', {"a": {"b": 1}}),
        ('{"a":"x\x85y"}'.encode(), {"a": "x y"}),
    ],
)
def test_what_ruby_reads_otherwise_than_json_does(reader: YamlReader, json_text: bytes, seen: object) -> None:
    """The reasons for `enc.render`: should Ruby's YAML change, this says so."""
    assert reader.read([json_text]) == [seen]


@pytest.mark.parametrize(
    "json_text", [b'{"a":"\x7f"}', '{"a":"\x80"}'.encode(), '{"a":"\ufffe"}'.encode(), b'{"' + b"k" * 1023 + b'":1}']
)
def test_what_ruby_refuses_though_it_is_json(reader: YamlReader, json_text: bytes) -> None:
    json.loads(json_text)
    assert isinstance(reader.read([json_text])[0], Unreadable)


def test_libyaml_knows_no_surrogate_pair() -> None:
    assert isinstance(ruby_yaml([rb'{"a":"\ud83d\ude00"}'])[0], Unreadable)


def test_the_reader_tells_ruby_types_apart() -> None:
    symbol, date, guessed, plain = ruby_yaml([b"a: ':b'\nb: :c", b"{a: 2024-1-2}", b"[08:00, 1,000]", b"[1, 1.0, '1']"])
    assert symbol == {"a": ":b", "b": RubyObject("Symbol", "c")}
    assert isinstance(date, Unreadable)
    assert guessed == [28800, 1, 0]
    assert exactly(plain) == '[1, 1.0, "1"]'
