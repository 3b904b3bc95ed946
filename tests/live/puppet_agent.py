"""Puppet runs: an agent with its own folders against a server, or `puppet apply` without one.

Each run is a namespace of its own for processes, as several agents on one machine would see each other's.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from tests.live.puppet_ca import Identity

ALONE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
NOTHING: Mapping[str, str] = {}

_CONF = """\
[main]
certname = {certname}
confdir = {folder}
codedir = {folder}/code
vardir = {folder}/var
ssldir = {folder}/ssl
rundir = {folder}/run
logdir = {folder}/log
publicdir = {folder}/public
basemodulepath = {modules}
http_keepalive_timeout = 0
keylength = 2048
{settings}
"""


class Run(Struct, frozen=True):
    """One Puppet run: exit code of `--detailed-exitcodes` (0 nothing to do, 2 changed, 1/4/6 failed) and what it left.

    `classes` are those of the catalog that was applied (none if none was); `summary` is last_run_summary.yaml;
    `report` is the agent's last_run_report.yaml, None when the run ended before one.
    """

    exit_code: int
    output: str
    classes: frozenset[str]
    summary: Mapping[str, Any]
    report: Path | None

    @property
    def converged(self) -> bool:
        """Whether a catalog was applied, with or without changes, and nothing failed."""
        return self.exit_code in {0, 2}


class Node:
    """One node's own folders: Puppet's below `folder`, what its manifests write below `root` (fact `lab_root`)."""

    def __init__(
        self, folder: Path, certname: str, settings: Mapping[str, object], modules: Path | None = None
    ) -> None:
        self.folder, self.certname = folder, certname
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        conf = _CONF.format(certname=certname, folder=folder, modules=modules or folder / "none", settings=lines)
        (folder / "puppet.conf").write_text(conf)
        self._process: subprocess.Popen[str] | None = None

    def certify(self, identity: Identity) -> None:
        """Give it a certificate, where Puppet has its own."""
        for source, target in (
            (identity.ca, "certs/ca.pem"),
            (identity.crl, "crl.pem"),
            (identity.cert, f"certs/{self.certname}.pem"),
            (identity.key, f"private_keys/{self.certname}.pem"),
        ):
            path = self.folder / "ssl" / target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)

    @property
    def _state(self) -> Path:
        return self.folder / "var/state"

    def start(
        self, *arguments: str, facts: Mapping[str, str] = NOTHING, variables: Mapping[str, str] = NOTHING
    ) -> None:
        """Start a run; `wait` gives its result. `facts` are text facts beside the machine's own."""
        assert self._process is None, f"{self.certname} runs already"
        for leftover in ("classes.txt", "last_run_summary.yaml", "last_run_report.yaml"):
            for place in (self._state, self.folder / "public"):
                (place / leftover).unlink(missing_ok=True)
        known = {f"FACTER_{name}": value for name, value in {**facts, "lab_root": str(self.root)}.items()}
        self._process = subprocess.Popen(
            [*ALONE, "puppet", *arguments, "--confdir", str(self.folder), "--color", "false"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **known, **variables},
        )  # fmt: skip

    def wait(self, timeout: float = 120) -> Run:
        """The result of the run that `start` began."""
        assert self._process is not None, f"{self.certname} runs not"
        process, self._process = self._process, None
        try:
            output, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
            process.wait()
        report = self._state / "last_run_report.yaml"
        return Run(process.returncode, output, self._classes(), self._summary(), report if report.exists() else None)

    def text(self, name: str) -> str | None:
        """A file that the catalog put below the node's root; None if there is none."""
        path = self.root / name
        return path.read_text() if path.exists() else None

    def _classes(self) -> frozenset[str]:
        path = self._state / "classes.txt"
        return frozenset(path.read_text().split()) if path.exists() else frozenset()

    def _summary(self) -> Mapping[str, Any]:
        path = self.folder / "public/last_run_summary.yaml"
        return yaml.safe_load(path.read_bytes()) if path.exists() else {}


class Agent(Node):
    """An agent of a Puppet Server, with a certificate from the start."""

    def __init__(
        self, folder: Path, identity: Identity, certname: str, port: int, settings: Mapping[str, object]
    ) -> None:
        server = {"server": "localhost", "serverport": port, "waitforcert": 0}
        super().__init__(folder, certname, {**server, **settings})
        self.certify(identity)

    def start(
        self, *arguments: str, facts: Mapping[str, str] = NOTHING, variables: Mapping[str, str] = NOTHING
    ) -> None:
        """Start one run of the agent."""
        once = ("agent", "--onetime", "--no-daemonize", "--verbose", "--detailed-exitcodes")
        super().start(*once, *arguments, facts=facts, variables=variables)

    def run(self, *arguments: str, facts: Mapping[str, str] = NOTHING, timeout: float = 120) -> Run:
        """One run of the agent: about 2.5 s."""
        self.start(*arguments, facts=facts)
        return self.wait(timeout)


def run_together(agents: Iterable[Agent]) -> list[Run]:
    """One run of each agent, at the same time."""
    waiting = list(agents)
    for agent in waiting:
        agent.start()
    return [agent.wait() for agent in waiting]


def puppet_apply(
    folder: Path,
    certname: str,
    external_nodes: Path | Sequence[str],
    *,
    manifest: str = "",
    modules: Path | None = None,
    settings: Mapping[str, object] = NOTHING,
    facts: Mapping[str, str] = NOTHING,
    variables: Mapping[str, str] = NOTHING,
) -> tuple[Node, Run]:
    """Classify and configure a node without a server, in about 1.5 s: Puppet runs the real ENC, then the catalog.

    `external_nodes` is the ENC's program, or its words; `settings` are more lines of puppet.conf, as
    `{"reports": "http", "reporturl": URL}`; `variables` are the environment's, which the ENC sees too.
    The node's folders are made below `folder`.
    """
    command = " ".join(external_nodes) if isinstance(external_nodes, Sequence) else str(external_nodes)
    node = Node(folder / certname, certname, {"node_terminus": "exec", "external_nodes": command, **settings}, modules)
    node.start(
        "apply", "--detailed-exitcodes", "--write-catalog-summary", "-e", manifest, facts=facts, variables=variables
    )
    return node, node.wait()
