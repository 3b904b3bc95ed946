"""Settings and rules that cannot be used: one message and no start; at a reload the old ones stay, and it is said."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from tests.live.service.estate import BASE, MACHINES, NODES, SmallEstate, dn_of
from tests.live.service.running import ROOT, Service
from tests.live.service.test_placement import said as verdicts
from tests.waiting import eventually, free_port, until


class Wrong(Struct, frozen=True):
    """What is changed in the settings, what stands in the rules (None: there is no such file), and what must be said:
    the file, the key, what was expected.
    """

    settings: Mapping[str, Any] = {}
    rules: str | None = "[]"
    file: str = "enclume.yaml"
    key: str = ""
    expected: str = ""


DIRECTORY = {"uri": "ldap://127.0.0.1", "base": BASE}
CASES = {
    "an unknown key": Wrong({"colour": "red"}, key="colour", expected="unknown"),
    "an unknown key within": Wrong({"directory": {**DIRECTORY, "bas": 1}}, key="directory", expected="bas"),
    "a wrong type": Wrong({"limits": {"threads": "many"}}, key="limits.threads", expected="int"),
    "a text for a list": Wrong({"sites": "larema"}, key="sites", expected="array"),
    "a share over one": Wrong({"guard": {"changed": 2}}, key="guard.changed", expected="<= 1"),
    "no directory": Wrong({"directory": None}, key="directory", expected="object"),
    "no URI": Wrong({"directory": {"base": BASE}}, key="directory", expected="uri"),
    "another scheme": Wrong({"directory": {**DIRECTORY, "uri": "http://x"}}, key="directory", expected="ldap://"),
    "an open address without TLS": Wrong({"listen": "0.0.0.0:8787"}, key="listen", expected="tls"),
    "a certificate that is missing": Wrong(
        {"tls": {"certificate": "/nowhere/c.pem", "key": "/nowhere/k.pem", "ca": "/nowhere/ca.pem"}},
        file="/nowhere/", key="", expected="No such file",
    ),
    "rules with an unknown key": Wrong(
        rules="- {name: a, wenn: {kind: guest}, classes: [b]}", file="rules.yaml", key="wenn", expected="unknown"
    ),
    "rules with a wrong type": Wrong(
        rules="- {name: a, when: {memory: much}, classes: [b]}", file="rules.yaml", key="memory", expected="no size"
    ),
    "rules that are no YAML": Wrong(rules="- {name: [", file="rules.yaml", expected="YAML"),
    "rules that are missing": Wrong(rules=None, file="rules.yaml", expected="No such file"),
}  # fmt: skip


def write(folder: Path, wrong: Wrong, settings: Mapping[str, Any]) -> Path:
    """Settings and rules with what is wrong."""
    config, rules = folder / "enclume.yaml", folder / "rules.yaml"
    rules.unlink(missing_ok=True)
    if wrong.rules is not None:
        rules.write_text(wrong.rules)
    config.write_text(yaml.safe_dump({**settings, "rules": "rules.yaml", **wrong.settings}))
    return config


def serve(config: Path, user: str | None = None) -> tuple[int, list[str], str]:
    """Start a service that should not start: its exit status, the lines of its stderr, and its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--config", str(config), "serve"],
        cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=30, check=False, user=user,
    )  # fmt: skip
    return done.returncode, done.stderr.splitlines(), done.stdout


def says(text: str, wrong: Wrong) -> bool:
    return wrong.file in text and wrong.key in text and wrong.expected.lower() in text.lower()


