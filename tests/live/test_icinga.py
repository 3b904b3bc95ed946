"""A real Icinga 2 that runs on the configuration of a real service: it checks, alarms, and calms down again."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from exporters.icinga_text import quoted
from tests import leaks
from tests.commands.lab import HOSTS, LAB, Done, Laboratory, enclume
from tests.commands.perfdata import read
from tests.live.icinga import Icinga
from tests.live.puppet import public_folder
from tests.live.server.authority import Authority, Identity
from tests.live.slapd import Slapd
from tests.waiting import until

NAME, KEEPER, GUEST = "palourde.lab.test", "bigorneau.lab.test", "roundcube.lab.test"
HYPERVISOR, ASKER = "coquille2.lab.test", "icinga.lab.test"
DAILY = f"{GUEST}!enclume-backup-system-daily"
ANSWERS = "enclume service!enclume-answers"
HOUR = 3600.0
PLUGINS = {"cert": "icinga.pem", "key": "icinga.key", "ca": "ca.pem"}
STRANGE = 'Webmail "été" $host.name$ {{{ }}} \\'

MORE = f"""
object Service "strange" {{
  host_name = "site larema"
  import "enclume-site-service"
  vars.enclume_check = "data"
  vars.enclume_filter_site = {quoted(STRANGE)}
}}
"""


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Looked at once for the file, since its tests restart what they share."""
    before = leaks.traces()
    yield
    found = leaks.left_since(before)
    assert not found, "the file's tests left behind: " + "; ".join(found)


class Monitored:
    """The laboratory with TLS, and an Icinga that is allowed to ask about all of it."""

    def __init__(self, lab: Laboratory, icinga: Icinga, authority: Authority, keeper: Identity) -> None:
        self.lab, self.icinga = lab, icinga
        self._context = ssl.create_default_context(cafile=str(authority.ca))
        self._context.load_cert_chain(keeper.certificate, keeper.key)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """A request of the backup server's."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.lab.port, timeout=10, context=self._context)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def backed_up(self, hours_ago: float) -> None:
        """The backup server has last saved the guest so long ago."""
        now = time.time()
        last = now - hours_ago * HOUR
        kept = {"host": GUEST, "kind": "system"} | dict.fromkeys(("last_success", "last_full", "kept_full"), last)
        observed = {"format": 1, "certname": KEEPER, "observed_at": now, "kinds": {"backups": {"hosts": [kept]}}}
        status, said = self.ask("PUT", f"/observations/{KEEPER}", observed)
        assert status == 204, said

    def put(self, *more: str) -> Done:
        """Put Icinga's configuration in place, validated within the site's own."""
        within = ("--icinga2", str(self.icinga.program), "--validation-config", str(self.icinga.config))
        return self.lab.run("icinga", "config", "--output", str(self.icinga.enclume), *within, *more)

    def check(self, *arguments: str) -> Done:
        """Run the plugin with Icinga's own certificate."""
        files = {f"--{name}": str(self.icinga.folder / file) for name, file in PLUGINS.items()}
        options = [word for pair in files.items() for word in pair]
        return enclume(None, "check", *arguments, "--url", f"https://127.0.0.1:{self.lab.port}", *options)

    @property
    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.icinga.enclume.iterdir()}


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("icinga")
    authority = Authority(folder / "ca")
    own, keeper, asker = (authority.issue(name) for name in (NAME, KEEPER, ASKER))
    tls = {"certificate": own.certificate, "key": own.key, "ca": authority.ca, "crl": authority.crl}
    with (
        Slapd(folder, ldif=LAB / "directory.ldif") as slapd,
        Laboratory(folder / "lab", slapd) as lab,
        public_folder() as public,
    ):
        slapd.modify(f"dn: cn={GUEST},{HOSTS}\nchangetype: modify\nreplace: description\ndescription: {STRANGE}\n")
        lab.write(
            listen=f"0.0.0.0:{lab.port}",
            tls={key: str(path) for key, path in tls.items()},
            access={"monitoring": [ASKER]},
        ).launch()
        icinga = Icinga(public, f"https://127.0.0.1:{lab.port}", authority, asker, MORE)
        made = Monitored(lab, icinga, authority, keeper)
        until(lambda: GUEST in lab.run("audit", "--all").out, 30, "verdicts")
        made.backed_up(1)
        word = f"/verdicts?check=sources&host={KEEPER}"
        until(lambda: b'"observation"' in made.ask("GET", word)[1], 20, "the backup server's own word")
        until(lambda: made.put().status != 3, 20, "a configuration")
        done = made.put()
        assert done.status == 0, done.err
        with icinga:
            yield made


def test_hosts_stand_on_their_hypervisors_and_sites(monitored: Monitored) -> None:
    hosts = monitored.icinga.objects("hosts")
    assert {GUEST, HYPERVISOR, "enclume service", "site larema"} <= hosts.keys()
    guest = hosts[GUEST]
    assert guest["vars"]["enclume_hypervisor"] == HYPERVISOR
    assert guest["templates"] == [GUEST, "enclume-guest", "enclume-host", "enclume-host-local"]
    assert guest["notes"] == STRANGE.replace("$", "$$")
    dependencies = monitored.icinga.objects("dependencies")
    above = {(one["child_host_name"], one["parent_host_name"]) for one in dependencies.values()}
    assert {(GUEST, HYPERVISOR), (HYPERVISOR, "site larema")} <= above
    assert (GUEST, "site larema") not in above


