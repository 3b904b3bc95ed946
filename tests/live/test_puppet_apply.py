"""Puppet without a server, the quick way to see what it makes of an ENC's answer."""

from pathlib import Path

import pytest

from enc.render import render
from tests.live.puppet import MODULES, puppet_apply

CERTNAME = "web01.lab.test"


def enc(folder: Path, answer: bytes) -> Path:
    program = folder / "enc"
    (folder / "answer").write_bytes(answer)
    program.write_text(f'#!/bin/sh\n[ "$1" = {CERTNAME} ] && exec cat {folder}/answer\n')
    program.chmod(0o755)
    return program


def answer(site: str) -> bytes:
    return render(
        {"classes": {"web_hosting": {}}, "parameters": {"enclume": {"site": site, "hypervisor": "coquille1"}}}
    )


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_answer_is_read_alike_in_every_locale(tmp_path: Path, locale: str) -> None:
    program = enc(tmp_path, answer("Université"))
    variables = {"LC_ALL": locale}
    node, run = puppet_apply(tmp_path, CERTNAME, program, modules=MODULES / "modules", variables=variables)
    assert run.exit_code == 2, run.output
    assert run.classes >= {"web_hosting"}
    assert run.report is not None
    assert node.text("web_hosting") == "site Université\nhypervisor coquille1\nphp 8.2\n"


def test_a_plain_json_answer_is_not_read_in_the_c_locale(tmp_path: Path) -> None:
    """Why `enc.render` writes ASCII: the run ends before it begins."""
    program = enc(tmp_path, answer("Université").replace(rb"\u00e9", "é".encode()))
    _, run = puppet_apply(tmp_path, CERTNAME, program, modules=MODULES / "modules", variables={"LC_ALL": "C"})
    assert run.exit_code == 1
    assert "invalid byte sequence in US-ASCII" in run.output


def test_a_node_that_the_enc_does_not_know_gets_no_catalog(tmp_path: Path) -> None:
    _, run = puppet_apply(tmp_path, "other.lab.test", enc(tmp_path, answer("lab")), modules=MODULES / "modules")
    assert run.exit_code == 1
    assert not run.classes
    assert "Failed to find other.lab.test via exec" in run.output
