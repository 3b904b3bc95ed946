"""What `enclume-enc` is asked and told: its argument, its settings file and its environment."""

import configparser
import os
import subprocess
from pathlib import Path

import pytest

from tests.live.client.conftest import NODE, PROGRAM, Client, Serve
from tests.live.client.services import DOCUMENT, answers

ROOT = Path(__file__).parents[3]

NO_CERTNAMES = [
    "", "a b", "a/b", "../etc/passwd", "a..b", ".hidden", "-v", "--", "*", ")(cn=*", "Web01", "é", "a\nb", "a\tb",
    "%2e%2e", "a" * 254, "$(id)", "a;b", "a'b", 'a"b', "a\\b", "a?x=1", "a#b", "~",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_CERTNAMES)
def test_a_name_that_is_no_certname_asks_nobody(client: Client, serve: Serve, name: str) -> None:
    service = serve(answers())
    result = client(name, URLS=service.url)
    assert (result.status, result.out) == (2, b"")
    assert result.err.count("\n") == 1
    assert service.connections == 0
    assert not client.state.exists()


@pytest.mark.parametrize("name", ["a", "web01", "web-01_x.example.org", "0", "a" * 253])
def test_a_certname_is_asked_for(client: Client, serve: Serve, name: str) -> None:
    result = client(name, URLS=serve(answers()).url)
    assert (result.status, result.out, result.err) == (0, DOCUMENT, "")
    assert (client.state / name).exists()


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--nonsense",)])
def test_wrong_use_is_said(client: Client, arguments: tuple[str, ...]) -> None:
    result = client(*arguments)
    assert (result.status, result.out) == (2, b"")
    assert result.err.startswith("enclume-enc: ")


def test_help_shows_examples_and_every_setting(client: Client) -> None:
    shown = client("--help").out.decode()
    assert "runuser -u puppet -- enclume-enc web01.example.org" in shown
    page = (ROOT / "docs" / "enclume-enc.md").read_text()
    keys = {line.split(")")[0].strip() for line in PROGRAM.read_text().splitlines() if ') : "${' in line}
    assert len(keys) == 9
    for key in keys:
        assert key in shown
        assert f"`{key}`" in page


def test_the_version_is_the_packages(client: Client) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert client("--version").out.decode() == f"enclume-enc {setup['metadata']['version']}\n"


def test_the_file_is_read(client: Client, serve: Serve, refused: str) -> None:
    url, state = serve(answers()).url, client.folder / "elsewhere"
    del client.environment["ENCLUME_ENC_STATE"]
    text = f"# Enclume\n\n  ENCLUME_ENC_URLS=\"{refused} {url}\"\r\nENCLUME_ENC_STATE='{state}'\nENCLUME_ENC_MAX_AGE=1h"
    (client.folder / "enc.conf").write_text(text)
    assert client(NODE).out == DOCUMENT
    assert (state / NODE).exists()


def test_the_environment_beats_the_file(client: Client, serve: Serve, refused: str) -> None:
    (client.folder / "enc.conf").write_text(f"ENCLUME_ENC_URLS={refused}\n")
    assert client(NODE, URLS=serve(answers()).url).out == DOCUMENT


def test_nothing_in_the_file_is_run(client: Client, serve: Serve) -> None:
    touch = f"touch {client.folder}/ran"
    (client.folder / "enc.conf").write_text(f"ENCLUME_ENC_STATE={client.state}/$({touch})`{touch}`;{touch}\n")
    client(NODE, URLS=serve(answers()).url)
    assert not (client.folder / "ran").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ENCLUME_ENC_URL=http://127.0.0.1:1", "enc.conf:2: unknown key ENCLUME_ENC_URL"),
        ("URLS = x", "enc.conf:2: unknown key URLS"),
        ("nonsense", "enc.conf:2: expected KEY=VALUE"),
        ("ENCLUME_ENC_MAX_AGE=1h\nENCLUME_ENC_MAX_AGE=2h", "enc.conf:3: ENCLUME_ENC_MAX_AGE is there twice"),
        ("PATH=/tmp", "enc.conf:2: unknown key PATH"),
    ],
)
def test_a_wrong_line_is_named(client: Client, line: str, said: str) -> None:
    (client.folder / "enc.conf").write_text(f"# one\n{line}\n")
    result = client(NODE)
    assert (result.status, result.out) == (2, b"")
    assert said in result.err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("URLS", ""), ("URLS", "enc.example.org"), ("URLS", "ftp://127.0.0.1"), ("URLS", "file:///etc/passwd"),
        ("URLS", "https://user:sesame@enc.example.org"), ("URLS", "http://enc.example.org:8787"), ("URLS", "*"),
        ("URLS", "http://localhost.example.org"), ("URLS", "http://127.0.0.1.example.org"),
        ("MAX_AGE", "x"), ("MAX_AGE", "-1"), ("MAX_AGE", "010"), ("MAX_AGE", "1 h"),
        ("MAX_AGE", "99999999999999999999"),
        ("DEADLINE", "0"), ("DEADLINE", "x"), ("DEADLINE", "60"), ("DEADLINE", "1.5"), ("STATE", "here"),
        ("CONFIG", "/nowhere/enc.conf"), ("CERT", "/c.pem"), ("KEY", "/k.pem"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(client: Client, key: str, value: str) -> None:
    result = client.run([NODE], [], {"URLS": "https://127.0.0.1:1"} | {key: value})
    assert (result.status, result.out) == (2, b"")
    assert f"ENCLUME_ENC_{key}" in result.err
    assert "sesame" not in result.err


def test_an_unreadable_file_is_said(client: Client) -> None:
    (client.folder / "enc.conf").chmod(0)
    powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    result = client(NODE, wrapper=powerless)
    assert (result.status, result.out) == (2, b"")
    assert "not readable by this user" in result.err


def test_shellcheck_finds_nothing() -> None:
    assert subprocess.run(["shellcheck", PROGRAM], check=False, capture_output=True, text=True).stdout == ""
