"""`enclume check`: a plugin for Icinga and Nagios, which asks the service for its verdicts.

Monitoring starts it for every host and check: it loads the standard library alone, and no settings. Exit statuses are
those of the Monitoring Plugins' guidelines, also for wrong use: 0 ok, 1 warning, 2 critical, 3 unknown.
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlencode

from commands.check_client import HANGS, Certificates, Unknown, ask, check_url, find_certificates
from commands.check_output import UNKNOWN, render, render_service, safe

CHECKS = ("layers", "placement", "capacity", "data", "backup", "storage", "mirror", "puppet", "enc", "sources")
ITSELF = "service"
"""No check of the verdicts, but whether there are any to be relied on."""
KINDS = ("data", "system", "container", "offsite")
SCHEDULES = ("daily", "weekly", "monthly")
NONE = "-"
FILTERS = ("host", "site", "kind", "schedule")
_LONGEST_SPAN = 1e6
MOST = 100
"""Most verdicts that are asked for, and so most lines."""

_EXAMPLES = """
Examples:
    enclume check placement
    enclume check backup --host web01.example.org --kind system --schedule daily
    enclume check storage --site angers --url https://enclume.example.org:8787

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown: also for wrong use, a service
that cannot be asked, verdicts that are too old, and where nothing matches.
"""


class _Parser(argparse.ArgumentParser):
    """As argparse, but wrong use is `unknown`: its own status, 2, would be a critical one."""

    def error(self, message: str) -> NoReturn:
        raise Unknown(f"wrong use: {message}; see enclume check --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    def add_usage(self, usage, actions, groups, prefix=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


def parser() -> argparse.ArgumentParser:
    """What it understands."""
    known = _Parser(
        "enclume check",
        description="Check one thing, as a plugin of Icinga or Nagios: how it stands, and what to do.",
        epilog=_EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    add = known.add_argument
    add(
        "check",
        metavar="CHECK",
        choices=(*CHECKS, ITSELF),
        help=f"One of {', '.join(CHECKS)}; or {ITSELF}, for Enclume itself.",
    )
    add("--host", metavar="CERTNAME", action="append", help="Only what concerns this host; -: none in particular.")
    add("--site", metavar="SITE", action="append", help="Only what is at this site; -: at none.")
    add("--kind", choices=(*KINDS, NONE), action="append", help="Only backups of this kind.")
    add("--schedule", choices=(*SCHEDULES, NONE), action="append", help="Only backups of this schedule.")
    add("--url", metavar="URL", help="The service; default: ENCLUME_URL, else port 8787 of this machine.")
    add("--cert", metavar="FILE", help="Certificate to show; default: this host's Puppet certificate.")
    add("--key", metavar="FILE", help="Private key of the certificate.")
    add("--ca", metavar="FILE", help="Certificates of the Puppet CA.")
    add("--timeout", metavar="SECONDS", type=_seconds, default=8.0, help="Seconds that all may take; default: 8.")
    add("--max-age", metavar="SECONDS", type=_seconds, default=120.0, help="Oldest verdicts accepted; default: 120.")
    return known


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < _LONGEST_SPAN:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, more than 0")
    return seconds


def main(arguments: Sequence[str]) -> int:
    """Run the plugin; returns its exit status. Whatever goes wrong, that is `unknown`."""
    try:
        given = parser().parse_args(_literal(arguments))
        body = _within(given.timeout, given)
        told = render_service if given.check == ITSELF else render
        status, text = told(given.check, body, _described(given), given.max_age)
    except SystemExit:
        status, text = 0, ""
    except Exception as error:  # noqa: BLE001 - Python's own exit status for a failure, 1, would be a warning
        check = next((one for one in arguments if one in (*CHECKS, ITSELF)), "enclume")
        status, text = UNKNOWN, f"{check.upper()} UNKNOWN - {safe(str(error) or type(error).__name__)}\n"
    return status if _written(text) else UNKNOWN


def _literal(arguments: Sequence[str]) -> list[str]:
    """The arguments, where a site may have a name that looks like an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--host", "--site"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _within(seconds: float, given: argparse.Namespace) -> bytes:
    """The service's reply. A name server that is silent or a service that drips cannot be interrupted, but left."""
    outcome: list[bytes | Exception] = []

    def work() -> None:
        try:
            url, certificates = _service(given)
            outcome.append(ask(url, f"/verdicts?{urlencode(_query(given))}", certificates, seconds))
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            outcome.append(error)

    worker = threading.Thread(target=work, name="ask", daemon=True)
    worker.start()
    worker.join(seconds)
    if not outcome:
        raise Unknown(f"the service did not answer within {seconds:g} s (--timeout): {HANGS}")
    (found,) = outcome
    if isinstance(found, Exception):
        raise found
    return found


def _service(given: argparse.Namespace) -> tuple[str, Certificates | None]:
    """The service's URL, and what to show there. On this machine it is asked in the way that it most likely listens."""
    url = given.url or os.environ.get("ENCLUME_URL", "")
    if url:
        check_url(url)
    if url.startswith("http:"):
        return url, None
    certificates = find_certificates(given.cert, given.key, given.ca, required=bool(url))
    return url or f"{'https' if certificates else 'http'}://localhost:8787", certificates


def _query(given: argparse.Namespace) -> list[tuple[str, str]]:
    filters = [(name, value) for name in FILTERS for value in getattr(given, name) or ()]
    if given.check == ITSELF:
        return [*filters, ("limit", "0")]
    return [("check", given.check), *filters, ("limit", str(MOST))]


def _described(given: argparse.Namespace) -> str:
    """The filters in words: `host web01, kind data`."""
    return ", ".join(f"{name} {value}" for name in FILTERS for value in getattr(given, name) or ())


def _written(text: str) -> bool:
    """Print it, and say whether anybody can read it. Icinga reads UTF-8, whatever the locale is that it gives to its
    plugins.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        # Closed, full, or with no reader any more. What is left in the buffer is flushed once more at the end, where a
        # failure would have an exit status and a message of Python's own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True
