"""Reports all the way: agents, a Puppet Server that docs/puppet-server.md connects, and a service that keeps runs."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from generation.lock import Lock
from tests.commands.lab import Done
from tests.commands.lab import enclume as command
from tests.exporters.telling import values
from tests.live.enclume import Enclume, install_client
from tests.live.hypervisors import Hypervisor, laboratory
from tests.live.puppet import USER, Agent, PuppetServer, Run
from tests.live.slapd import Slapd
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures/puppet"
MANUAL = ROOT / "docs/puppet-server.md"
ENVIRONMENT = "reporting"
PATIENCE = 60.0
"""Seconds to wait for the intake child, which has the lowest priority on a machine that tests keep busy."""

SECRET = "xyzzy"


class Ran(Struct, frozen=True):
    """One run of an agent: what the agent knows of it, the history's summary of it (`GET /runs`), and afterwards the
    codes of its node's verdicts and the node's metrics of runs, by name (and outcome or status).
    """

    agent: Run
    uuid: str
    told: Mapping[str, Any]
    verdicts: frozenset[str]
    metrics: Mapping[str, float]

    def metric(self, name: str) -> float | None:
        """One of the metrics; None where there is no such series."""
        return self.metrics.get(name)


def uuid_of(run: Run) -> str:
    """What the agent's own report says it is."""
    assert run.report is not None, run.output
    return _uuid_in(run.report)


def _uuid_in(report: Path) -> str:
    # Ruby quotes one that may be a number, as 00919ac4-….
    return str(re.findall(r"^transaction_uuid: '?([0-9a-f-]+)'?$", report.read_text(), re.MULTILINE)[0])


def server_settings(url: str) -> str:
    """The lines that the manual has for puppet.conf, for this service."""
    (block,) = re.findall(r"\n    \[server\]\n(    reports = .*?)\n\n", MANUAL.read_text(), re.DOTALL)
    return str(re.sub(r"(?m)^    ", "", block)).replace("https://enclume.example.org:8787", url) + "\n"


