"""What `enclume assign` and `enclume unassign` share: the change in LDAP, and the answer that follows it."""

import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, TypeVar

import click
from msgspec import Struct, to_builtins

from commands.asking import Given, Online
from commands.client import Service
from commands.common import load_settings, print_json, warn
from commands.credentials import writing
from commands.differences import changes_of, guard_line, lines_of
from commands.outcome import FINE, No
from commands.progress import progress
from enc.answer import Answer
from enc.preview import compare
from errors import EnclumeError, SourceError
from operations.assignment import Ambiguous, Assigner, Assignment, NotFound, assigner

F = TypeVar("F", bound=Callable[..., Any])
PATIENCE = 2.0
_PAUSE = 0.02


class Wish(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    host: str
    service: str
    member: bool
    dry_run: bool
    as_json: bool
    uri: str | None
    bind_dn: str | None
    password_file: str | None


def options(function: F) -> F:
    """The arguments and options of both commands."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
        click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing."),
        click.option("--password-file", metavar="FILE", help="File whose first line is the password of --bind-dn."),
        click.option("--bind-dn", metavar="DN", help="Identity to write as; its password is asked for, or in a file."),
        click.option("--uri", metavar="URI", help="LDAP server to write to, where the settings name a replica."),
        click.argument("service"),
        click.argument("host"),
    ):
        function = decorate(function)
    return function


def carry_out(config: str | None, wish: Wish) -> int:
    """Make the wish true in LDAP and wait for the answer that follows; the exit status."""
    settings = load_settings(config)
    who = writing(settings.directory, wish.uri, wish.bind_dn, wish.password_file)
    with who as directory, assigner(directory) as writer:
        assignment = _look_up(writer, wish)
        asked = Online(Service(settings, advice=""))
        if wish.dry_run:
            _preview(asked, writer, assignment, wish)
            return FINE
        before = _answer(asked, assignment)
        began = time.monotonic()
        changed = writer.apply(assignment)
    if wish.as_json:
        print_json(_told(assignment, changed=changed))
    else:
        _say(assignment, changed=changed)
    if changed:
        _follow(asked, assignment, before, wish, began)
    return FINE


def _look_up(writer: Assigner, wish: Wish) -> Assignment:
    try:
        return Assignment(writer.host(wish.host), writer.service(wish.service), wish.member)
    except (NotFound, Ambiguous) as error:
        raise No(str(error)) from error


def _preview(asked: Online, writer: Assigner, assignment: Assignment, wish: Wish) -> None:
    """What the change would do, without doing it."""
    if writer.is_member(assignment) == assignment.member:
        previewed: Mapping[str, Any] = {"nodes": [], "guard": {"holds": False, "reasons": []}}
    else:
        previewed = asked.preview(assignment.ldif.encode())
    if wish.as_json:
        print_json({**_told(assignment, changed=False), **previewed})
        return
    click.echo(f"Nothing is changed; this would be, with {assignment.host.name} {_where(assignment)}:")
    for line in lines_of(previewed["nodes"]):
        click.echo(line)
    if previewed["nodes"]:
        click.echo(guard_line(previewed["guard"]))


def _answer(asked: Online, assignment: Assignment) -> Given | EnclumeError:
    """The host's answer as it is served now, or why there is none."""
    try:
        return asked.answer(assignment.host.name.lower())
    except EnclumeError as error:
        return error


def _follow(asked: Online, assignment: Assignment, before: Given | EnclumeError, wish: Wish, began: float) -> None:
    """Wait until the service answers anew, and show the difference; on stderr when it does not."""
    if isinstance(before, SourceError):
        warn(f"LDAP is changed, and the service will see it; what it answers now is not known: {before}")
        return
    with progress("waiting for the new answer"):
        after = _new_answer(asked, assignment, before)
    took = time.monotonic() - began
    if not isinstance(after, Given):
        advice = f"see `enclume why {assignment.host.name}` and `enclume approve`"
        warn(f"LDAP is changed, but after {PATIENCE:g} s the answer is as it was: {advice}")
    elif not wish.as_json:
        click.echo(f"After {took * 1000:.0f} ms Puppet is told:")
        for line in changes_of(_difference(assignment, before, after)):
            click.echo(line)


def _new_answer(asked: Online, assignment: Assignment, before: Given | EnclumeError) -> Given | None:
    until = time.monotonic() + PATIENCE
    pause = Event()
    while True:
        after = _answer(asked, assignment)
        if isinstance(after, Given) and not (isinstance(before, Given) and before.body == after.body):
            return after
        if time.monotonic() > until:
            return None
        pause.wait(_PAUSE)


def _difference(assignment: Assignment, before: Given | EnclumeError, after: Given) -> dict[str, Any]:
    old = Answer(before.body, b"{}", "") if isinstance(before, Given) else None
    found: dict[str, Any] = to_builtins(compare(assignment.host.name, old, Answer(after.body, b"{}", "")))
    return found


def _say(assignment: Assignment, *, changed: bool) -> None:
    already = "is" if changed else "was already"
    click.echo(f"{assignment.host.name} {already} {_where(assignment)} ({assignment.service.dn}).")


def _where(assignment: Assignment) -> str:
    return f"{'in' if assignment.member else 'not in'} {assignment.service.name}"


def _told(assignment: Assignment, *, changed: bool) -> dict[str, Any]:
    return {
        "host": assignment.host.dn,
        "service": assignment.service.dn,
        "member": assignment.member,
        "changed": changed,
    }
