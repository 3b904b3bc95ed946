"""What a real Puppet Server and its agents do with an ENC: the ground that Enclume stands on."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from enc.render import render
from tests.live.puppet import PuppetServer, run_together
from tests.waiting import free_port

WEB, NFS, FRESH = "web01.lab.test", "nfs01.lab.test", "fresh.lab.test"


def guest(hypervisor: str, *classes: str, **more: object) -> bytes:
    enclume = {"site": "lab", "hypervisor": hypervisor, "providers": {"nfs": ["nfs.lab.test"]}}
    return render({"classes": {name: {} for name in classes}, "parameters": {"enclume": enclume}, **more})


@pytest.fixture(autouse=True)
def _no_answers(puppet_server: PuppetServer) -> Iterator[None]:
    yield
    for certname in (WEB, NFS, FRESH):
        puppet_server.answer(certname, None)


def test_agents_apply_what_the_enc_says_each_its_own(puppet_server: PuppetServer) -> None:
    """Three agents at once; the one of which the ENC knows nothing applies nothing, and the others do not notice."""
    puppet_server.answer(WEB, guest("coquille1", "web_hosting", "nfs_client"))
    puppet_server.answer(NFS, guest("coquille2", "nfs_client"))
    agents = [puppet_server.agent(certname) for certname in (WEB, NFS, FRESH)]
    web, nfs, fresh = run_together(agents)
    assert (web.exit_code, nfs.exit_code, fresh.exit_code) == (2, 2, 1), (web, nfs, fresh)
    assert web.classes >= {"web_hosting", "nfs_client"}
    assert "web_hosting" not in nfs.classes
    assert "Failed to find fresh.lab.test via exec" in fresh.output
    assert agents[0].text("web_hosting") == "site lab\nhypervisor coquille1\nphp 8.2\n"
    assert agents[0].text("nfs_client") == agents[1].text("nfs_client") == "nfs.lab.test\n"
    assert web.report is not None
    assert web.summary["resources"]["changed"] == 2


def test_a_changed_answer_is_applied_at_the_next_run_and_an_equal_one_changes_nothing(
    puppet_server: PuppetServer,
) -> None:
    puppet_server.answer(WEB, guest("coquille1", "web_hosting"))
    agent = puppet_server.agent(WEB)
    assert agent.run().converged
    assert agent.run().exit_code == 0
    puppet_server.answer(WEB, guest("coquille2", "web_hosting"))
    assert agent.run().exit_code == 2
    assert agent.text("web_hosting") == "site lab\nhypervisor coquille2\nphp 8.2\n"


def test_while_the_enc_fails_an_agent_keeps_its_last_catalog(puppet_server: PuppetServer) -> None:
    puppet_server.answer(WEB, guest("coquille1", "web_hosting"))
    agent = puppet_server.agent(WEB)
    assert agent.run().exit_code == 2
    (agent.root / "web_hosting").unlink()
    puppet_server.answer(WEB, None)
    run = agent.run()
    assert "Using cached catalog" in run.output
    assert run.converged
    assert agent.text("web_hosting") == "site lab\nhypervisor coquille1\nphp 8.2\n"


@pytest.mark.parametrize("away", ["nobody listens", "frozen"])
def test_while_the_server_is_away_an_agent_keeps_its_last_catalog(puppet_server: PuppetServer, away: str) -> None:
    puppet_server.answer(WEB, guest("coquille1", "web_hosting"))
    agent = puppet_server.agent(WEB)
    assert agent.run().exit_code == 2
    (agent.root / "web_hosting").unlink()
    if away == "frozen":
        puppet_server.freeze()
    try:
        port = puppet_server.port if away == "frozen" else free_port()
        run = agent.run("--serverport", str(port), "--http_connect_timeout", "1", "--http_read_timeout", "1")
    finally:
        puppet_server.thaw()
    assert "Using cached catalog" in run.output
    assert agent.text("web_hosting") == "site lab\nhypervisor coquille1\nphp 8.2\n"


def test_the_server_reads_every_character_as_it_was_meant(puppet_server: PuppetServer) -> None:
    """The whole way: rendered, printed by the ENC, read by the server's YAML, compiled, written by the agent."""
    text = "Université 漢字 \U0001f600 08:00 ::1 1,000 ~ \u2028\ufeff"
    puppet_server.answer(WEB, guest(text, "web_hosting"))
    agent = puppet_server.agent(WEB)
    assert agent.run().exit_code == 2
    assert agent.text("web_hosting") == f"site lab\nhypervisor {text}\nphp 8.2\n"


def test_the_ca_revokes_one_certificate_and_leaves_the_others(puppet_server: PuppetServer) -> None:
    revoked = puppet_server.issue("revoked.lab.test")
    puppet_server.ca.revoke(revoked)
    chain = ("openssl", "verify", "-crl_check_all", "-CAfile", str(revoked.ca), "-CRLfile", str(revoked.crl))
    said = subprocess.run([*chain, str(revoked.cert)], capture_output=True, text=True, check=False)
    assert "certificate revoked" in said.stderr
    assert subprocess.run([*chain, str(puppet_server.ca.own.cert)], capture_output=True, check=False).returncode == 0


def test_the_enc_is_asked_as_user_puppet_with_the_certname_alone(puppet_server: PuppetServer) -> None:
    answer = guest("coquille1").decode()
    seen = puppet_server.folder / "var/seen"
    script = puppet_server.external_nodes.read_text()
    puppet_server.use_enc(f"#!/bin/sh\necho \"$(id -un) $# $1\" > {seen}\nprintf %s '{answer}'\n")
    try:
        assert puppet_server.agent(FRESH).run().converged
    finally:
        puppet_server.use_enc(script)
    assert seen.read_text() == f"puppet 1 {FRESH}\n"


def test_the_server_writes_a_nodes_facts_before_it_asks_the_enc(puppet_server: PuppetServer) -> None:
    puppet_server.answer(FRESH, None)
    assert puppet_server.agent(FRESH).run(facts={"rack": "b7"}).exit_code == 1
    facts = puppet_server.folder / f"var/server_data/facts/{FRESH}.json"
    assert json.loads(facts.read_bytes())["values"]["rack"] == "b7"
