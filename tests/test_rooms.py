"""The rooms of the house: which may import which, and who may speak to LDAP, libvirt and the web framework."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    frozenset({"settings", "errors"}),
    frozenset({"facts"}),
    frozenset({"enc"}),
    frozenset({"generation"}),
    frozenset({"audit"}),
    frozenset({"reports"}),
    frozenset({"exporters"}),
    frozenset({"operations"}),
    frozenset({"web"}),
    frozenset({"app", "server", "cli", "commands"}),
)
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
LDAP = ("facts/directory/connection.py", "facts/directory/sync.py", "operations/")
LIBVIRT = ("facts/inventory/child",)
WEB_FREE = ("settings", "errors", "facts", "enc", "generation", "audit", "reports", "exporters", "operations")
DATABASE = ("reports/",)


class Import(NamedTuple):
    """One import statement: the file that holds it, its line, and the top-level name that it imports."""

    file: str
    line: int
    name: str

    @property
    def room(self) -> str:
        return Path(self.file).parts[0].removesuffix(".py")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def our_files() -> list[str]:
    """Every Python file of a room, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if Path(name).parts[0].removesuffix(".py") in RANK and (ROOT / name).exists()]


def imports_of(source: str, file: str) -> Iterator[Import]:
    """Every import of a file, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            yield Import(
                file, node.lineno, (node.module or "").partition(".")[0] if not node.level else "a relative name"
            )


def all_imports() -> list[Import]:
    return [found for file in our_files() for found in imports_of((ROOT / file).read_text(encoding="utf-8"), file)]


def outside(imports: list[Import], module: str, allowed: tuple[str, ...]) -> list[str]:
    """The imports of `module` in files that begin with none of the allowed prefixes."""
    return [str(found) for found in imports if found.name == module and not found.file.startswith(allowed)]


def misplaced(imports: list[Import]) -> list[str]:
    """The imports of a room that stands below the importing one, or of a relative name."""
    return [
        str(found)
        for found in imports
        if found.name == "a relative name" or RANK.get(found.name, -1) > RANK[found.room]
    ]


def test_the_rooms_are_there() -> None:
    assert {"facts", "enc"} <= {Path(name).parts[0] for name in our_files()}


def test_a_room_imports_only_rooms_above_it() -> None:
    assert misplaced(all_imports()) == []


def test_settings_and_errors_stand_on_nothing_else() -> None:
    imports = [found for found in all_imports() if found.room in ROOMS[0] and found.name in RANK]
    assert [str(found) for found in imports if found.name not in ROOMS[0]] == []


def test_only_the_directorys_connection_and_the_operations_speak_ldap() -> None:
    assert outside(all_imports(), "ldap3", LDAP) == []


def test_only_the_inventorys_child_loads_libvirt() -> None:
    assert outside(all_imports(), "libvirt", LIBVIRT) == []


@pytest.mark.parametrize("module", ["flask", "werkzeug", "gunicorn", "click"])
def test_no_room_above_the_web_knows_the_web_or_the_terminal(module: str) -> None:
    assert [str(found) for found in all_imports() if found.name == module and found.room in WEB_FREE] == []


@pytest.mark.parametrize("module", ["sqlalchemy", "alembic"])
def test_only_the_reports_load_the_database(module: str) -> None:
    assert outside(all_imports(), module, DATABASE) == []


def loaded_with(modules: list[str]) -> set[str]:
    """The top-level names that a fresh interpreter holds after importing these modules."""
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name.partition(".")[0] for name in printed.split()}


def modules_below(*prefixes: str) -> list[str]:
    """The dotted names of our files whose path begins with one of the prefixes."""
    names = [file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in our_files()]
    return [name for name in names if name.replace(".", "/").startswith(prefixes)]


def test_computing_answers_loads_no_client_of_anything_outside() -> None:
    """The pure rooms, with everything that they import in turn."""
    loaded = loaded_with(modules_below("settings", "errors", "facts/join", "facts/estate", "enc", "generation"))
    assert loaded & {"ldap3", "libvirt", "flask", "gunicorn", "click", "sqlalchemy", "http", "socket"} == set()


def test_the_inventorys_child_loads_nothing_of_the_web_or_the_directory() -> None:
    """It is a process of its own, and what it loads is paid for twice."""
    child = modules_below("facts/inventory/child")
    assert loaded_with(child) & {"ldap3", "flask", "gunicorn", "click", "sqlalchemy"} == set()


def test_the_service_that_answers_never_loads_the_database() -> None:
    """Its intake child does, in a process of its own."""
    assert loaded_with(["app", "server"]) & {"sqlalchemy", "alembic", "psycopg"} == set()
    assert "sqlalchemy" in loaded_with(["reports.child"])


def test_the_intake_child_loads_nothing_of_the_web_or_of_other_sources() -> None:
    assert loaded_with(["reports.child"]) & {"ldap3", "libvirt", "flask", "gunicorn", "click"} == set()


def test_nothing_imports_the_tests() -> None:
    assert [str(found) for found in all_imports() if found.name == "tests"] == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("facts/join.py", "from enc.rules import Rule"),
        ("facts/join.py", "def late():\n    import generation.build"),
        ("enc/merge.py", "import web"),
        ("settings.py", "from facts.source import Source"),
        ("web/answers.py", "from app import create_app"),
        ("enc/merge.py", "from .why import Why"),
    ],
)
def test_an_import_down_the_house_is_seen(file: str, source: str) -> None:
    assert len(misplaced(list(imports_of(source, file)))) == 1


@pytest.mark.parametrize("source", ["import ldap3", "from ldap3.core import exceptions", "import os, ldap3.utils"])
def test_an_import_of_ldap_elsewhere_is_seen(source: str) -> None:
    found = list(imports_of(source, "enc/merge.py"))
    assert len(outside(found, "ldap3", LDAP)) == 1
    assert outside([each._replace(file="operations/assign.py") for each in found], "ldap3", LDAP) == []