@pytest.mark.parametrize("wrong", CASES.values(), ids=CASES.keys())
def test_what_cannot_be_used_is_one_message_and_no_start(tmp_path: Path, wrong: Wrong) -> None:
    settings = {"directory": DIRECTORY, "state": "state", "listen": f"127.0.0.1:{free_port()}"}
    status, said, out = serve(write(tmp_path, wrong, settings))
    assert status == 2
    assert len(said) == 1, said
    assert says(said[0], wrong), said
    assert not out
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["missing", "a folder", "not ours", "no YAML", "no text", "empty"])
def test_a_settings_file_that_cannot_be_read_is_one_message(service: Service, name: str) -> None:
    config = service.folder / name.replace(" ", "-")
    content = {"no YAML": b"a: [", "no text": b"\xff\xfe\0", "empty": b"", "not ours": b"{}"}
    if name == "a folder":
        config.mkdir()
    elif name in content:
        config.write_bytes(content[name])
        config.chmod(0o600)
    status, said, _ = serve(config, "nobody" if name == "not ours" else None)
    assert status == 2
    assert len(said) == 1, said
    assert str(config) in said[0]
    if name in ("missing", "a folder", "not ours"):
        assert "cannot be read" in said[0]


@pytest.fixture
def mended(service: Service) -> Iterator[Service]:
    """The service, whose settings are right again afterwards; what was refused is said until the next reload."""
    right = dict(service.settings)
    yield service
    service.settings = right
    service.write()


@pytest.mark.parametrize("wrong", CASES.values(), ids=CASES.keys())
def test_at_a_reload_the_old_ones_stay_and_it_is_said(estate: SmallEstate, mended: Service, wrong: Wrong) -> None:
    before, worker = mended.bodies(*NODES), mended.worker.pid
    settings = {name: value for name, value in mended.settings.items() if name not in ("rules", "tls")}
    changes = dict(wrong.settings)
    write(mended.folder, Wrong(changes, wrong.rules), settings)
    mended.send(signal.SIGHUP)
    until(lambda: any(says(said, wrong) for said in mended.ready["problems"]), 10, "the problem")
    said = mended.ready["problems"]
    assert len(said) == 1, said
    assert "the settings in force stay" in said[0]
    assert wrong.expected.lower() in mended.log.lower()
    assert mended.worker.pid == worker
    assert mended.bodies(*NODES) == before
    estate.replace(dn_of(MACHINES[0]), "puppetVar", "mark=1")
    until(lambda: mended.answer(MACHINES[0])["parameters"].get("mark"), 3, "a change, by the old settings")
    estate.replace(dn_of(MACHINES[0]), "puppetVar")
    until(lambda: mended.bodies(*NODES) == before, 3, "the change back")


def test_a_reload_that_is_right_is_used_at_once_and_ends_the_problem(mended: Service) -> None:
    mended.config.write_text("colour: red")
    mended.send(signal.SIGHUP)
    until(lambda: any("colour" in said for said in mended.ready["problems"]), 10, "the problem")
    eventually(lambda: verdicts(mended, "-", "enc").get("service_problem"), "warning")
    rules = mended.folder / "rules.yaml"
    rules.write_text("- {name: all, when: {kind: guest}, classes: [from_a_rule]}\n")
    mended.write(rules="rules.yaml")
    mended.reload()
    until(lambda: "from_a_rule" in mended.answer("alpha.lab.test")["classes"], 5, "the new rule")
    assert "from_a_rule" not in mended.answer(MACHINES[0])["classes"]
    assert not mended.ready["problems"]
    eventually(lambda: verdicts(mended, "-", "enc").get("service"), "ok")


def test_files_that_go_wrong_later_change_nothing_before_the_next_reload(mended: Service) -> None:
    """An administrator is in the middle of an edit when the worker has to be replaced."""
    rules = mended.folder / "rules.yaml"
    rules.write_text("- {name: all, when: {kind: guest}, classes: [from_a_rule]}\n")
    mended.write(rules="rules.yaml")
    mended.reload()
    until(lambda: "from_a_rule" in mended.answer("alpha.lab.test")["classes"], 5, "the new rule")
    before, old = mended.bodies(*NODES), mended.worker
    rules.write_text("- {name: [")
    mended.config.write_text("colour: red")
    old.kill()
    until(lambda: not old.is_running() and mended.status("/health/ready") == 200, 10, "another worker")
    until(lambda: mended.source("directory")["age"] is not None, 10, "the directory to be read")
    assert mended.bodies(*NODES) == before
