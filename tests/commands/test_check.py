"""The plugin as monitoring starts it: its exit status whatever happens, and how little it loads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from audit.verdict import CHECKS
from commands import check, check_client
from commands.check_client import Certificates, Unknown, find_certificates, own_name
from tests.commands.perfdata import Printed, read
from tests.commands.scripted import Scripted, http
from tests.commands.test_cli import ROOT, modules_after
from tests.live.server.authority import Authority
from tests.web.judging import Judging, audited, get, verdict
from web.verdicts import WORDS

BODY: bytes = get(Judging(audited(verdict("web01", "warning"), verdict("web02")))).data


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No certificates and no URL but what a test gives."""
    for name in [name for name in os.environ if name.startswith("ENCLUME_")]:
        if name != "ENCLUME_TEST_RUN":
            monkeypatch.delenv(name)
    monkeypatch.setattr(check_client, "SSL_FOLDERS", (str(tmp_path / "ssl"), str(tmp_path / "other")))


def run(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, Printed]:
    """The plugin's exit status and what it printed."""
    status = cli.main(["check", *arguments])
    captured = capsysbinary.readouterr()
    assert captured.err == b""
    return status, read(captured.out.decode())


def test_it_asks_for_the_verdicts_that_its_options_say(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    scripted.reply = http(200, BODY)
    options = ("--host", "web01", "--host", "é&x=1", "--site", "angers", "--kind", "data", "--schedule", "weekly")
    status, out = run(capsysbinary, "backup", *options, "--url", scripted.url)
    assert (status, out.head) == (1, "BACKUP WARNING - web01 is warning")
    assert scripted.asked.startswith(
        b"GET /verdicts?check=backup&host=web01&host=%C3%A9%26x%3D1&site=angers&kind=data&schedule=weekly&limit=100 "
    )


def test_a_name_that_looks_like_an_option_is_a_name(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    scripted.reply = http(200, BODY)
    assert run(capsysbinary, "backup", "--site", "--help", "--host", "-", "--url", scripted.url)[0] == 1
    assert scripted.asked.startswith(b"GET /verdicts?check=backup&host=-&site=--help&limit=100 ")


def test_the_service_itself_is_asked_for_no_verdict(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    scripted.reply = http(200, BODY)
    status, out = run(capsysbinary, "service", "--url", scripted.url)
    assert (status, out.head.startswith("SERVICE OK - 2 verdicts")) == (0, True)
    assert scripted.asked.startswith(b"GET /verdicts?limit=0 ")


def test_the_url_can_stand_in_the_environment(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.reply = http(200, BODY)
    monkeypatch.setenv("ENCLUME_URL", scripted.url)
    assert run(capsysbinary, "backup")[0] == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (http(400, b'{"error": "no such check|x=1"}'), "no such check\u00a6x=1"),
        (http(403, b'{"error": "web01 may ask for web01 only"}'), "may ask for web01 only"),
        (http(503, b'{"error": "no verdicts have been made yet"}'), "no verdicts have been made yet"),
        (http(302, b""), "HTTP status 302: is it Enclume?"),
        (http(200, b"<html>"), "no list of verdicts"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{", "no list of verdicts"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be asked"),
        (b"", "does it expect TLS"),
    ],
)
def test_whatever_is_no_answer_is_unknown(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes], reply: bytes, expected: str
) -> None:
    scripted.reply = reply
    status, out = run(capsysbinary, "sources", "--url", scripted.url)
    assert status == 3
    assert out.head.startswith("SOURCES UNKNOWN - ")
    assert expected in out.head


def test_a_service_that_is_silent_is_unknown_in_time(
    scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    scripted.reply = None
    status, out = run(capsysbinary, "enc", "--url", scripted.url, "--timeout", "0.2")
    assert (status, out.head.endswith("did not answer within 0.2 s") or "overloaded" in out.head) == (3, True)


def test_a_service_that_is_down_is_unknown(scripted: Scripted, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    scripted.close()
    status, out = run(capsysbinary, "enc", "--url", scripted.url)
    assert (status, "the service does not run there" in out.head) == (3, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        [],
        ["enc", "--colour"],
        ["enc", "--kind", "disk"],
        ["enc", "--timeout", "soon"],
        ["enc", "--timeout", "-1"],
        ["enc", "--timeout", "nan"],
        ["enc", "--ho", "web01"],
        ["enc", "--url", "ftp://x"],
        ["enc", "--url", "http://enclume.example.org:8787"],
        ["enc", "--url", "https://user:secret@x"],
        ["enc", "--url", "http://localhost:port"],
        ["enc", "--url", "http://localhost/else"],
        ["enc", "--url", "https://localhost"],
        ["enc", "--cert", "/nowhere/x.pem"],
        ["enc", "--cert", "/nowhere/x.pem", "--key", "/nowhere/y.pem"],
        ["enc", "--url", "http://[::1"],
    ],
)
def test_wrong_use_is_unknown_and_never_critical(
    arguments: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    status, out = run(capsysbinary, *arguments)
    assert status == 3
    assert " UNKNOWN - " in out.head


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--timeout", "abc"], "argument --timeout: 'abc': expected seconds, more than 0"),
        (["--max-age", "0"], "argument --max-age: '0': expected seconds, more than 0"),
        (["--url", "foo"], "foo: expected https://HOST:PORT"),
    ],
)
def test_wrong_use_is_told_in_words_for_people(
    arguments: list[str], expected: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    _, out = run(capsysbinary, "enc", *arguments)
    assert expected in out.head


def test_a_failure_of_its_own_is_unknown_too(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "ask", lambda *_: 1 / 0)
    status, out = run(capsysbinary, "enc")
    assert (status, out.head) == (3, "ENC UNKNOWN - division by zero")


def test_it_knows_the_words_that_the_service_knows() -> None:
    assert check.CHECKS == CHECKS
    assert WORDS["kind"] == (*check.KINDS, check.NONE)
    assert WORDS["schedule"] == (*check.SCHEDULES, check.NONE)


def test_it_loads_the_standard_library_and_itself_alone() -> None:
    quietly = "import cli, os, sys\nsys.stdout = open(os.devnull, 'w')\n{}\nsys.stdout = sys.__stdout__"
    loaded = modules_after(quietly.format("cli.main(['check', 'enc', '--url', 'http://127.0.0.1:9'])"))
    assert "commands" in loaded
    assert loaded - modules_after("pass") - set(sys.stdlib_module_names) <= {"cli", "commands", "errors"}


def test_it_runs_beside_the_settings_of_other_commands(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["--config", "/nowhere", "check", "enc", "--url", "http://127.0.0.1:9"]) == 3
    assert capsysbinary.readouterr().out.startswith(b"ENC UNKNOWN - http://127.0.0.1:9: the service does not run")


def test_it_prints_utf_8_in_any_locale(scripted: Scripted) -> None:
    scripted.reply = http(200, get(Judging(audited(verdict("été")))).data)
    command = [sys.executable, str(ROOT / "cli.py"), "check", "enc", "--url", scripted.url]
    done = subprocess.run(command, env={"LC_ALL": "C", "PYTHONUTF8": "0"}, capture_output=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "ENC OK - été is ok | ok=1 warning=0 critical=0 unknown=0".encode(),
    )


@pytest.mark.parametrize("closed", [">&-", ">/dev/full", ">&{without_reader}"])
@pytest.mark.parametrize("arguments", ["enc --url {url}", "enc --url {url} --max-age x", "--help"])
def test_what_nobody_can_read_is_unknown_and_no_failure(scripted: Scripted, closed: str, arguments: str) -> None:
    scripted.reply = http(200, get(Judging(audited(verdict("web01")))).data)
    plugin = f"{sys.executable} {ROOT / 'cli.py'} check {arguments.format(url=scripted.url)}"
    reader, writer = os.pipe()
    os.close(reader)
    script = f"{plugin} {closed.format(without_reader=writer)}"
    done = subprocess.run(["bash", "-c", script], pass_fds=[writer], capture_output=True, check=False)
    os.close(writer)
    assert (done.returncode, b"Error" in done.stderr) == (3, False)


def puppet_files(folder: Path, *names: str) -> None:
    """Puppet's certificates and keys of these hosts."""
    for name in names:
        for part in ("certs", "private_keys"):
            (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / part / f"{name}.pem").touch()


def test_it_shows_this_hosts_puppet_certificate(tmp_path: Path) -> None:
    puppet_files(tmp_path / "other", "web01.example.org")
    found = find_certificates(None, None, None, required=True)
    assert found == Certificates(
        f"{tmp_path}/other/certs/web01.example.org.pem",
        f"{tmp_path}/other/private_keys/web01.example.org.pem",
        f"{tmp_path}/other/certs/ca.pem",
    )


def test_beside_other_hosts_keys_it_takes_that_of_this_machines_name(tmp_path: Path) -> None:
    own = f"{os.uname().nodename}.example.org"
    puppet_files(tmp_path / "ssl", "web01.example.org", own)
    found = find_certificates(None, None, None, required=True)
    assert found is not None
    assert found.key.endswith(f"/private_keys/{own}.pem")
    puppet_files(tmp_path / "ssl", f"{os.uname().nodename}.example.net")
    assert find_certificates(None, None, None, required=False) is None
    with pytest.raises(Unknown, match="own key is not found"):
        find_certificates(None, None, None, required=True)


def test_variables_of_enclume_enc_and_options_name_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    puppet_files(tmp_path / "mine", "web01.example.org")
    monkeypatch.setenv("ENCLUME_ENC_SSLDIR", str(tmp_path / "mine"))
    found = find_certificates(None, None, None, required=True)
    assert found is not None
    assert found.ca == f"{tmp_path}/mine/certs/ca.pem"
    for name in ("CERT", "KEY", "CA"):
        monkeypatch.setenv(f"ENCLUME_ENC_{name}", name.lower())
    assert find_certificates(None, None, None, required=True) == Certificates("cert", "key", "ca")
    assert find_certificates("x", "y", "z", required=True) == Certificates("x", "y", "z")


def test_its_own_name_is_that_in_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert own_name(str(authority.issue("web01.example.org").certificate)) == "web01.example.org"
    for content in ("", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "x"):
        (tmp_path / "broken.pem").write_text(content)
        assert own_name(str(tmp_path / "broken.pem")) is None
    assert own_name(str(tmp_path / "missing.pem")) is None
