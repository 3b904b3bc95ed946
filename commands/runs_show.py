"""`enclume runs show`: one run with all that is kept of it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import click

from audit.words import when
from commands import elsewhere
from commands import runs_text as text
from commands.common import examples, print_json, printable
from commands.outcome import FINE, No
from commands.runs_text import Told
from commands.wrapping import hung, line_width, wrapped
from facts.certname import is_certname

_UUID = 36
_GRAVE = {"warning": "yellow", "err": "red", "alert": "red", "emerg": "red", "crit": "red"}


@click.command(
    epilog=examples(
        "enclume runs show web01.example.org",
        "enclume runs show e67bd5a6-609f-478b-bf20-e9170f582414",
        "enclume runs show web01.example.org --json | jq '.logs[] | select(.level == \"err\")'",
    )
)
@click.argument("run", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@elsewhere.options
@click.pass_obj
def command(config: str | None, /, run: str, as_json: bool, **options: str | None) -> int:
    """Show one run: RUN is its UUID, or a certname for the last run of that node.

    What failed with its message, what changed from what to what, the slowest resources, and the log.

    Exit status 0: it was shown. 1: there is no such run. 3: the service cannot say.
    """
    service = elsewhere.named(config, options)
    if not _is_uuid(run):
        if not is_certname(run):
            raise No(f"{run!r} is neither a run's UUID nor a certname: `enclume runs list` shows both")
        last = service.get_json(f"/runs?{urlencode({'host': run, 'since': 0, 'limit': 1})}")["runs"]
        if not last:
            raise No(f"no run of {run} is kept: `enclume runs unseen` lists nodes that do not run")
        run = last[0]["uuid"]
    found = service.get_json(f"/runs/{quote(run, safe='')}")
    if as_json:
        print_json(found)
    else:
        for line in lines_of(found, line_width()):
            click.echo(line)
    return FINE


def _is_uuid(text: str) -> bool:
    return len(text) == _UUID and [place for place, one in enumerate(text) if one == "-"] == [8, 13, 18, 23]


def lines_of(found: Told, width: int) -> Iterator[str]:
    """The body of `GET /runs/UUID` as lines for people."""
    run = found["run"]
    status = click.style(run["status"], fg=text.COLOURS[run["status"]])
    yield f"{click.style(printable(run['certname']), bold=True)}  {status}"
    for label, said in _head(found):
        if said:
            yield from hung(f"  {label:<12}  ", said, width)
    messages = {one["resource"]: one["message"] for one in found["events"] if one["status"] == "failure"}
    yield from text.section("Failed", _failed(found, messages, width))
    changes = [one for one in found["events"] if one["status"] != "failure"]
    yield from text.section("Changed", _changed(changes, width))
    slowest = [(text.took(one["seconds"]), one["resource"], text.where(one)) for one in found["slowest"]]
    yield from text.section("Slowest", text.rows(slowest, width))
    yield from text.section("Log", _log(found, width))


def _head(found: Told) -> Iterator[tuple[str, str]]:
    run = found["run"]
    ended = f"{when(run['ended'])} ({text.ago(run['ended'], text.now())})"
    yield "ended", f"{ended}, took {text.took(run['seconds'])}"
    yield "run", run["uuid"]
    yield "resources", text.summary(run) or f"{run['total']}, nothing to do"
    yield "place", f"{text.place(run)} at the time" if text.place(run) else ""
    yield "environment", ", ".join(filter(None, (run["environment"], _named("Puppet", found["puppet_version"]))))
    yield "server", found["server"]
    yield "catalog", _catalog(found)
    if found["completed"] is False:
        yield "ended early", "it was interrupted: what is below is not all of it"


def _named(what: str, value: str) -> str:
    return f"{what} {value}" if value else ""


def _catalog(found: Told) -> str:
    code = (_named("configuration", found["configuration_version"]), _named("code", found["code_id"]))
    old = "an old one, since it got no new one" if found["run"]["cached_catalog"] == "on_failure" else ""
    return ", ".join(filter(None, (*code, old)))


def _failed(found: Told, messages: dict[str, Any], width: int) -> Iterator[str]:
    for one in found["failed"]:
        skipped = " (skipped, since what it needs failed)" if one["skipped"] and not one["failed"] else ""
        yield from wrapped(f"{one['resource']}  {text.where(one)}{skipped}", "  ", width)
        yield from wrapped(messages.get(one["resource"], ""), "      ", width)


def _changed(changes: list[Told], width: int) -> Iterator[str]:
    for one in changes:
        marks = ["corrective"] if one["corrective"] else []
        marks += [one["status"]] if one["status"] != "success" else []
        marked = f" ({', '.join(marks)})" if marks else ""
        yield from wrapped(f"{one['resource']}  {text.where(one)}{marked}", "  ", width)
        yield from wrapped(text.event(one), "      ", width)


def _log(found: Told, width: int) -> Iterator[str]:
    for one in found["logs"]:
        level = f"{printable(one['level']):<7}"
        label = f"  {click.style(level, fg=_GRAVE[one['level']]) if one['level'] in _GRAVE else level}  "
        source = f"{one['source']}: " if one["source"] and one["source"] != "Puppet" else ""
        yield from hung(label, f"{source}{one['message']}", width)
