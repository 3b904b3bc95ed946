"""`enclume serve`: the service."""

import gc
import logging
import os
import sys
from wsgiref.types import WSGIApplication

import click

import server
from app import Runtime, create_app
from commands.common import examples, load_settings
from enc import rules
from errors import SettingsError
from facts.garbage import MANY
from facts.memory import keep_little
from settings import DEFAULT_FILE, Settings
from web.access import Access

_LOG = logging.getLogger("enclume.serve")
_LEVELS = ("debug", "info", "warning", "error")
# A thread that computes hands over to those that answer after so many seconds, not after Python's 5 ms.
_SWITCH = 0.0002


class Read(Settings, frozen=True, kw_only=True):
    """Settings with the rules that they name, as both were when they were read: a worker that has to be replaced later
    must not depend on a file that somebody is just editing.
    """

    known_rules: rules.Rules


class Served:
    """What the worker serves: a runtime and its application (`server.Service`)."""

    def __init__(self, settings: Settings) -> None:
        self._runtime = Runtime(settings, known_rules=settings.known_rules if isinstance(settings, Read) else None)
        self._app = create_app(self._runtime)

    @property
    def app(self) -> WSGIApplication:
        """The application."""
        return self._app

    def start(self) -> None:
        """Start the builder and the sources."""
        sys.setswitchinterval(_SWITCH)
        gc.set_threshold(MANY)
        keep_little()
        self._runtime.start()

    def stop(self) -> None:
        """End them."""
        self._runtime.stop()

    def refused(self, why: str) -> None:
        """New settings cannot be used."""
        self._runtime.builder.refused_settings = why
        _LOG.error("the settings in force stay: %s", why)


@click.command(
    epilog=examples(
        "enclume serve",
        "enclume --config /etc/enclume/enclume.yaml serve --log-level debug",
        "systemctl reload enclume      (SIGHUP: settings, rules and certificates are read again)",
    )
)
@click.option(
    "--log-level", type=click.Choice(_LEVELS), default="info", show_default=True, help="The least that is logged."
)
@click.pass_obj
def command(config: str | None, log_level: str) -> None:
    """Run the service until SIGTERM or SIGINT; its log goes to stderr.

    SIGHUP reads the settings and the rules again; if they are wrong, those in force stay and the log says why.

    Exit status 2: settings or rules that cannot be used. 3: the service could not start.
    """
    _log_to_stderr(log_level)
    server.serve(lambda: _read(config), Served)


def _read(config: str | None) -> Read:
    """The settings, and a look at what they name, so that a mistake is known before anything is started."""
    settings = load_settings(config)
    known_rules = rules.load(settings.rules)
    Access(settings)
    try:
        server.check(settings)
    except SettingsError as error:
        raise SettingsError(config or DEFAULT_FILE, error.key, error.expected) from error
    return Read(**{name: getattr(settings, name) for name in settings.__struct_fields__}, known_rules=known_rules)


def _log_to_stderr(level: str) -> None:
    """One line for each event; the journal knows the time by itself."""
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(stream=sys.stderr, format=f"{time}%(levelname)s %(name)s: %(message)s", level=level.upper())