def test_a_site_builds_upon_names_of_ours(monitored: Monitored) -> None:
    assert monitored.icinga.service(DAILY)["vars"]["pager"] == "night"
    assert f"{GUEST}!mine" in monitored.icinga.objects("services")


def test_a_backup_that_grows_old_is_a_hard_critical_and_ok_again_when_one_is_made(monitored: Monitored) -> None:
    icinga = monitored.icinga
    monitored.backed_up(1)
    fine = icinga.until_hard(DAILY, "ok")
    monitored.backed_up(100)
    bad = icinga.until_hard(DAILY, "critical")
    assert bad["last_hard_state_change"] >= fine["last_hard_state_change"]
    output = bad["last_check_result"]["output"]
    assert output.startswith(f"BACKUP CRITICAL - {GUEST}: ")
    assert "|" not in output
    age = next(one for one in bad["last_check_result"]["performance_data"] if one.startswith("age="))
    value, warning, critical = age.removeprefix("age=").split(";")[:3]
    assert 100 * HOUR <= float(value.rstrip("s")) < 101 * HOUR
    assert (float(warning), float(critical)) == (26 * HOUR, 52 * HOUR)
    monitored.backed_up(1)
    good = icinga.until_hard(DAILY, "ok")
    assert good["last_check_result"]["output"].startswith(f"BACKUP OK - {GUEST}: ")


def test_every_service_of_the_configuration_has_something_to_say(monitored: Monitored) -> None:
    """Each is asked as Icinga asks: by its own filters, none of which matches nothing."""
    services = monitored.icinga.objects("services")
    asked = [one["vars"] for one in services.values() if one["name"].startswith("enclume-")]
    assert len(asked) > 20
    for given in asked:
        filters = {key.removeprefix("enclume_filter_"): value for key, value in given.items() if "_filter_" in key}
        options = [word for name, value in filters.items() for word in (f"--{name}", value)]
        done = monitored.check(given["enclume_check"], *options)
        read(done.out)
        assert "nothing is known" not in done.out, done


def test_a_strange_name_reaches_the_service_as_it_is(monitored: Monitored) -> None:
    output = monitored.icinga.until_hard("site larema!strange", "unknown")["last_check_result"]["output"]
    assert output.startswith(f"DATA UNKNOWN - nothing is known of site {STRANGE}: ")


def test_nothing_is_touched_while_nothing_changes_also_when_ldap_is_away(monitored: Monitored) -> None:
    before = monitored.icinga.enclume.stat()
    monitored.lab.slapd.stop()
    try:
        done = monitored.put("--reload", "false")
    finally:
        monitored.lab.slapd.start()
    assert (done.status, "is up to date" in done.out) == (0, True), done
    assert monitored.icinga.enclume.stat().st_ino == before.st_ino


def test_a_change_is_validated_by_icinga_and_replaces_the_files(monitored: Monitored) -> None:
    slapd = monitored.lab.slapd
    entry = f"dn: cn={GUEST},{HOSTS}\nchangetype: modify\n"
    slapd.modify(f"{entry}add: enclumeMaxAge\nenclumeMaxAge: data/weekly=192\n")
    done = until(lambda: _changed(monitored), 20, "the change")
    assert "hosts.conf changed" in done
    assert '"data-weekly"' in monitored.files["hosts.conf"]
    slapd.modify(f"{entry}delete: enclumeMaxAge\n")
    until(lambda: _changed(monitored), 20, "the change back")


def _changed(monitored: Monitored) -> str:
    done = monitored.put("--reload", "true")
    assert done.status == 0, done
    return done.out if "is new" in done.out else ""


def test_what_icinga_refuses_is_never_put_in_place(monitored: Monitored) -> None:
    """The site has an object of the same name."""
    config, before = monitored.icinga.config, monitored.files
    text = config.read_text()
    (monitored.icinga.enclume / "hosts.conf").write_text("// Made by `enclume icinga config`, and then changed\n")
    changed = monitored.files
    config.write_text(f'{text}\nobject Host "{GUEST}" {{ check_command = "dummy" }}\n')
    try:
        done = monitored.put()
        assert (done.status, "already exists" in done.err or "re-defined" in done.err) == (1, True), done
        assert monitored.files == changed
    finally:
        config.write_text(text)
    assert monitored.put().status == 0
    assert monitored.files == before


def test_a_service_that_is_down_is_one_alarm_and_leaves_the_files(monitored: Monitored) -> None:
    icinga, before = monitored.icinga, monitored.files
    assert icinga.until_hard(ANSWERS, "ok")
    monitored.lab.stop()
    try:
        down = icinga.until_hard(ANSWERS, "unknown")
        assert "the service does not run there" in down["last_check_result"]["output"]
        icinga.check_now(DAILY)
        until(lambda: not icinga.service(DAILY)["last_reachable"], 20, "the others to depend on it")
        done = monitored.put()
        assert (done.status, monitored.files) == (3, before), done
    finally:
        monitored.lab.launch()
    until(lambda: monitored.lab.run("audit").out, 30, "the service's verdicts")
    icinga.until_hard(ANSWERS, "ok")
    monitored.backed_up(1)
    icinga.until_hard(DAILY, "ok")
