"""`enclume demo` where something that it needs is not there."""

import shutil
from pathlib import Path

import pytest

import cli
from commands import demo_directory
from commands.demo_directory import example, shared
from commands.demo_words import TRIES
from tests.waiting import free_port


def start(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cli.main(["demo", "--port", str(free_port()), "--folder", str(folder)])
    return status, capsys.readouterr().err


def test_without_slapd_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(demo_directory, "_SBIN", "")
    status, said = start(tmp_path / "demo", capsys)
    assert status == 2
    assert said == "enclume: slapd is missing; install it: apt-get install slapd ldap-utils\n"
    assert not (tmp_path / "demo").exists()


def test_without_the_standard_schemas_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_directory, "_STANDARD", tmp_path)
    status, said = start(tmp_path / "demo", capsys)
    assert status == 2
    assert f"{tmp_path}/core.schema, {tmp_path}/cosine.schema" in said
    assert "apt-get install slapd" in said


def test_an_example_that_slapd_refuses_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "share"
    for name in ("schema", "examples"):
        shutil.copytree(shared() / name, copied / name)
    with (copied / "examples/lab/directory.ldif").open("a") as file:
        file.write("\ndn: cn=x,dc=lab,dc=test\nobjectClass: nonsense\n")
    monkeypatch.setattr(demo_directory, "shared", lambda: copied)
    status, said = start(tmp_path / "demo", capsys)
    assert status == 3
    assert "slapadd: could not load" in said
    assert "objectClass" in said
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("estate", sorted(TRIES))
def test_every_example_can_be_tried(estate: str) -> None:
    known = example(estate)
    folder = shared() / "examples" / estate
    assert (folder / known.directory).is_file()
    assert all((folder / file).is_file() for file in known.hypervisors.values())
    assert {path.parent.name for path in (shared() / "examples").glob("*/demo.yaml")} == set(TRIES)
