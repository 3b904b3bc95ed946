"""Documents of facts: what Facter, Puppet and PuppetDB write, read alike; what makes no sense, refused."""

import contextlib
import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from errors import FactsError
from facts.facter.document import DEEPEST, LARGEST, MOST, Document, read_json, time_of
from facts.facter.ruby_yaml import read_yaml

CAPTURES = Path(__file__).parents[1] / "fixtures/puppet"
AT = 1769774400.25
"""2026-01-30 12:00:00.25 UTC."""


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_the_three_forms_of_json() -> None:
    values = {"os": {"family": "Debian"}}
    stamp = "2026-01-30T12:00:00.25Z"
    assert read_json(json.dumps(values).encode()) == Document("", values)
    puppet = {"name": "web", "values": values, "timestamp": stamp, "expiration": "x"}
    assert read_json(json.dumps(puppet).encode()) == Document("web", values, AT)
    database = {"certname": "web", "values": values, "producer_timestamp": stamp, "environment": "x"}
    assert read_json(json.dumps(database).encode()) == Document("web", values, AT)


def test_the_real_caches_of_puppet_say_the_same() -> None:
    of_json = read_json((CAPTURES / "server_data-facts-web01.lab.test.json").read_bytes())
    of_yaml = read_yaml((CAPTURES / "yaml-facts-web01.lab.test.yaml").read_bytes())
    assert of_json.name == of_yaml.name == "web01.lab.test"
    assert of_json.values["os"] == of_yaml.values["os"]
    assert of_json.values["networking"].keys() == of_yaml.values["networking"].keys()
    assert int(of_json.written_at) == 1795348326
    assert int(of_yaml.written_at) == 1795750549
    types = {name: type(value) for name, value in of_json.values.items()}
    same = of_yaml.values.keys() & types.keys()
    assert len(same) > 80
    assert {name: type(of_yaml.values[name]) for name in same} == {name: types[name] for name in same}


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2026-01-30T12:00:00.250000000+00:00", AT),
        ("2026-01-30 12:00:00.250000000 Z", AT),
        ("2026-01-30 13:00:00.25 +01:00", AT),
        ("2026-01-30 13:00:00.25 +0100", AT),
        ("2026-01-30 12:00:00.25", AT),
        ("2026-01-30 12:00:00.25 UTC", AT),
        (AT, AT),
        ("Thu Jan 30 12:00:00 2026", 0),
        ("2026-13-30T12:00:00Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
        ("9" * 10_000, 0),
        (True, 0),
        (-1, 0),
        (1e300, 0),
        (None, 0),
        ([], 0),
    ],
)
def test_timestamps(stamp: Any, at: float) -> None:
    assert time_of(stamp) == at


def test_what_was_gathered_after_it_arrived_was_gathered_then() -> None:
    assert Document("", {}, 100.0).gathered_at(200.0) == 100.0
    assert Document("", {}, 204.0).gathered_at(200.0) == 204.0
    assert Document("", {}, 206.0).gathered_at(200.0) == 200.0
    assert Document("", {}).gathered_at(200.0) == 200.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no JSON"),
        (b"[]", "expected an object"),
        (b"5", "expected an object"),
        (b"{", "no JSON"),
        (b'{"a": 1e400}', "no JSON"),
        (b'{"a": "\xff"}', "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (json.dumps(nested(DEEPEST + 1)).encode(), "nested too deeply"),
        (json.dumps({"a": [0] * (MOST + 1)}).encode(), "too many values"),
        (json.dumps({"a" * 2000: 1}).encode(), "a name of a fact"),
        (b" " * (LARGEST + 1), f"expected at most {LARGEST}"),
    ],
)
def test_json_that_makes_no_sense(text: bytes, says: str) -> None:
    with pytest.raises(FactsError, match=says):
        read_json(text)


def test_what_is_just_deep_and_much_enough() -> None:
    assert read_json(json.dumps(nested(DEEPEST)).encode()).values == nested(DEEPEST)
    read_json(json.dumps({"a": [0] * (MOST - 1)}).encode())


OLD = b"""\
--- !ruby/object:Puppet::Node::Facts
  expiration: 2015-03-11 10:50:30.123456 +01:00
  name: web
  values:
    !ruby/sym _timestamp: 2026-01-30 12:00:00.250000 +00:00
    osfamily: RedHat
    is_virtual: "true"
    macaddress: 52:54:00:12:34:56
    uptime: 3:02 hours
    ":sym": 1
    empty: ""
    nothing:
    sshkey: &id001 AAAAB3
    sshkey2: *id001
    yes_is_text: 'yes'
    octal: '0644'
    norway: no
    date: 2026-01-30
    uuid: !str 12
"""
"""Written by hand, as Puppet 3.8 with Psych writes it."""


def test_the_yaml_of_puppet_3_means_what_ruby_meant() -> None:
    assert read_yaml(OLD) == Document(
        "web",
        {
            "osfamily": "RedHat",
            "is_virtual": "true",
            "macaddress": "52:54:00:12:34:56",
            "uptime": "3:02 hours",
            ":sym": 1,
            "empty": "",
            "nothing": None,
            "sshkey": "AAAAB3",
            "sshkey2": "AAAAB3",
            "yes_is_text": "yes",
            "octal": "0644",
            "norway": "no",
            "date": "2026-01-30",
            "uuid": "12",
        },
        AT,
    )


def bomb() -> bytes:
    lines = [b"name: x", b"values:", b"  a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [b"  a%d: &a%d [%s]" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 9)) for level in range(1, 12)]
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "ends too early"),
        (b"---\n", "expected an object"),
        (b"- a\n", "expected an object"),
        (b"a: [", "no YAML"),
        (b"a: \x00", "no YAML"),
        (b"a: \xff\xfe", "no YAML"),
        (b"a: !ruby/object:Gem::Installer\n  i: x\n", "the tag !ruby/object:Gem::Installer"),
        (b"--- !ruby/object:Other\na: 1\n", "the tag !ruby/object:Other"),
        (b'a: !!python/object/apply:os.system ["true"]\n', "the tag tag:yaml.org,2002:python"),
        (b"a: !ruby/regexp x\n", "the tag !ruby/regexp"),
        (b"a: !ruby/object:Puppet::Node::Facts {}\n", "the tag"),
        (b"a: &a [*a]\n", "an alias of nothing"),
        (b"a: *b\n", "no YAML|an alias of nothing"),
        (b"? [a]\n: b\n", "a name of a fact"),
        (b"a: " + b"[" * 5000, "no YAML|nested too deeply"),
        (b"a: " + b"[" * 40 + b"]" * 40, "nested too deeply"),
        (bomb(), "too many values"),
        (b" " * (LARGEST + 1), "expected at most"),
    ],
)
def test_yaml_that_makes_no_sense(text: bytes, says: str) -> None:
    with pytest.raises(FactsError, match=says):
        read_yaml(text)


@hypothesis.given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_bytes_are_a_document_or_a_sentence(text: bytes) -> None:
    for read in (read_json, read_yaml):
        with contextlib.suppress(FactsError):
            assert isinstance(read(text), Document)
