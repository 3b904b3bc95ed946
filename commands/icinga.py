"""`enclume icinga config`: Icinga 2's configuration, made from the estate, validated, put in place."""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlencode

import click
from msgspec import Struct

from commands import elsewhere
from commands.common import counted, examples
from commands.icinga_folder import MARK, Files, current, prepared, replace
from commands.icinga_lock import alone
from commands.outcome import FINE, No
from errors import SourceError

_WRAPPER = """\
if (!globals.contains("PluginDir")) {
  const PluginDir = "/usr/lib/nagios/plugins"
}
include <itl>
include <plugins>
include_recursive EnclumeConfigDir
"""
"""What our files are validated within, where no configuration of the site's is named."""

_PATIENCE = 600
"""Seconds that Icinga may take to validate or to reload."""
_TIMEOUT = 60.0
_MOST_SAID = 40


@click.group(epilog=examples("enclume icinga config --output /etc/icinga2/enclume --reload 'systemctl reload icinga2'"))
def command() -> None:
    """Configure Icinga 2 from what Enclume knows.

    Exit status: as each of the commands has it.
    """


class Validation(Struct, frozen=True):
    """How Icinga is asked whether a folder is valid: its command, and the configuration that includes the folder."""

    icinga2: str
    within: str | None = None

    def check(self, folder: Path) -> None:
        """Raises `No` with what Icinga says, or `SourceError` when it cannot be asked."""
        with tempfile.TemporaryDirectory(prefix="enclume-icinga-") as temporary:
            work = Path(temporary)
            cache = work / "cache"
            cache.mkdir()
            # Icinga gives up its rights to a user of its own, who writes what it found into the cache.
            work.chmod(0o755)
            cache.chmod(0o777)
            wrapper = work / "validation.conf"
            wrapper.write_text(_WRAPPER)
            defined = [f"-DEnclumeConfigDir={folder}", f"-DCacheDir={cache}"]
            done = _run([*shlex.split(self.icinga2), "daemon", "-C", "-c", self.within or str(wrapper), *defined])
        if done.returncode:
            said = "\n".join(done.stdout.splitlines()[-_MOST_SAID:])
            raise No(f"Icinga does not accept the configuration, and nothing was replaced; it says:\n{said}")


@command.command(
    "config",
    epilog=examples(
        "enclume icinga config                    (prints it)",
        "enclume icinga config --output /etc/icinga2/enclume --reload 'systemctl reload icinga2'",
        "enclume icinga config --site angers --check-only --url https://enclume.example.org:8787",
    ),
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to replace; without it the files are printed.")
@click.option("--check-only", is_flag=True, help="Validate, and say what would change.")
@click.option("--site", metavar="SITE", help="Only the hosts at this site.")
@click.option("--icinga2", metavar="COMMAND", default="icinga2", show_default=True, help="Icinga's program.")
@click.option(
    "--validation-config",
    metavar="FILE",
    help="Configuration to validate within; it includes the folder EnclumeConfigDir. Default: one of ours alone.",
)
@click.option("--reload", "reload_command", metavar="COMMAND", help="Run this after a change, and only then.")
@elsewhere.options
@click.pass_obj
def make(config: str | None, /, output: Path | None, check_only: bool, site: str | None, **options: str | None) -> int:
    """Make Icinga 2's configuration from the estate of the running service, and put it in place.

    Hosts with their parents, what there is to check of each, and rules that sites build upon: docs/icinga.md. Icinga
    validates it before it replaces the old one; when nothing changed, nothing is touched.

    Exit status 0: it is in place, or was. 1: Icinga does not accept it. 3: the service does not know all of it now or
    cannot be asked, or another run is at work on the folder; the old one stays.
    """
    if output is None and not check_only:
        files = _files(config, site, options)
        click.echo("\n".join(f"// {name}\n{text}" for name, text in files.items()), nl=False)
        return FINE
    folder = (output or Path(tempfile.gettempdir()) / "enclume-icinga").resolve()
    # The service is asked by who has the lock: what is put in place last is what it answered last.
    with alone(folder) if output is not None else nullcontext():
        files, known = _files(config, site, options), current(folder) if output is not None else {}
        if known == files and not check_only:
            reloaded = _make_up(folder, options["reload_command"])
            click.echo(f"{folder} is up to date: {_size(files)}{reloaded}.")
        else:
            _validate(folder, known, files, options, put=not check_only)
    return FINE


def _validate(folder: Path, known: Files, files: Files, options: dict[str, str | None], *, put: bool) -> None:
    validation = Validation(options["icinga2"] or "icinga2", options["validation_config"])
    with prepared(files, folder) as new:
        validation.check(new)
        if put:
            _put(folder, new, options["reload_command"])
            click.echo(f"{folder} is new: {_size(files)}; {_difference(known, files)}.")
        else:
            click.echo(f"Icinga accepts it: {_size(files)}; {_difference(known, files)}.")


def _put(folder: Path, new: Path, reload_command: str | None) -> None:
    """Put the new files in place; where Icinga is not reloaded the old ones come back, and the next run tries again.

    A mark beside the folder outlives a run that ends before it has reloaded Icinga.
    """
    if reload_command is None:
        replace(folder, new)
        return
    _mark_of(folder).touch()
    replace(folder, new)
    try:
        _reload(reload_command)
    except SourceError as error:
        replace(folder, new)
        _mark_of(folder).unlink(missing_ok=True)
        raise SourceError(error.target, error.reason, "the old files are in place again") from error
    _mark_of(folder).unlink(missing_ok=True)


def _make_up(folder: Path, reload_command: str | None) -> str:
    """Reload Icinga where an earlier run put the files in place and ended before it could; what to say of it."""
    if reload_command is None or not _mark_of(folder).exists():
        return ""
    _reload(reload_command)
    _mark_of(folder).unlink(missing_ok=True)
    return "; Icinga was reloaded, since an earlier run ended before that"


def _mark_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.to-reload")


def _reload(command_line: str) -> None:
    done = _run(shlex.split(command_line))
    if done.returncode:
        raise SourceError(command_line, f"ended with {done.returncode} ({' '.join(done.stdout.split())})")


def _run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_PATIENCE, check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except (OSError, IndexError, ValueError) as error:
        raise SourceError(" ".join(arguments) or "an empty command", f"cannot be run ({error})") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(arguments[0], f"did not end within {_PATIENCE} s") from error


def _files(config: str | None, site: str | None, options: dict[str, str | None]) -> Files:
    """The files as the service makes them."""
    path = f"/icinga?{urlencode({'site': site})}" if site is not None else "/icinga"
    service = elsewhere.named(config, options, _TIMEOUT)
    content = service.get_json(path)
    try:
        files = {str(name): str(text) for name, text in content["files"].items()}
    except (KeyError, TypeError, AttributeError):
        files = {}
    if not files or not all(
        re.fullmatch(r"[a-z-]+\.conf", name) and text.startswith(MARK) for name, text in files.items()
    ):
        raise SourceError(service.url, "answered with what is no configuration", "is it Enclume that listens there?")
    return files


def _size(files: Files) -> str:
    return counted(sum(text.count("\nobject Host ") for text in files.values()), "host object")


def _difference(known: Files, files: Files) -> str:
    changed = sorted(name for name in known.keys() | files.keys() if known.get(name) != files.get(name))
    return f"{', '.join(changed)} changed" if changed else "nothing changed"
