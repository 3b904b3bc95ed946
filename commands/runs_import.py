"""`enclume runs import`: reports that the Puppet server kept and nobody sent."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from commands import elsewhere, runs_folder
from commands.common import counted, examples, print_json
from commands.elsewhere import Elsewhere
from commands.outcome import FINE, NO, Misused
from commands.progress import aside, progress
from commands.runs_known import Known
from commands.runs_sender import Refused, Sender
from commands.times import Instant
from errors import ReportError
from reports.parse import parse

_MOST_TOLD = 1000
_RATE = 50.0


class Import:
    """What was found in a folder and what came of it; `total` files in all."""

    def __init__(self, service: Elsewhere, sender: Sender, total: int) -> None:
        self._service, self._sender, self.total = service, sender, total
        self.sent = self.known = self.bad = 0
        self.told: list[dict[str, str]] = []

    def __str__(self) -> str:
        done = self.sent + self.known + self.bad
        told = f"{done} of {counted(self.total, 'report')}: {self.sent} sent, {self.known} known already"
        return told + (f", {self.bad} bad" if self.bad else "")

    def take(self, files: list[Path]) -> None:
        """Send the reports in these files of one node, but for those that are known. Raises `SourceError`."""
        known = Known(self._service, files)
        for file in files:
            try:
                self._take(file, known)
            except (runs_folder.Unreadable, ReportError, Refused) as error:
                self._tell(file, str(error))

    def _take(self, file: Path, known: Known) -> None:
        body = runs_folder.read(file)
        uuid = runs_folder.uuid_of(body)
        if uuid is not None and uuid in known:
            self.known += 1
            return
        # The service takes what looks like a report and reads it later: only here its file can be named.
        parse(body)
        self._sender.send(body)
        self.sent += 1

    def _tell(self, file: Path, reason: str) -> None:
        self.bad += 1
        if len(self.told) < _MOST_TOLD:
            self.told.append({"file": str(file), "reason": reason})
            aside(f"{file}: {reason}")
        elif len(self.told) == _MOST_TOLD:
            aside("more files are bad, and are counted only")


@click.command(
    epilog=examples(
        "enclume runs import /opt/puppetlabs/server/data/puppetserver/reports",
        "enclume runs import /var/lib/puppet/reports --since 2026-11-26T02:00",
        "enclume runs import reports/web01.example.org --url https://enclume.example.org:8787",
    )
)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--since", metavar="TIME", type=Instant(), default=None, help="Only reports stored since then.")
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(0.01, 1000),
    default=_RATE,
    show_default=True,
    help="At most so many reports a second.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
@elsewhere.options
@click.pass_obj
def command(
    config: str | None, /, folder: Path, since: float | None, rate: float, as_json: bool, **options: str | None
) -> int:
    """Send the reports that Puppet's `store` processor kept, and that the service missed.

    DIR is the Puppet server's `reportdir`, with a folder for each node; or one node's folder, or one file. Files end in
    .yaml or .yaml.gz. What the history has already is not sent again, and nothing is kept twice, so it may be stopped
    and started anew at any time. Where the nodes were at the time is not known. The service takes reports from Puppet
    servers (access.servers) and from its own machine.

    Exit status 0: the service has all of them. Those that were sent are safe in its spool, and come into the history
    one after the other; `enclume doctor` says how many still wait. 1: some files are no reports, each with its reason.
    3: the service takes none now.
    """
    service = elsewhere.named(config, options)
    try:
        total = sum(1 for files in _by_folder(folder, since) for _ in files)
        with closing(Sender(service, rate, aside)) as sender:
            found = Import(service, sender, total)
            with progress(lambda: str(found)):
                for files in _by_folder(folder, since):
                    found.take(files)
    except OSError as error:
        raise Misused(f"{error.filename}: cannot be read ({error.strerror})") from error
    if as_json:
        counts = {"files": total, "sent": found.sent, "known": found.known, "bad": found.bad}
        print_json({**counts, "refused": found.told})
    else:
        click.echo(f"{found}.")
    return NO if found.bad else FINE


def _by_folder(top: Path, since: float | None) -> Iterator[list[Path]]:
    """The files of each node. Raises `OSError`."""
    return (files for one in runs_folder.folders(top) if (files := runs_folder.files(one, since or 0.0)))
