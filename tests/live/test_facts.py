"""Facts of real agents: through the Puppet Server's cache and delivered by curl, they change what a rule gives."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.live.enclume import Enclume
from tests.live.puppet import PuppetServer
from tests.live.puppet_ca import Identity
from tests.live.slapd import Slapd
from tests.waiting import until

WEB, MAIL = "alpha.e2e.test", "beta.e2e.test"
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures/puppet"
RULES = """\
- {name: gold, when: {facts.tier: gold}, variables: {served: with gold}}
- {name: silver, when: {facts.tier: silver}, variables: {served: with silver}}
- {name: Debian, when: {facts.os.family: Debian}, variables: {family: Debian}}
"""


class Served(Struct, frozen=True):
    """A service that reads the Puppet Server's cache, and another folder of Puppet 3's."""

    enclume: Enclume
    puppet: PuppetServer
    old_cache: Path

    def variable(self, certname: str, name: str) -> Any:
        answer = self.enclume.answer(certname)
        return answer["parameters"].get(name) if answer else None

    def put(self, certname: str, facts: Mapping[str, Any], own: Identity) -> int:
        """curl's status, with this certificate."""
        command = (
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--data-binary", "@-"),
            *("--cert", str(own.cert), "--key", str(own.key), "--cacert", str(own.ca)),
            f"{self.enclume.url}/facts/{certname}",
        )
        run = subprocess.run(command, input=json.dumps(facts).encode(), capture_output=True, timeout=20, check=True)
        return int(run.stdout)


@pytest.fixture
def served(tmp_path: Path, puppet_server: PuppetServer) -> Iterator[Served]:
    (tmp_path / "rules.yaml").write_text(RULES)
    old_cache = tmp_path / "yaml"
    old_cache.mkdir()
    # No hypervisor is there that could show a guest.
    ldif = tmp_path / "directory.ldif"
    ldif.write_text((FIXTURES / ldif.name).read_text().replace("enclumeKind: guest", "enclumeKind: physical"))
    with Slapd(tmp_path, ldif=ldif) as slapd:
        settings = {
            "directory": {"uri": slapd.uri, "base": slapd.base},
            "rules": str(tmp_path / "rules.yaml"),
            "facts": [str(puppet_server.folder / "var/server_data/facts"), str(old_cache)],
        }
        with Enclume(tmp_path / "enclume", puppet_server.issue("enclume.lab.test"), settings) as enclume:
            yield Served(enclume, puppet_server, old_cache)


def test_facts_change_what_rules_give_within_seconds(served: Served) -> None:
    agent = served.puppet.agent(WEB)
    served.puppet.answer(WEB, b'{"classes": {}}')
    assert agent.run(facts={"tier": "gold"}).converged
    until(lambda: served.variable(WEB, "served") == "with gold", 10, "the rule after the agent's run")
    assert served.variable(WEB, "family") == "Debian"

    shown = json.loads(subprocess.run(["facter", "--json"], capture_output=True, timeout=60, check=False).stdout)
    own = served.puppet.issue(WEB)
    assert served.put(WEB, shown | {"tier": "silver"}, own) == 204
    until(lambda: served.variable(WEB, "served") == "with silver", 5, "the rule after the delivery")

    assert agent.run(facts={"tier": "gold"}).converged
    until(lambda: served.variable(WEB, "served") == "with gold", 10, "the rule after the agent's next run")
    status, body = served.enclume.get(f"/enc/{WEB}/why")
    told = json.loads(body)["enclume"]["facts_told"]
    assert (status, told["by"]) == (200, str(served.puppet.folder / "var/server_data/facts"))
    assert told["age"] < 60


def test_only_the_node_itself_delivers_its_facts_and_a_restart_has_them(served: Served) -> None:
    mail, web = served.puppet.issue(MAIL), served.puppet.issue(WEB)
    assert served.put(MAIL, {"tier": "gold"}, web) == 403
    assert served.put(MAIL, {"tier": "gold"}, mail) == 204
    until(lambda: served.variable(MAIL, "served") == "with gold", 5, "the rule after the delivery")
    served.enclume.stop()
    served.enclume.start().wait_ready()
    assert served.variable(MAIL, "served") == "with gold"


def test_the_yaml_that_puppet_wrote_is_read_beside_the_json(served: Served) -> None:
    name = "web01.lab.test"
    text = (FIXTURES / f"yaml-facts-{name}.yaml").read_text()
    (served.old_cache / f".{MAIL}.new").write_text(text.replace(name, MAIL))
    shutil.move(served.old_cache / f".{MAIL}.new", served.old_cache / f"{MAIL}.yaml")
    until(lambda: served.variable(MAIL, "family") == "Debian", 10, "the rule of the file")
