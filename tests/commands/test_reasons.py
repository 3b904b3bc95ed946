"""The reasons of an answer as people read them."""

from collections.abc import Mapping
from typing import Any

import click

from commands.reasons import lines_of, of_class

CSN = "20260101120000.000000Z#000000#000#000000"
WEB = "cn=web,ou=services,dc=lab,dc=test"
HOST = "cn=alpha.lab.test,ou=hosts,dc=lab,dc=test"

BECAUSE = "its domain runs on coquille1 (domain 7e6f on coquille1 qemu:///system, coquille2)"

REASONS: Mapping[str, Any] = {
    "certname": "alpha.lab.test",
    "dn": HOST,
    "classes": {
        "apache": [{"where": WEB, "what": "puppetClass", "entryCSN": CSN}, {"where": HOST, "what": "puppetClass"}],
        "base": [{"where": "rules.yaml:3", "what": "every node"}],
    },
    "parameters": {
        "apache::port": {
            "value": 8080,
            "from": [{"where": HOST, "what": "enclumeParameter"}],
            "beats": [{"where": WEB, "what": "enclumeParameter", "value": 80}],
        }
    },
    "variables": {"rack": {"value": "A1", "from": [{"where": HOST, "what": "puppetVar"}]}},
    "environment": {"value": "testing", "from": [{"where": HOST, "what": "environment"}]},
    "enclume": {
        "kind": {"value": "guest", "because": "enclumeKind"},
        "site": {"value": None, "because": "not declared"},
        "layer": {"value": 2, "because": "the default for its kind"},
        "hypervisor": {
            "value": "coquille1",
            "because": "its domain runs on coquille1",
            "domain": "7e6f",
            "defined_on": {"coquille1": "qemu:///system", "coquille2": None},
        },
        "services": {"web": WEB},
        "providers": {"nfs": ["nacre", "perle"]},
        "facts": {"os.family": "Debian"},
    },
    "levels": [
        {"level": "host", "where": [HOST]},
        {"level": "service", "where": [WEB]},
        {"level": "rule", "where": ["rules.yaml:3"]},
    ],
    "findings": [{"code": "no_site", "where": HOST, "what": "enclumeAtSite", "message": "name one", "holds": True}],
    "answer": {"generation": 7, "digest": "x", "age": 300, "state": "current"},
}


def test_everything_that_is_known_is_told() -> None:
    assert [click.unstyle(line) for line in lines_of(REASONS)] == [
        f"alpha.lab.test  {HOST}",
        "  answer: current (generation 7, as read 5 min ago)",
        "  kind         guest      because enclumeKind",
        "  site         not known  because not declared",
        "  layer        2          because the default for its kind",
        f"  hypervisor   coquille1  because {BECAUSE}",
        f"  service      web        {WEB}",
        "  provider     nfs: nacre, perle",
        '  fact         os.family = "Debian"',
        "classes",
        f"  apache  <- service {WEB} puppetClass ({CSN})",
        f"          <- host {HOST} puppetClass",
        '  base    <- rule rules.yaml:3 "every node"',
        "parameters",
        "  apache::port = 8080",
        f"    <- host {HOST} enclumeParameter",
        f"    beats 80 of service {WEB} enclumeParameter",
        "variables",
        '  rack = "A1"',
        f"    <- host {HOST} puppetVar",
        "environment",
        "  testing",
        f"    <- host {HOST} environment",
        "findings",
        f"  no_site  {HOST} enclumeAtSite: name one",
    ]


def test_of_one_class_only_what_belongs_to_it_is_told() -> None:
    assert [click.unstyle(line) for line in lines_of(of_class(REASONS, "base"))] == [
        "alpha.lab.test",
        "classes",
        '  base  <- rule rules.yaml:3 "every node"',
    ]


def test_a_class_has_its_own_parameters_and_no_longer_names() -> None:
    reasons = {**REASONS, "parameters": {"apache::port": REASONS["parameters"]["apache::port"], "apache::mod::a": {}}}
    assert list(of_class(reasons, "apache")["parameters"]) == ["apache::port"]


def test_how_old_the_facts_are_is_told() -> None:
    told = {"at": 1.0, "age": 720, "by": "PUT /facts"}
    reasons = {**REASONS, "enclume": {**REASONS["enclume"], "facts_told": told}}
    lines = [" ".join(click.unstyle(line).split()) for line in lines_of(reasons)]
    assert lines[lines.index('fact os.family = "Debian"') + 1] == "facts gathered 12 min ago as PUT /facts says"
