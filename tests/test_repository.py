"""What every tracked file of this repository keeps to."""

import configparser
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300
# Programs that are copied to other hosts as one file: they cannot be split.
MAY_BE_LONG = frozenset({"facts/observer/enclume-observe", "enc/client/enclume-enc"})
CODE = (".py", ".sh", ".rb")
# This file holds what it looks for.
ITSELF = "tests/test_repository.py"
# Folders of the machine that something was built or tested on.
MACHINE_PATH = re.compile(
    r"(?<![\w./}$-])/(work/\w|root/\.?(cache|pyenv|local|venv|enclume)|tmp/bash_jobs|home/\w+/enclume)"
)
REGISTRY = re.compile(r"pypi\.org|pythonhosted|(extra-)?index-url|artifactory|rubygems\.org|forgeapi|/opt/pypi")
LATER = re.compile(r"\b(TODO|FIXME|XXX)\b")
AVOIDED = re.compile(r"pytest\.(mark\.)?(skip|xfail|importorskip)|\btime\.sleep\(|unittest\.mock")
PIN = re.compile(r"^[a-z0-9._-]+==\S+ \\$")


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(name for name in listed.splitlines() if (ROOT / name).is_file())


@cache
def text_of(name: str) -> str | None:
    """A tracked file's text; None for what is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def is_program(name: str) -> bool:
    text = text_of(name)
    return name.endswith(CODE) or (text is not None and text.startswith("#!"))


def lines_with(pattern: re.Pattern[str], names: tuple[str, ...]) -> list[str]:
    found = []
    for name in names:
        for number, line in enumerate((text_of(name) or "").splitlines(), start=1):
            if name != ITSELF and pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    return found


def test_no_file_names_a_folder_of_the_machine_it_was_made_on() -> None:
    assert lines_with(MACHINE_PATH, tracked()) == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("see /work/there/x", True),
        ("/root/.cache/pip", True),
        ("'/home/alice/enclume'", True),
        ("/var/lib/puppet", False),
        ("$HOME/work/x", False),
        ("/root/.my.cnf", False),
        ("homeDirectory: /home/alice", False),
    ],
)
def test_what_counts_as_a_folder_of_a_machine(line: str, seen: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is seen


def test_no_file_names_a_package_registry() -> None:
    # tools/lock names the options that keep the index out of the lock files.
    assert lines_with(REGISTRY, tuple(name for name in tracked() if name != "tools/lock")) == []


def test_every_source_file_is_short_enough_to_be_read_in_one_go() -> None:
    lengths = {name: len((text_of(name) or "").splitlines()) for name in tracked() if is_program(name)}
    assert {name: n for name, n in lengths.items() if n > LONGEST and name not in MAY_BE_LONG} == {}


def test_text_files_end_with_a_newline_and_have_no_carriage_returns() -> None:
    sources = [name for name in tracked() if not name.startswith("tests/fixtures/")]
    texts = {name: text_of(name) for name in sources}
    assert [name for name, text in texts.items() if text and (not text.endswith("\n") or "\r" in text)] == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(LATER, tuple(name for name in tracked() if is_program(name) or name.endswith(".md"))) == []


def test_no_test_is_skipped_or_expected_to_fail_and_none_sleeps() -> None:
    # The benchmark paces its load by the clock.
    names = tuple(name for name in tracked() if re.match(r"tests/(?!bench/).*\.py$", name))
    assert lines_with(AVOIDED, names) == []


def test_executables_say_who_runs_them() -> None:
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    executable = [line.split("\t")[1] for line in listed.splitlines() if line.startswith("100755")]
    assert [name for name in executable if (ROOT / name).is_file() and not (text_of(name) or "").startswith("#!")] == []


def test_every_decision_has_a_number_of_its_own_a_title_and_a_date() -> None:
    records = sorted(name for name in tracked() if name.startswith("docs/decisions/") and name.endswith(".md"))
    numbers = []
    for name in records:
        named = re.fullmatch(r"docs/decisions/(\d{4})-[a-z0-9-]+\.md", name)
        assert named, f"{name}: expected NNNN-what-was-decided.md"
        head = (text_of(name) or "").splitlines()[:4]
        assert re.match(rf"# {named[1]}: \S", head[0]), f"{name}: the first line is `# {named[1]}: TITLE`"
        assert any(re.match(r"Date: \d{4}-\d\d-\d\d\b", line) for line in head), f"{name}: no line `Date: YYYY-MM-DD`"
        numbers.append(named[1])
    assert numbers
    assert sorted(set(numbers)) == numbers, "two decisions have one number"


@pytest.mark.parametrize("name", ["build", "runtime", "dev"])
def test_every_locked_package_has_an_exact_version_and_digests(name: str) -> None:
    lines = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line and line[0] not in "# "]
    assert starts
    for number in starts:
        assert PIN.match(lines[number]), lines[number]
        assert lines[number + 1].strip().startswith("--hash=sha256:"), lines[number]


@pytest.mark.parametrize("name", ["build", "runtime", "dev"])
def test_every_package_that_is_asked_for_is_locked(name: str) -> None:
    asked = (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines()
    locked = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").lower()
    missing = [line for line in asked if line and line[0] not in "#-" and f"\n{line.lower()}==" not in locked]
    assert missing == [], "run `make lock ARGS=--keep`"


def test_the_wheel_asks_for_what_runtime_locks() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    asked = (ROOT / "requirements/runtime.in").read_text(encoding="utf-8").splitlines()
    names = sorted(line for line in asked if line and line[0] not in "#-")
    assert sorted(setup["options"]["install_requires"].split()) == names


def test_pyproject_says_how_to_build_and_nothing_else() -> None:
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))) == {"build-system"}


def test_every_package_is_named_with_its_reason() -> None:
    """docs/dependencies.md explains each direct dependency."""
    documented = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").lower()
    names = [
        line
        for name in ("build.in", "runtime.in", "dev.in", "debian-run.txt", "debian-test.txt")
        for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        if line and line[0] not in "#-"
    ]
    assert [name for name in names if f"`{name.lower()}`" not in documented] == []
