"""`enclume doctor`: everything that Enclume stands on, checked."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from msgspec import to_builtins

from commands.common import counted, examples, load_settings, print_json
from commands.doctor_checks import Check, bad, ok, warn
from commands.doctor_estate import hypervisors, ldap, service
from commands.doctor_reports import reports
from commands.doctor_state import state
from commands.doctor_time import certificates, clock
from commands.offline import read_code
from commands.outcome import FINE, NO
from commands.progress import progress
from commands.wrapping import hung, line_width
from enc import rules
from errors import SettingsError, SourceError
from settings import DEFAULT_FILE, Settings

_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


@click.command(
    epilog=examples(
        "enclume doctor",
        "runuser -u enclume -- enclume doctor",
        "enclume doctor --json | jq '.checks[] | select(.level == \"bad\")'",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_obj
def command(config: str | None, as_json: bool) -> int:
    """Check everything that Enclume stands on, and say what to do about what is not well.

    The settings and rules, the secrets that Puppet's classes take, LDAP with its schema, every hypervisor, the clocks,
    certificates, the state folder, reports that wait, the running service and what is wrong with what LDAP states. One
    line each: ok, warn or bad.

    Exit status 0: nothing is bad. 1: something is.
    """
    checks = []
    for check in _checks(config):
        checks.append(check)
        if not as_json:
            label = f"{click.style(f'{check.level:<4}', fg=_COLOURS[check.level])}  {check.area:<8}  "
            for line in hung(label, check.sentence, line_width()):
                click.echo(line)
    wrong = sum(check.level == "bad" for check in checks)
    if as_json:
        print_json({"well": not wrong, "checks": to_builtins(checks)})
    return NO if wrong else FINE


def _checks(config: str | None) -> Iterable[Check]:
    file = str(Path(config or DEFAULT_FILE))
    try:
        settings = load_settings(config)
    except SettingsError as error:
        yield bad("settings", f"{error}; docs/settings.md lists every key")
        return
    yield ok("settings", f"{file} can be used")
    yield _rules(settings)
    for what, look in _looks(settings):
        with progress(what):
            found = list(look())
        yield from found


def _looks(settings: Settings) -> tuple[tuple[str, Callable[[], Iterable[Check]]], ...]:
    return (
        ("reading what is known of Puppet's classes", lambda: [_code(settings)]),
        ("looking at LDAP", lambda: ldap(settings)),
        ("asking every hypervisor", lambda: hypervisors(settings)),
        ("comparing clocks", lambda: clock(settings.directory)),
        ("looking at certificates", lambda: certificates(settings.tls)),
        ("looking at the state folder", lambda: state(settings.state)),
        ("looking at the reports that wait", lambda: reports(settings, time.time())),
        ("asking the service", lambda: service(settings)),
    )


def _rules(settings: Settings) -> Check:
    try:
        known = rules.load(settings.rules)
    except SettingsError as error:
        return bad("rules", f"{error}; docs/rules.md describes every key")
    return ok("rules", f"{settings.rules or 'the shipped rules'}: {len(known.rules)} rules can be used")


def _code(settings: Settings) -> Check:
    if settings.code is None:
        return warn("code", "not set, so a secret that stands in LDAP is not found: see docs/hiera.md, Secrets in LDAP")
    try:
        code = read_code(settings)
    except SourceError as error:
        return bad("code", str(error))
    if code.unread:
        return warn("code", f"{settings.code}: {code.unread}")
    return ok("code", f"{settings.code}: {counted(len(code.sensitive), 'class parameter')} must not stand in LDAP")
