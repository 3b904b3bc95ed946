"""The whole way of Hiera: OpenLDAP, Enclume over TLS, a Puppet Server that asks it, a proxy's agent, and HAProxy."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec import Struct

from facts.code_folder import CodeFolder
from facts.source import Code
from facts.upkeep import Upkeep
from tests.live import neighbours
from tests.live.enclume import Enclume, install_client
from tests.live.puppet import MODULES, USER, Agent, Identity, PuppetServer, Run
from tests.live.puppet_agent import Node
from tests.live.slapd import Slapd
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests/fixtures/puppet/hosting.ldif"
PROXY, STORE, WEB = "proxy.e2e.test", "store.e2e.test", "web01.e2e.test"
LAST, NEW = "web04.e2e.test", "web05.e2e.test"
ENVIRONMENT = "hosting"
LEVELS = {
    "nodes/web01.e2e.test": "node",
    "services/web_hosting": "service",
    "sites/larema": "site",
    "hypervisors/kvm1.e2e.test": "hypervisor",
    "layers/2": "layer",
    "os/Debian": "os",
    "common": "common",
}


class Platform(Struct, frozen=True):
    """Everything that runs."""

    slapd: Slapd
    enclume: Enclume
    puppet: PuppetServer
    proxy: Agent

    def change_member(self, how: str, certname: str) -> None:
        self.slapd.modify(
            "dn: cn=web_hosting,ou=services,dc=lab,dc=test\nchangetype: modify\n"
            f"{how}: member\nmember: cn={certname},ou=hosts,dc=lab,dc=test\n"
        )

    def told(self, certname: str) -> str:
        return self.enclume.get(f"/hiera/{certname}")[1].decode()

    def lookup(self, certname: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`puppet lookup` on the Puppet server's machine, as its user; it takes trusted facts from these four."""
        facts = self.puppet.folder / "var/facts.json"
        host, _, domain = certname.partition(".")
        named = {"clientcert": certname, "fqdn": certname, "hostname": host, "domain": domain}
        facts.write_text(json.dumps({"os": {"family": "Debian"}, **named}))
        return subprocess.run(
            ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "puppet", "lookup", "--node", certname,
             "--facts", str(facts), "--confdir", str(self.puppet.folder / "confdir"), "--environment", ENVIRONMENT,
             "--compile", *arguments],
            cwd=self.puppet.folder, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "HOME": str(self.puppet.folder)},
        )  # fmt: skip


def install_code(environment: Path, url: str, own: Identity) -> None:
    """The shipped hierarchy and module in an environment, with data at every level; lists of revoked certificates are
    looked at, too.
    """
    (environment / "manifests").mkdir(parents=True)
    shutil.copytree(ROOT / "puppet-modules", environment / "modules")
    shutil.copytree(ROOT / "examples/puppet", environment / "modules", dirs_exist_ok=True)
    shutil.copytree(ROOT / "hiera/data", environment / "data")
    text = (ROOT / "hiera/hiera.yaml").read_text()
    stated = text.replace("[https://enclume.example.org:8787]", f"[{url}]\n      crl: {own.crl}")
    (environment / "hiera.yaml").write_text(stated)
    for path, level in LEVELS.items():
        file = environment / "data" / f"{path}.yaml"
        file.parent.mkdir(exist_ok=True)
        said = {"probe::levels": {level: path, "first": level}, "web_hosting::php": level}
        file.write_text(yaml.safe_dump(said))
    (environment / f"data/nodes/{STORE}.yaml").write_text(yaml.safe_dump(neighbours.parameters()))


@pytest.fixture
def platform(tmp_path: Path, puppet_server: PuppetServer) -> Iterator[Platform]:
    with Slapd(tmp_path, ldif=FIXTURE) as slapd:
        settings = {
            "directory": {"uri": slapd.uri, "base": slapd.base},
            "access": {"servers": [puppet_server.certname]},
        }
        before = puppet_server.external_nodes.read_text()
        with Enclume(tmp_path / "enclume", puppet_server.issue("enclume.lab.test"), settings) as enclume:
            environment = puppet_server.environments / ENVIRONMENT
            install_code(environment, enclume.url, puppet_server.ca.own)
            subprocess.run(["chown", "-R", f"{USER}:", str(environment)], check=True)
            puppet_server.use_enc(install_client(puppet_server.folder, enclume.url, puppet_server.ca.own, USER))
            try:
                yield Platform(slapd, enclume, puppet_server, puppet_server.agent(PROXY))
            finally:
                puppet_server.use_enc(before)
                shutil.rmtree(environment)
                shutil.rmtree(puppet_server.folder / "var/enclume-hiera", ignore_errors=True)


