"""A real PostgreSQL of one's own, for tests: a cluster in a temporary folder, reached by a unix socket and by no port.

`with PostgreSQL() as server:` makes, starts and ends it; `server.database()` makes an empty database and gives its URL.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tests.waiting import until

_PROGRAMS = Path("/usr/lib/postgresql")


def _program(name: str) -> str:
    """One of the newest version's programs: Debian puts them into no PATH."""
    return str(max(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3])))


class PostgreSQL:
    """A private cluster, and the process that serves it. `user` may do everything, without a password by the socket.

    With a `port` it listens on 127.0.0.1 too. `settings` are lines of postgresql.conf: `fsync=off` is there already,
    since nobody pulls the plug of a test. Its log of changes (WAL) is in files of `wal_megabytes`.
    """

    user = "enclume"

    def __init__(self, *settings: str, port: int | None = None, wal_megabytes: int = 16) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="encpg"))
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self.within: Sequence[str] = ()
        """The command that it is started by, as root (nsenter, for example)."""
        self._owner = "postgres" if os.geteuid() == 0 else None
        if self._owner is not None:
            os.chown(self.folder, pwd.getpwnam(self._owner).pw_uid, -1)
        self.folder.chmod(0o755)
        listen = ("listen_addresses=",) if port is None else ("listen_addresses=127.0.0.1", f"port={port}")
        self._settings = ("fsync=off", *listen, f"unix_socket_directories={self.folder}", *settings)
        self._where = ("--host", str(self.folder), "--port", str(port or 5432))
        made = ("--auth=trust", f"--username={self.user}", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
        files = ("--pgdata", str(self.folder / "data"), f"--wal-segsize={wal_megabytes}")
        self._run(_program("initdb"), *made, *files)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, user=self._owner, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> Self:
        """Start it, and return when it answers."""
        command, user = [_program("postgres"), "-D", str(self.folder / "data")], self._owner
        for setting in self._settings:
            command += ["-c", setting]
        if self.within:
            command, user = [*self.within, "setpriv", f"--reuid={user}", "--clear-groups", *command], None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, user=user, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ready = [_program("pg_isready"), "--quiet", *self._where]
        try:
            until(lambda: self._alive() and not subprocess.run(ready, check=False).returncode, what="PostgreSQL")
        except AssertionError:
            self._end(signal.SIGQUIT)
            raise
        return self

    def _alive(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"PostgreSQL ended: {(self.folder / 'log').read_text()}"
        return True

    @property
    def has_ended(self) -> bool:
        """Whether it has given up, by itself."""
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> None:
        """End it at once, in good order, whoever is connected."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement, bare."""
        options = ("--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", *self._where)
        return self._run("psql", *options, "--username", self.user, "--command", statement, database).strip()

    def ask_for_passwords(self) -> None:
        """From now on whoever comes by TCP needs one."""
        rules = self.folder / "data/pg_hba.conf"
        rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.sql("SELECT pg_reload_conf()")

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        self.sql(f"CREATE DATABASE history{self._made}")
        return self.url(f"history{self._made}")

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://{self.user}@/{database}?host={quote(str(self.folder), safe='')}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        # Nobody needs its data any more: it need not tidy them up.
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
