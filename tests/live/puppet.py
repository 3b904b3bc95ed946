"""A real Puppet Server of one's own, for tests: its CA, configuration, code and ENC below one folder.

    with PuppetServer(folder) as server:
        server.answer("web01.lab.test", b'{"classes": {"web_hosting": {}}}')
        run = server.agent("web01.lab.test").run()

It starts in 14 s and takes 520 MB; agents take 2.5 s a run. An archive of its classes (-XX:ArchiveClassesAtExit) costs
one run more than it saves, so there is none.
"""

import http.client
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.freezing import freeze
from tests.live import puppet_files
from tests.live.puppet_agent import Agent, Run, puppet_apply, run_together
from tests.live.puppet_ca import Identity, PuppetCA
from tests.waiting import free_port, until

__all__ = ["Agent", "Identity", "PuppetServer", "Run", "public_folder", "puppet_apply", "run_together"]

USER = "puppet"
MODULES = Path(__file__).resolve().parents[1] / "fixtures/puppet"
_READY = "Puppet Server has successfully started"
_JAVA = (
    *("java", "-Xms128m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger", "-Djruby.lib=/usr/share/jruby/lib"),
    *("-jar", "/usr/share/puppetserver/puppetserver.jar"),
)
# An ENC of files: the answer of CERTNAME stands in answers/CERTNAME, and who has none is a failure.
_FILE_ENC = '#!/bin/sh\nexec cat "{folder}/answers/$1"\n'


@contextmanager
def public_folder() -> Iterator[Path]:
    """A short-named folder that user puppet may enter, unlike pytest's; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="enc"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class PuppetServer:
    """A Puppet Server on a free port of 127.0.0.1, run as user puppet, named localhost.

    `settings` are more lines of [server] in its puppet.conf, as `{"reports": "http", "reporturl": URL}`.
    `ca` signs certificates for whoever takes part; `ca_dir` is where the server keeps its CA.
    `environments/production` holds the code; `modules` the modules of all environments.
    The ENC is `external_nodes`, a file: at first one that prints what `answer` was given, `use_enc` replaces it.
    """

    certname = "localhost"

    def __init__(self, folder: Path, *, settings: Mapping[str, object] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"https://localhost:{self.port}"
        self.ca_dir = folder / "ca"
        self.modules, self.environments = folder / "modules", folder / "code/environments"
        self.external_nodes = folder / "enc"
        self._process: subprocess.Popen[bytes] | None = None
        puppet_files.write(folder, self.port, settings or {})
        shutil.copytree(MODULES / "modules", self.modules)
        (self.environments / "production/manifests").mkdir(parents=True)
        shutil.copy(MODULES / "site.pp", self.environments / "production/manifests")
        (folder / "answers").mkdir()
        self.use_enc(_FILE_ENC.format(folder=folder))
        self.ca = PuppetCA(folder / "issued", folder / "confdir/puppet.conf", self.ca_dir, folder / "ssl")
        subprocess.run(["chown", "-R", f"{USER}:", str(folder)], check=True)

    def issue(self, name: str) -> Identity:
        """A certificate, its key, the CA's chain and CRL, for certname `name` (also localhost and 127.0.0.1)."""
        return self.ca.issue(name)

    def answer(self, certname: str, document: bytes | None) -> None:
        """What the first ENC says about a node from now on; None makes it fail."""
        path = self.folder / "answers" / certname
        if document is None:
            path.unlink(missing_ok=True)
        else:
            _replace(path, document, 0o644)

    def use_enc(self, script: str) -> None:
        """Replace the program that the server runs with a certname; it must be runnable by user puppet."""
        _replace(self.external_nodes, script.encode(), 0o755)

    def agent(self, certname: str, settings: Mapping[str, object] | None = None) -> Agent:
        """A machine with nothing on it but a certificate; `settings` are more lines of its agent's puppet.conf."""
        folder = self.folder / "agents" / certname
        if folder.exists():
            shutil.rmtree(folder)
        return Agent(folder, self.issue(certname), certname, self.port, settings or {})

    @property
    def pid(self) -> int:
        """The Java process."""
        assert self._process is not None, "the Puppet Server has not been started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        path = self.folder / "log/server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> Self:
        """Start the server; `wait_ready` tells when it answers, so that other things can start meanwhile."""
        assert not self.alive, "the Puppet Server runs already"
        as_puppet = ("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups")
        where = ("--config", f"{self.folder}/conf.d", "--bootstrap-config", f"{self.folder}/services.d")
        restart = ("--restart-file", f"{self.folder}/run/restart")
        with (self.folder / "log/output").open("wb") as output:
            self._process = subprocess.Popen(
                [*as_puppet, *_JAVA, *where, *restart],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(self.folder)},
            )  # fmt: skip
        return self

    def wait_ready(self, timeout: float = 150) -> Self:
        """Return when the server says that it runs."""
        until(self._runs, timeout, f"the Puppet Server on port {self.port}")
        return self

    def hup(self, timeout: float = 60) -> None:
        """Reload code, settings and certificates, and return when that is done: some seconds."""
        starts = self.log.count(_READY)
        os.kill(self.pid, signal.SIGHUP)
        until(lambda: self.log.count(_READY) > starts, timeout, "the Puppet Server to reload")
        self.wait_ready(timeout)

    def freeze(self) -> None:
        """SIGSTOP the server: it accepts connections (the kernel does) and never answers."""
        freeze(self.pid)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def kill(self) -> None:
        """End the server at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def __enter__(self) -> Self:
        return self.start().wait_ready()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _runs(self) -> bool:
        output = (self.folder / "log/output").read_text(errors="replace")
        assert self.alive, f"the Puppet Server ended: {output[-2000:]}"
        context = ssl.create_default_context(cafile=str(self.ca.chain))
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=5, context=context)
        try:
            connection.request("GET", "/status/v1/simple")
            return connection.getresponse().read() == b"running"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _replace(path: Path, content: bytes, mode: int) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(path)
