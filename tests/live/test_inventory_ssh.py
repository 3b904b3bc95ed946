"""A hypervisor over ssh: libvirt's own transport, with a stand-in for sshd that runs the command beside libvirtd."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.inventory.domains import HypervisorTarget
from facts.inventory.source import read_once
from tests.live.hypervisors import Hypervisor, laboratory

SSH = """#!/bin/sh
printf '%s\\n' "$@" >{log}
for last; do :; done
exec nsenter --target {pid} --mount --net --uts --ipc -- sh -c "$last"
"""


@pytest.fixture(scope="module")
def hypervisor() -> Iterator[Hypervisor]:
    with laboratory("coquille1") as (hypervisor,):
        hypervisor.define("web")
        yield hypervisor


def test_ssh_is_told_to_ask_nothing_and_the_hypervisor_answers(
    hypervisor: Hypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "arguments"
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(log=shlex.quote(str(log)), pid=hypervisor.pid()))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    answer = read_once([HypervisorTarget("coquille1", "qemu+ssh://enclume@coquille1.example.org:2222/system")], 10)
    seen = answer["coquille1"]
    assert not isinstance(seen, str), seen
    assert (seen.hostname, [domain.name for domain in seen.domains]) == ("coquille1", ["web"])
    arguments = log.read_text().splitlines()
    assert "BatchMode=yes" in arguments
    assert not any("StrictHostKeyChecking" in argument for argument in arguments)
    assert arguments[arguments.index("--") + 1] == "coquille1.example.org"
    assert arguments[arguments.index("-l") + 1] == "enclume"
    assert arguments[arguments.index("-p") + 1] == "2222"
