"""`enclume runs last`: what is wrong with Puppet's runs now, and what they did last."""

from collections.abc import Iterator
from typing import Any

import click

from audit.words import when
from commands import runs_text as text
from commands.common import counted, examples, print_json, warn
from commands.outcome import FINE, NO, UNKNOWN
from commands.runs_asking import asking, path, service_of
from commands.runs_text import Told
from commands.runs_unseen import silent
from commands.wrapping import line_width, wrapped
from errors import SourceError

_WHOSE = ("host", "site", "hypervisor")
_QUIET = "unchanged"


@click.command(
    epilog=examples(
        "enclume runs",
        "enclume runs --site angers --all",
        "enclume runs last --json | jq -r '.last.runs[] | select(.status == \"failed\") | .certname'",
    )
)
@click.option("--all", "everything", is_flag=True, help="Show the nodes whose last run changed nothing, too.")
@asking("status")
@click.pass_obj
def command(config: str | None, /, *, everything: bool, as_json: bool, **given: Any) -> int:
    """Show the last run of each node: the failed ones with what fails and since when, nodes that do not run, and what
    changed.

    Exit status 0: every node runs, and no last run failed. 1: some failed, or some nodes are not seen. 3: it cannot be
    known.
    """
    service = service_of(config, given)
    if not everything and not given["status"] and not as_json:
        given["status"] = ("failed", "changed")
    last = service.get_json(path("/runs/last", given, *_WHOSE, "status", "limit"))
    shown = last["counts"]["failed"] and (not given["status"] or "failed" in given["status"])
    failing = service.get_json(path("/runs/failing", given, *_WHOSE)) if shown else None
    try:
        unseen = service.get_json(path("/runs/unseen", given, *_WHOSE, "limit"))
    except SourceError as error:
        unseen = None
        warn(f"which nodes do not run is not known: {error}")
    if as_json:
        print_json({"last": last, "failing": failing, "unseen": unseen})
    else:
        for line in lines_of(last, failing, unseen, line_width()):
            click.echo(line)
        for line in text.more_of(last["next"], given["limit"]):
            click.echo(line)
    return _status(last, unseen)


def _status(last: Told, unseen: Told | None) -> int:
    if last["counts"]["failed"] or (unseen and unseen["unseen"]):
        return NO
    return FINE if unseen is not None else UNKNOWN


def lines_of(last: Told, failing: Told | None, unseen: Told | None, width: int) -> Iterator[str]:
    """The bodies of `GET /runs/last`, `/runs/failing` and `/runs/unseen` as lines for people."""
    now = text.now()
    yield from wrapped(_summary(last, unseen), "", width)
    of = {status: [one for one in last["runs"] if one["status"] == status] for status in ("failed", "changed", _QUIET)}
    yield from text.section("Failed", text.rows((_run(one, now) for one in of["failed"]), width))
    still = text.still(failing) if failing else []
    yield from text.section("What fails", text.failures(still, width))
    nodes = (unseen or {"unseen": []})["unseen"]
    yield from text.section("Not seen", text.rows((silent(one, now) for one in nodes), width))
    yield from text.section("Changed", text.rows((_run(one, now) for one in of["changed"]), width))
    yield from text.section("Unchanged", text.rows((_run(one, now) for one in of[_QUIET]), width))


def _summary(last: Told, unseen: Told | None) -> str:
    told = ", ".join(f"{number} {status}" for status, number in last["counts"].items() if number) or "no runs"
    if unseen is not None:
        silent = len(unseen["unseen"])
        many = f"more than {silent}" if unseen["more"] else str(silent)
        told += f"; of {counted(unseen['nodes'], 'node')}, {many} not seen since {when(unseen['since'])}"
    if last["gone"]:
        told += f" ({counted(len(last['gone']), 'node')} that ran once left the directory)"
    return told


def _run(one: Told, now: float) -> tuple[str, ...]:
    since = ""
    if one["status"] == "failed":
        since = f"last succeeded {when(one['last_success'])}" if one["last_success"] else "never succeeded"
    return one["certname"], text.ago(one["ended"], now), text.summary(one), text.place(one), since
