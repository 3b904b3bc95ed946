"""The whole way: OpenLDAP and two libvirt hypervisors, Enclume over TLS, enclume-enc, a Puppet Server, its agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.live.enclume import Enclume, install_client
from tests.live.hypervisors import Hypervisor, laboratory
from tests.live.puppet import USER, Agent, PuppetServer, run_together
from tests.live.slapd import Slapd
from tests.waiting import until

WEB, MAIL, NFS = "alpha.e2e.test", "beta.e2e.test", "nfs.e2e.test"
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures/puppet/directory.ldif"


class Estate(Struct, frozen=True):
    """Everything that runs."""

    slapd: Slapd
    coquille1: Hypervisor
    coquille2: Hypervisor
    enclume: Enclume
    puppet: PuppetServer
    agents: dict[str, Agent]

    def change_member(self, how: str, certname: str) -> None:
        self.slapd.modify(
            "dn: cn=web_hosting,ou=services,dc=lab,dc=test\nchangetype: modify\n"
            f"{how}: member\nmember: cn={certname},ou=hosts,dc=lab,dc=test\n"
        )


@pytest.fixture
def estate(tmp_path: Path, puppet_server: PuppetServer) -> Iterator[Estate]:
    with laboratory("coquille1", "coquille2") as (one, two), Slapd(tmp_path, ldif=FIXTURE) as slapd:
        for guest in ("alpha", "beta"):
            one.define(guest)
            one.start(guest)
        settings = {
            "directory": {"uri": slapd.uri, "base": slapd.base},
            "hypervisors": {"uris": {"coquille1.lab.test": one.uri, "coquille2.lab.test": two.uri}},
            "answer": {"parameters": "inline"},
            "access": {"servers": [puppet_server.certname]},
        }
        before = puppet_server.external_nodes.read_text()
        with Enclume(tmp_path / "enclume", puppet_server.issue("enclume.lab.test"), settings) as enclume:
            client = install_client(puppet_server.folder, enclume.url, puppet_server.ca.own, USER)
            puppet_server.use_enc(client)
            agents = {certname: puppet_server.agent(certname) for certname in (WEB, MAIL, NFS)}
            try:
                yield Estate(slapd, one, two, enclume, puppet_server, agents)
            finally:
                puppet_server.use_enc(before)


def test_from_the_directory_and_the_hypervisors_to_the_machines(estate: Estate) -> None:
    """A service is assigned, a guest moves, the service dies: each agent's next run applies what is right then."""
    web, mail, nfs = estate.agents[WEB], estate.agents[MAIL], estate.agents[NFS]
    runs = run_together([web, mail, nfs])
    assert [run.exit_code for run in runs] == [2, 2, 0], [run.output for run in runs]
    assert [sorted(run.classes & {"web_hosting", "nfs_client"}) for run in runs] == [["nfs_client"], ["nfs_client"], []]
    assert web.text("nfs_client") == "nfs.e2e.test\n"

    estate.change_member("add", WEB)
    until(lambda: "web_hosting" in estate.enclume.answer(WEB)["classes"], what="the service in the answer")
    runs = run_together([web, mail])
    assert [run.exit_code for run in runs] == [2, 0], [run.output for run in runs]
    assert "web_hosting" in runs[0].classes
    assert "web_hosting" not in runs[1].classes
    assert web.text("web_hosting") == "site larema\nhypervisor coquille1.lab.test\nphp 8.3\n"

    estate.coquille1.migrate("alpha", estate.coquille2)
    until(
        lambda: estate.enclume.answer(WEB)["parameters"]["enclume"]["hypervisor"] == "coquille2.lab.test",
        what="the new hypervisor in the answer",
    )
    assert web.run().exit_code == 2
    assert web.text("web_hosting") == "site larema\nhypervisor coquille2.lab.test\nphp 8.3\n"

    estate.enclume.stop()
    (web.root / "web_hosting").unlink()
    runs = run_together([web, mail, nfs])
    assert [run.exit_code for run in runs] == [2, 0, 0], [run.output for run in runs]
    assert not any("cached catalog" in run.output for run in runs)
    assert web.text("web_hosting") == "site larema\nhypervisor coquille2.lab.test\nphp 8.3\n"
    assert "since no URL can answer" in estate.puppet.log