def backends(configuration: str | None) -> list[str]:
    return [line.split()[1] for line in (configuration or "").splitlines() if line.startswith("  server ")]


def test_a_web_server_that_is_assigned_in_ldap_is_behind_the_proxy_at_its_next_run(platform: Platform) -> None:
    """And while the service is away, the proxy's catalog is what it was; without a kept answer, there is none."""
    proxy, webs = platform.proxy, [f"web0{number}.e2e.test" for number in range(1, 5)]
    first = proxy.run()
    assert first.exit_code == 2, (first.output, platform.puppet.log[-3000:])
    assert backends(proxy.text("haproxy.cfg")) == webs
    assert "server web01.e2e.test 10.49.0.21:8000" in str(proxy.text("haproxy.cfg"))
    assert proxy.run().exit_code == 0

    platform.change_member("add", NEW)
    until(lambda: NEW in platform.told(PROXY), what="the new backend in what Hiera is told")
    run = proxy.run()
    assert run.exit_code == 2, run.output
    assert backends(proxy.text("haproxy.cfg")) == [*webs, NEW]
    assert "use_backend web05.e2e.test if { req.hdr(host) -i s5.example.org }" in str(proxy.text("haproxy.cfg"))
    subprocess.run(["haproxy", "-c", "-q", "-f", str(proxy.root / "haproxy.cfg")], check=True)

    platform.enclume.stop()
    (proxy.root / "haproxy.cfg").unlink()
    run = proxy.run()
    assert run.exit_code == 2, run.output
    assert "cached catalog" not in run.output
    assert backends(proxy.text("haproxy.cfg")) == [*webs, NEW]
    assert "enclume: proxy.e2e.test: answer of" in platform.puppet.log

    shutil.rmtree(platform.puppet.folder / "var/enclume-hiera")
    run = proxy.run()
    assert "enclume: proxy.e2e.test: no answer" in platform.puppet.log
    assert "cached catalog" in run.output
    assert backends(proxy.text("haproxy.cfg")) == [*webs, NEW]


def test_a_host_that_is_assigned_in_ldap_is_exported_to_saved_watched_and_named(platform: Platform) -> None:
    """By the shipped examples, at the next run of the server that does all that; and no more when it is taken away."""
    store = platform.puppet.agent(STORE)
    webs = {f"web0{number}.e2e.test": [f"10.49.0.2{number}"] for number in range(1, 5)}
    more = webs | {NEW: ["10.49.0.25", "2001:db8:49::25"]}
    first = store.run()
    assert first.exit_code == 2, (first.output, platform.puppet.log[-3000:])
    assert neighbours.written(store) == neighbours.expected(webs)
    exports, before = str(store.text("exports")), neighbours.serial(store)
    assert "/srv/shared 10.49.0.3(rw,sync,no_subtree_check) 10.49.0.21(" in exports
    assert "/srv/nobody" not in exports, "without clients it is exported to everybody"
    assert store.run().exit_code == 0
    assert neighbours.serial(store) == before

    platform.change_member("add", NEW)
    until(lambda: NEW in platform.told(STORE), what="the new host in what Hiera is told")
    run = store.run()
    assert run.exit_code == 2, run.output
    assert neighbours.written(store) == neighbours.expected(more)
    assert neighbours.serial(store) > before
    assert neighbours.reloads(store) == [2, 2, 2]
    said = neighbours.icinga_says(store)
    assert "Instantiated 5 Hosts" in said, said

    platform.change_member("delete", NEW)
    platform.slapd.modify(
        f"dn: cn={LAST},ou=hosts,dc=lab,dc=test\nchangetype: modify\nadd: enclumeIntent\nenclumeIntent: retired\n"
    )
    until(lambda: NEW not in platform.told(STORE), what="the host gone from what Hiera is told")
    until(lambda: '"retired"' in platform.told(STORE), what="the retired host in what Hiera is told")
    assert store.run().exit_code == 2
    assert neighbours.written(store) == neighbours.expected({web: webs[web] for web in webs if web != LAST})


