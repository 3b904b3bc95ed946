"""The command line: quick to start, the same exit statuses everywhere, one line for what goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli

ROOT = Path(__file__).parents[2]


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "ENCLUME_CONFIG"} | (environment or {})
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def modules_after(statement: str) -> set[str]:
    """The top-level modules that are loaded by a statement, in a process of its own."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_version_is_printed() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "enclume 0.1.0\n", "")


def test_the_help_lists_every_command_and_loads_none() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name, sentence in cli.COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert sentence in done.stdout
    assert modules_after("import cli\ncli.main(['--help'])") & {"yaml", "msgspec", "settings"} == set()


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_each_command_explains_itself_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: enclume {name}" in text
    assert f"Examples:\n    enclume {name}" in text
    assert "Exit status" in text


@pytest.mark.parametrize("name", ["classify", "why", "preview", "approve", "audit"])
def test_a_command_that_asks_the_service_loads_no_client_of_the_sources(name: str) -> None:
    assert modules_after(f"import commands.{name}") & {"ldap3", "libvirt", "flask", "gunicorn", "pyasn1"} == set()


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["why"], ["approve", "soon"], ["--colour"], ["preview", "no-such-file.ldif"]]
)
def test_wrong_use_ends_with_2_and_says_how_to_use_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: enclume" in captured.err
    assert "--help" in captured.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read: No such file or directory"),
        (
            "directory: {uri: 'ldap://x', base: dc=x, colour: red}",
            "directory: unknown field `colour`: expected base, bind_dn,",
        ),
        ("directory: [", "is not YAML"),
        ("directory: {uri: 'http://x', base: dc=x}", "expected ldap://, ldaps:// or ldapi://"),
        ("directory: {uri: 'ldap://x', base: dc=x}\nrules: rules.yaml", "rules.yaml: cannot be read"),
        ("directory: {uri: 'ldap://x', base: dc=x}\nlisten: 0.0.0.0:8787", "without tls only a loopback address"),
    ],
)
def test_a_service_with_wrong_settings_or_rules_says_so_in_one_line_and_ends_with_2(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    file = tmp_path / "enclume.yaml"
    if text is not None:
        file.write_text(text)
    done = run("--config", str(file), "serve")
    assert done.returncode == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("enclume: ")


def test_the_settings_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    done = run("why", "x", environment={"ENCLUME_CONFIG": str(tmp_path / "mine.yaml")})
    assert done.returncode == 2
    assert f"{tmp_path}/mine.yaml" in done.stderr


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_file: str | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.why.load_settings", interrupted)
    assert cli.main(["why", "x"]) == cli.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_reason_to_complain() -> None:
    program = f"{sys.executable} {ROOT / 'cli.py'} --help | true"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")