class Platform:
    """Everything that runs: two hypervisors, the service, the Puppet Server, and agents by their host's name."""

    def __init__(self, enclume: Enclume, puppet: PuppetServer, hypervisors: tuple[Hypervisor, ...]) -> None:
        self.enclume, self.puppet, self.hypervisors = enclume, puppet, hypervisors
        self.agents: dict[str, Agent] = {}

    def agent(self, name: str, **settings: object) -> Agent:
        """The agent of a host, made at its first call; it keeps its state from run to run."""
        if name not in self.agents:
            self.agents[name] = self.puppet.agent(f"{name}.runs.test", settings)
        return self.agents[name]

    def run_all(self, **runs: "tuple[str, ...] | Mapping[str, str]") -> dict[str, Run]:
        """One run of each of these hosts, at the same time, with arguments or with facts."""
        for name, given in runs.items():
            arguments, facts = ((), given) if isinstance(given, Mapping) else (given, {})
            self.agent(name).start(*arguments, facts={"step": "1", **facts})
        return {name: self.agents[name].wait() for name in runs}

    def ran(self, **runs: "tuple[str, ...] | Mapping[str, str]") -> dict[str, Ran]:
        """One run of each, and what the service says once all have arrived in the history, verdicts and metrics."""
        done = self.run_all(**runs)
        return {name: self.arrived(name, run) for name, run in done.items()}

    def arrived(self, name: str, run: Run) -> Ran:
        """What the service says of an agent's run once it knows it."""
        certname, uuid = f"{name}.runs.test", uuid_of(run)
        try:
            until(lambda: uuid in self.listed(certname), PATIENCE, f"{uuid} of {certname} in the history")
        except AssertionError as error:
            error.add_note(self.whereabouts(run))
            raise
        told = self.listed(certname)[uuid]
        until(lambda: self.last_run(certname) == told["ended"], PATIENCE, f"the metrics of {certname}")
        return Ran(run, uuid, told, self.verdicts(certname), self.metrics(certname))

    def whereabouts(self, run: Run) -> str:
        """What agent, Puppet Server, spool and service tell of a report that did not arrive."""
        spool = self.enclume.folder / "state/spool"
        kept = "\n".join(str(path) for path in sorted(spool.rglob("*")))
        ready = self.enclume.get("/health/ready")
        told = (run.output, self.puppet.log[-6000:], kept, str(ready), self.enclume.log[-3000:])
        parts = zip(("the agent", "the Puppet Server", "the spool", "/health/ready", "the service"), told, strict=True)
        return "\n".join(f"--- {name}:\n{text}" for name, text in parts)

    def listed(self, certname: str) -> dict[str, Mapping[str, Any]]:
        """The runs of a node by their UUIDs."""
        return {one["uuid"]: one for one in self.get(f"/runs?host={certname}")["runs"]}

    def last_run(self, certname: str) -> float | None:
        """When a node ran last, as Prometheus is told."""
        return self.metrics(certname).get("last_run_timestamp_seconds")

    def hypervisor(self, name: str) -> str:
        """Where a guest runs, as the service knows."""
        return str(self.enclume.answer(f"{name}.runs.test")["parameters"]["enclume"]["hypervisor"])

    def verdicts(self, certname: str) -> frozenset[str]:
        """The codes of the verdicts of a node's runs."""
        return frozenset(one["code"] for one in self.get(f"/verdicts?check=puppet&host={certname}")["verdicts"])

    def metrics(self, certname: str) -> dict[str, float]:
        """A node's metrics of runs: `last_run_timestamp_seconds`, `run_status failed`, …"""
        until(lambda: self.enclume.get("/metrics")[0] == 200, PATIENCE, "the first verdicts")
        _, text = self.enclume.get("/metrics")
        found = {}
        for name in ("last_run_timestamp_seconds", "last_success_timestamp_seconds", "run_status", "cached_catalog"):
            for labels, value in values(text.decode(), f"puppet_{name}", certname=certname, site="larema").items():
                found[" ".join((name, *labels))] = value
        return found

    def has_empty_spool(self) -> bool:
        """Whether no report waits to be read."""
        return not any((self.enclume.folder / "state/spool").glob("*.report"))

    def stored(self) -> set[str]:
        """The UUIDs of the reports that the Puppet Server's `store` processor keeps."""
        files = (self.puppet.folder / "reports").glob("*/*.yaml")
        return {_uuid_in(path) for path in files}

    def get(self, path: str) -> Any:
        """The JSON that the service answers."""
        status, body = self.enclume.get(path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def command(self, *arguments: str) -> Done:
        """`enclume ARGUMENTS…` with the service's settings."""
        return command(self.enclume.config, *arguments)

    @contextmanager
    def intake_locked_out(self) -> Iterator[Path]:
        """Nothing leaves the spool, whose folder this is, as if another instance had it."""
        spool = self.enclume.folder / "state/spool"
        lock = Lock(str(spool))
        family = psutil.Process(self.enclume.pid).children(recursive=True)
        (child,) = [one for one in family if "reports.child" in one.cmdline()]
        child.kill()
        until(lock.try_acquire, what="the lock of the spool")
        try:
            yield spool
        finally:
            lock.release()


@contextmanager
def connected(puppet: PuppetServer, url: str) -> Iterator[None]:
    """The server sends its reports to a service, as the manual says, and no more in the end."""
    conf = puppet.folder / "confdir/puppet.conf"
    before = conf.read_text()
    assert "\nreports = store\n" in before
    conf.write_text(before.replace("reports = store\n", server_settings(url)))
    puppet.hup()
    try:
        yield
    finally:
        conf.write_text(before)
        puppet.hup()


@contextmanager
def classified(puppet: PuppetServer, url: str) -> Iterator[None]:
    """The server asks a service what nodes are, and has their manifest."""
    folder = puppet.environments / ENVIRONMENT / "manifests"
    folder.mkdir(parents=True)
    shutil.copy(FIXTURES / "reporting.pp", folder / "site.pp")
    subprocess.run(["chown", "-R", f"{USER}:", str(folder.parent)], check=True)
    before = puppet.external_nodes.read_text()
    puppet.use_enc(install_client(puppet.folder, url, puppet.ca.own, USER))
    try:
        yield
    finally:
        puppet.use_enc(before)
        shutil.rmtree(folder.parent)


@contextmanager
def platform(folder: Path, puppet: PuppetServer) -> Iterator[Platform]:
    """Everything, running; guest `drifts` runs on coquille1."""
    with laboratory("coquille1", "coquille2") as hypervisors, Slapd(folder, ldif=FIXTURES / "reporting.ldif") as slapd:
        hypervisors[0].define("drifts")
        hypervisors[0].start("drifts")
        settings = {
            "directory": {"uri": slapd.uri, "base": slapd.base},
            "hypervisors": {"uris": {f"{one.name}.lab.test": one.uri for one in hypervisors}},
            "access": {"servers": [puppet.certname]},
        }
        with (
            Enclume(folder / "enclume", puppet.issue("enclume.lab.test"), settings) as enclume,
            classified(puppet, enclume.url),
            connected(puppet, enclume.url),
        ):
            made = Platform(enclume, puppet, hypervisors)
            until(lambda: made.hypervisor("drifts") == "coquille1.lab.test", what="the guest in the answer")
            yield made