def test_a_node_without_a_puppet_server_is_configured_alike(platform: Platform, tmp_path: Path) -> None:
    """`puppet apply` with the node's own certificate. What it may not ask for ends the run and changes nothing."""
    own = platform.puppet.issue(PROXY)
    node = Node(tmp_path / "apply", PROXY, {"node_terminus": "exec"}, MODULES / "modules")
    node.certify(own)
    install_code(node.folder / "code/environments" / ENVIRONMENT, platform.enclume.url, own)
    client = node.folder / "external_nodes"
    client.write_text(install_client(node.folder, platform.enclume.url, own, "root"))
    client.chmod(0o755)

    def applied(certname: str = PROXY) -> Run:
        node.start(
            *("apply", "--detailed-exitcodes", "--write-catalog-summary", "--environment", ENVIRONMENT, "-e", ""),
            *("--external_nodes", str(client), "--node_name_value", certname),
        )
        return node.wait()

    webs = [f"web0{number}.e2e.test" for number in range(1, 5)]
    first = applied()
    assert first.exit_code == 2, first.output
    assert backends(node.text("haproxy.cfg")) == webs
    platform.change_member("add", NEW)
    until(lambda: NEW in platform.told(PROXY), what="the new backend in what Hiera is told")
    assert applied().exit_code == 2
    assert backends(node.text("haproxy.cfg")) == [*webs, NEW]
    assert applied().exit_code == 0

    configuration = node.text("haproxy.cfg")
    stranger = applied(WEB)
    assert stranger.exit_code == 1, stranger.output
    assert "Failed to find web01.e2e.test via exec" in stranger.output
    assert node.text("haproxy.cfg") == configuration

    platform.enclume.stop()
    (node.root / "haproxy.cfg").unlink()
    away = applied()
    assert away.exit_code == 2, away.output
    assert "enclume: proxy.e2e.test: answer of" in away.output
    assert node.text("haproxy.cfg") == configuration
    shutil.rmtree(node.folder / "var/enclume-hiera")
    (node.root / "haproxy.cfg").unlink()
    without = applied()
    assert without.exit_code == 1, without.output
    assert "enclume: proxy.e2e.test: no answer" in without.output
    assert node.text("haproxy.cfg") is None


def test_puppet_server_tells_enclume_which_parameters_are_secrets(platform: Platform, tmp_path: Path) -> None:
    """With the rule that the manual has for its auth.conf, and the service's own certificate."""
    module = platform.puppet.environments / ENVIRONMENT / "modules/vault"
    (module / "manifests").mkdir(parents=True)
    (module / "manifests/init.pp").write_text(
        "class vault (\n  Sensitive[String[1]] $password,\n  Optional[Variant[String, Sensitive]] $token = undef,\n"
        "  Integer $port = 1, # Sensitive it is not\n) { }\n"
    )
    own = platform.enclume.identity
    context = ssl.create_default_context(cafile=str(own.ca))
    context.load_cert_chain(own.cert, own.key)
    connection = http.client.HTTPSConnection("localhost", platform.puppet.port, timeout=60, context=context)
    connection.request("GET", f"/puppet/v3/environment_classes?environment={ENVIRONMENT}")
    answer = connection.getresponse()
    (tmp_path / "hosting.json").write_bytes(answer.read())
    connection.close()
    assert answer.status == 200
    upkeep, folder = Upkeep(), CodeFolder(str(tmp_path))
    folder.start(upkeep)
    try:
        code = until(lambda: upkeep.values("code").get(str(tmp_path)), what="the classes")
    finally:
        folder.stop()
    assert code == Code(frozenset({"vault::password", "vault::token"}))


def test_puppet_lookup_finds_each_level_by_what_enclume_says(platform: Platform) -> None:
    explained = platform.lookup(WEB, "--merge", "hash", "--explain", "probe::levels").stdout
    found = re.findall(r'Path "\S+/data/(\S+)\.yaml"\n.*\n +Found key: "probe::levels"', explained)
    assert found == list(LEVELS), explained
    merged = yaml.safe_load(platform.lookup(WEB, "--merge", "hash", "probe::levels").stdout)
    assert merged == {level: path for path, level in LEVELS.items()} | {"first": "node"}


def test_puppet_lookup_finds_what_ldap_says_before_all_levels(platform: Platform) -> None:
    php = platform.lookup(WEB, "--explain", "web_hosting::php").stdout
    assert 'Found key: "web_hosting::php" value: "8.1"' in php, php
    services = yaml.safe_load(platform.lookup(WEB, "enclume::services").stdout)
    assert list(services["web_hosting"]["members"]) == [f"web0{number}.e2e.test" for number in range(1, 5)]
