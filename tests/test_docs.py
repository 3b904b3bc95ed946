"""What is documented is all that there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest
import yaml
from msgspec import Meta, Struct

from app import Runtime, create_app
from audit.codes import CODES
from enc.conditions import CONDITIONS
from enc.references import REFERENCES
from enc.rules import SHIPPED, load, parse
from facts.directory.fields import PROVIDES
from facts.findings import FINDINGS
from settings import Settings
from tests.web.serving import configured
from tools.schemas import ALL, schema

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def settings_of(cls: type[Struct], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting's dotted name and help."""
    for name, hint in get_type_hints(cls, include_extras=True).items():
        kind, *metas = get_args(hint)
        (description,) = [meta.description for meta in metas if isinstance(meta, Meta) and meta.description]
        yield prefix + name, description
        for inner in (kind, *get_args(kind)):
            if isinstance(inner, type) and issubclass(inner, Struct):
                yield from settings_of(inner, f"{prefix}{name}.")


@pytest.mark.parametrize(("name", "description"), list(settings_of(Settings)))
def test_every_setting_stands_in_the_reference_with_its_help(name: str, description: str) -> None:
    lines = (DOCS / "settings.md").read_text().splitlines()
    assert any(line.startswith(f"| `{name}` |") and line.endswith(f"| {description} |") for line in lines)


def test_the_reference_lists_no_setting_that_does_not_exist() -> None:
    listed = re.findall(r"^\| `([a-z_.]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE)
    assert listed == [name for name, _ in settings_of(Settings)]


def test_the_settings_of_the_readme_are_accepted() -> None:
    block = re.search(r"^( +directory:\n.*?)\n\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    msgspec.convert(yaml.safe_load(block[1]), Settings)


def test_every_finding_is_explained_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \|", (DOCS / "findings.md").read_text(), re.MULTILINE)
    assert listed == list(FINDINGS)


def test_every_rule_of_the_verdicts_is_explained_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \|", (DOCS / "verdicts.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(CODES)


def test_the_checks_come_from_what_is_listed_and_nothing_else() -> None:
    written = {code for path in (ROOT / "audit").glob("*.py") for code in re.findall(r'code="(\w+)"', path.read_text())}
    assert written == set(CODES)


def test_the_code_finds_what_is_listed_and_nothing_else() -> None:
    patterns = {"facts": r'(?:Finding|\.wrong)\(\s*"([a-z_]+)"', "enc": r'Finding\(\s*"([a-z_]+)"'}
    written = {
        code
        for room, pattern in patterns.items()
        for path in (ROOT / room).rglob("*.py")
        for code in re.findall(pattern, path.read_text())
    }
    assert written == set(FINDINGS)


def test_every_condition_and_reference_of_rules_is_explained() -> None:
    text = (DOCS / "rules.md").read_text()
    for condition in (*CONDITIONS, "facts.NAME", "not"):
        assert f"| `{condition}` |" in text
    for reference in (*REFERENCES, "site.provider.WHAT", "site.providers.WHAT"):
        assert f"`${{{reference}}}`" in text
    for provided in PROVIDES:
        assert provided in text


def test_the_example_rule_of_the_documentation_can_be_read() -> None:
    block = re.search(r"\n\n((?:    .*\n)+)", (DOCS / "rules.md").read_text())
    assert block is not None
    (rule,) = parse(re.sub(r"^    ", "", block[1], flags=re.MULTILINE)).rules
    assert [statement.name for statement in rule.statements] == ["nginx", "nginx::worker_processes", "nginx::resolvers"]


def test_the_shipped_rules_assign_no_class() -> None:
    """A class that the Puppet code lacks would abort the catalog."""
    assert not [one for rule in load(None).rules for one in rule.statements if one.aspect == "class"]
    assert SHIPPED.is_file()


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in (*DOCS.rglob("*.md"), ROOT / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", ALL)
def test_every_body_has_its_schema_on_paper(name: str) -> None:
    assert (DOCS / "schemas" / f"{name}.json").read_text() == schema(name), "run `make schemas`"


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    app = create_app(Runtime(configured(tmp_path)))
    text = (DOCS / "http.md").read_text()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: match[1].upper(), rule.rule)
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert f"| `{method} {path}` |" in text
