"""Rules: what a file may say, and that what it may not say is one error with file, line, key and expectation."""

from pathlib import Path

import pytest

from enc.rules import SHIPPED, Rules, load, parse
from errors import SettingsError
from tests.factories import rules


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        rules(text)
    return caught.value


def test_the_shipped_rules_can_be_read() -> None:
    assert load(None) == load(str(SHIPPED))
    assert load(None).rules


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]"])
def test_a_file_without_rules_has_none(text: str) -> None:
    assert rules(text) == Rules((), ())


def test_a_rule_says_where_it_stands() -> None:
    found = parse("# first\n\n- name: one\n- name: two\n  classes: a\n", "/etc/rules.yaml").rules
    assert [rule.origin.where for rule in found] == ["/etc/rules.yaml:3", "/etc/rules.yaml:4"]
    assert [rule.origin.what for rule in found] == ["one", "two"]


def test_a_rule_states_classes_parameters_variables_and_an_environment() -> None:
    (rule,) = rules(
        """
- name: all of it
  classes: ["::apache", php::fpm]
  parameters:
    "::apache::port": 80
    "apache::modules+": [ssl]
    "apache::hosts +": {a: 1}
  variables: {room: B12}
  environment: test
  requires: [nfs, dns]
"""
    ).rules
    assert [(one.aspect, one.name, one.value, one.unites) for one in rule.statements] == [
        ("class", "apache", True, False),
        ("class", "php::fpm", True, False),
        ("parameter", "apache::port", 80, False),
        ("parameter", "apache::modules", ["ssl"], True),
        ("parameter", "apache::hosts", {"a": 1}, True),
        ("variable", "room", "B12", False),
        ("environment", "", "test", False),
    ]
    assert rule.requires == ("nfs", "dns")
    assert all(one.origin == rule.origin for one in rule.statements)


def test_the_facts_that_rules_ask_for_are_named_wherever_they_stand() -> None:
    found = rules(
        "- {name: a, when: {facts.os.family: Debian, not: {not: {facts.x: 1}}}}\n- {name: b, when: {facts.x: 2}}"
    )
    assert found.fact_names == ("os.family", "x")


def test_facts_whose_names_only_begin_like_trusted_are_facts() -> None:
    found = rules("- {name: a, when: {facts.trusted_by: x, facts.os.trusted: x}}")
    assert found.fact_names == ("os.trusted", "trusted_by")


