"""`enclume icinga config`, with a service that gives it files and a program that stands for Icinga."""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from commands.icinga_folder import MARK
from tests.commands.lab import Done, enclume
from tests.commands.scripted import Scripted, http

FILES = {"hosts.conf": f'{MARK}\n\nobject Host "a" {{\n}}\n', "sites.conf": f"{MARK}\n"}
OTHER = {**FILES, "hosts.conf": f'{MARK}\n\nobject Host "b" {{\n}}\n'}

THIRD = {**FILES, "hosts.conf": f'{MARK}\n\nobject Host "c" {{\n}}\n'}

ICINGA = (
    "#!/bin/sh\n"
    'echo "$@" >>{said}\n'
    "for one; do case $one in -DEnclumeConfigDir=*) cp -r ${{one#*=}} {seen} ;; esac; done\n"
    'echo "critical/config: no such luck"\n'
    "exit $(cat {status})\n"
)


class Put:
    """The command, a service that gives it files, and an Icinga that validates them."""

    def __init__(self, folder: Path) -> None:
        self.output, self.said, self.seen, self.status = (folder / name for name in ("out", "said", "seen", "status"))
        self.icinga = folder / "icinga2"
        self.icinga.write_text(ICINGA.format(said=self.said, seen=self.seen, status=self.status))
        self.icinga.chmod(0o755)
        self.status.write_text("0")
        self._config = folder / "enclume.yaml"

    def run(self, files: Mapping[str, str] | bytes, *arguments: str, status: int = 200, output: bool = True) -> Done:
        """Run the command, with a service that answers this."""
        body = files if isinstance(files, bytes) else json.dumps({"generation": 1, "files": files}).encode()
        scripted = Scripted()
        try:
            scripted.reply = http(status, body)
            listen = scripted.url.removeprefix("http://")
            self._config.write_text(
                yaml.safe_dump({"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": listen})
            )
            where = ("--output", str(self.output)) if output else ()
            done = enclume(self._config, "icinga", "config", "--icinga2", str(self.icinga), *where, *arguments)
            self.asked = scripted.asked.partition(b" HTTP")[0]
        finally:
            scripted.close()
        return done

    @property
    def there(self) -> Mapping[str, str]:
        return {path.name: path.read_text() for path in self.output.iterdir()}

    @property
    def beside(self) -> list[str]:
        """What stands beside the folder and should not: not the lock, which stays."""
        names = {path.name for path in self.output.parent.iterdir() if path.name.startswith(".")}
        return sorted(names - {f".{self.output.name}.lock"})
