"""The catalogue is whole, documented where it is made, and clean for promtool."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from exporters import families
from exporters.catalogue import CATALOGUE
from exporters.family import Family
from tests.exporters.everything import whole

MODULES = (
    "exporters.counts",
    *(f"exporters.families.{one.stem}" for one in Path(families.__path__[0]).glob("[a-z]*.py")),
)


@pytest.fixture(scope="module")
def text() -> str:
    return whole()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_shows_a_sample_of_each_of_its_families_as_it_is_told(name: str, text: str) -> None:
    module = importlib.import_module(name)
    shown = re.findall(r"^((?:enclume|puppet)_\w+[ {].*)$", module.__doc__ or "", re.MULTILINE)
    assert [line for line in shown if line not in text.splitlines()] == []
    names = [re.sub(r"_bucket$", "", re.split(r"[ {]", line)[0]) for line in shown]
    assert names == [family.name for family in module.FAMILIES]


def test_every_module_is_in_the_catalogue() -> None:
    made = {family.name for name in MODULES for family in importlib.import_module(name).FAMILIES}
    assert made == {family.name for family in CATALOGUE}
    assert len(CATALOGUE) == len(made)


def labels_of(text: str, family: Family) -> set[tuple[str, ...]]:
    lines = re.findall(rf"^{family.name}(?:_bucket)?(?:{{(.*)}})? \S+$", text, re.MULTILINE)
    return {tuple(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', line)) for line in lines}


@pytest.mark.parametrize("family", CATALOGUE, ids=lambda family: family.name)
def test_the_samples_of_a_family_have_the_labels_that_it_declares(family: Family, text: str) -> None:
    found = {tuple(name for name in labels if name != "le") for labels in labels_of(text, family)}
    if family.type == "histogram" or not family.labels:
        assert found == {()}
    elif family.name.startswith("enclume_"):
        assert found == {family.labels}
    else:
        assert {tuple(sorted(labels)) for labels in found} == {tuple(sorted(family.labels))}


def test_promtool_finds_nothing_to_say(text: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