@pytest.mark.parametrize(
    ("body", "key", "expectation"),
    [
        ("class: [a]", "class", "unknown key; known are name, when, classes"),
        ("1: a", "1", "unknown key"),
        ("when: {colour: red}", "when.colour", "unknown condition; known are kind, site, layer"),
        ("when: {facts: {os: Debian}}", "when.facts", "unknown condition"),
        ("when: {facts.: Debian}", "when.facts.", "unknown condition"),
        ("when: {facts.trusted: x}", "when.facts.trusted", "nothing of its certificate; ask for `certname`"),
        ("when: {facts.trusted.certname: a}", "when.facts.trusted.certname", "a node could tell such a fact itself"),
        ("when: {not: {facts.trusted.a.b: x}}", "when.not.facts.trusted.a.b", "a node could tell such a fact itself"),
        ("when: [guest]", "when", "expected a mapping of conditions"),
        ("when: []", "when", "expected a mapping of conditions"),
        ("when: guest", "when", "expected a mapping of conditions"),
        ("when: ''", "when", "expected a mapping of conditions"),
        ("when: {kind: server}", "when.kind", "'server' is none of guest, hypervisor, physical"),
        ("when: {kind: [guest, server]}", "when.kind", "'server' is none of"),
        ("when: {kind: []}", "when.kind", "expected a value or a list of values"),
        ("when: {kind: }", "when.kind", "expected a value or a list of values"),
        ("when: {kind: {a: b}}", "when.kind", "expected a value or a list of values"),
        ("when: {kind: [[guest]]}", "when.kind", "expected a value or a list of values"),
        ("when: {layer: 3}", "when.layer", "3 is none of 1, 2"),
        ("when: {layer: '1'}", "when.layer", "'1' is none of 1, 2"),
        ("when: {layer: true}", "when.layer", "True is none of 1, 2"),
        ("when: {providers: coffee}", "when.providers", "'coffee' is none of backup, dhcp"),
        ("when: {storage: tape}", "when.storage", "'tape' is none of nfs, lvm, file"),
        ("when: {memory: 2}", "when.memory", "is no size: write it as `>= 2 GiB`"),
        ("when: {memory: '>= 2 GB'}", "when.memory", "is no size"),
        ("when: {memory: '=> 2 GiB'}", "when.memory", "is no size"),
        ("when: {not: guest}", "when.not", "expected a mapping of conditions"),
        ("when: {not: {kind: x}}", "when.not.kind", "'x' is none of"),
        ("classes: [Apache]", "Apache", "is no class name that Puppet accepts"),
        ("classes: {apache: {}}", "classes", "expected a name or a list of names"),
        ("classes: [1]", "classes", "expected a name or a list of names"),
        ("parameters: [a]", "parameters", "expected a mapping of names to values"),
        ("parameters: {port: 80}", "port", "is no parameter name that Puppet accepts"),
        ("parameters: {Apache::port: 80}", "Apache::port", "is no parameter name"),
        ("parameters: {apache::port+: 80}", "apache::port+", "expected a list or a mapping"),
        ("parameters: {a::b: '${site.colour}'}", "a::b", "${site.colour} is no reference; known are site.name"),
        ("parameters: {a::b: {k: ['${x}']}}", "a::b", "${x} is no reference"),
        ("parameters: {a::b: {'${x}': 1}}", "a::b", "${x} is no reference"),
        ("parameters: {a::b: '${site.provider.coffee}'}", "a::b", "is no reference"),
        ("parameters: {a::b: 2024-01-02}", "a::b", "put it in quotes"),
        ("parameters: {a::b: {2024-01-02: 1}}", "a::b", "put it in quotes"),
        ("parameters: {a::b: {yes: 1}}", "a::b", "put it in quotes"),
        ("parameters: {a::b: [.inf]}", "a::b", "put it in quotes"),
        ("parameters: {a::b: .nan}", "a::b", "put it in quotes"),
        ("parameters: {a::b: !!set {x}}", "a::b", "put it in quotes"),
        ("parameters: {a::b: !!binary aGVsbG8=}", "a::b", "put it in quotes"),
        ('parameters: {a::b: "\\ud800"}', "a::b", "half a character"),
        ("parameters: {a::b: &x [*x]}", "a::b", "nested too deep"),
        ("variables: [a]", "variables", "expected a mapping of names to values"),
        ("variables: {enclume: x}", "variables.enclume", "is reserved by Puppet or Enclume"),
        ("variables: {Room: x}", "Room", "is no variable name that Puppet accepts"),
        ("variables: {1: x}", "1", "is no variable name"),
        ("environment: prod-2", "environment", "is no environment name"),
        ("environment: [a]", "environment", "is no environment name"),
        ("requires: [coffee]", "requires", "'coffee' is none of backup, dhcp"),
        ("requires: {nfs: 1}", "requires", "expected a name or a list of names"),
    ],
)
def test_what_a_rule_may_not_say_is_named_with_its_line(body: str, key: str, expectation: str) -> None:
    error = refused(f"- name: fine\n- name: wrong\n  {body}\n")
    assert (error.file, error.key) == ("rules.yaml:2", key)
    assert expectation in error.expected
    assert str(error) == f"rules.yaml:2: {key}: {error.expected}"


@pytest.mark.parametrize("item", ["{classes: a}", "{name: }", "{name: 5}", "{name: ''}"])
def test_a_rule_needs_a_name(item: str) -> None:
    error = refused(f"- {item}")
    assert (error.key, error.file) == ("name", "rules.yaml:1")


@pytest.mark.parametrize("text", ["name: x", "5", "true", "- just text", "- [a]", "-"])
def test_what_is_no_list_of_rules_is_refused(text: str) -> None:
    assert "expected a" in refused(text).expected


@pytest.mark.parametrize(
    "text", ["- {", "- name: [", "a: b: c", "- !!python/name:os.system x", "- 2024-99-99", "[" * 2000]
)
def test_what_is_no_yaml_is_refused(text: str) -> None:
    assert "is not YAML" in refused(text).expected


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "gone.yaml", None), (tmp_path / "latin1.yaml", "- name: é".encode("latin-1"))):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsError, match=str(path)):
            load(str(path))
    with pytest.raises(SettingsError, match=str(tmp_path)):
        load(str(tmp_path))
