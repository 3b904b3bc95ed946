"""The application: connects the sources, the builder and the routes. It wires, it decides nothing."""

import logging
import socket
import time
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from audit.all import Audited
from audit.auditor import Auditor
from audit.situation import Situation
from enc import rules
from exporters.counts import Counts
from exporters.scrape import Scrape
from facts.code_folder import CodeFolder
from facts.directory.source import DirectorySource
from facts.facter import delivered
from facts.facter.book import FactBook
from facts.facter.delivered import Delivered
from facts.facter.folder import FactsFolder, Memory
from facts.inventory.memory import MemoryInventory
from facts.inventory.source import InventorySource
from facts.observatory import HostSeen, Observatory
from facts.shelf import Shelf
from facts.source import Source, SourceKey
from facts.upkeep import Freshness, Upkeep
from generation.builder import Builder
from generation.now import Now
from reports.source import ReportSource
from settings import Settings
from web import (
    answers,
    changes,
    facts,
    foreign,
    forgetting,
    health,
    hiera,
    icinga,
    intake,
    layers,
    metrics,
    reports,
    runs,
    verdicts,
)
from web.access import Access
from web.peer import certificate_name
from web.replies import refuse

_LOG = logging.getLogger("enclume.app")
_REMEMBERED = 86400.0
"""Seconds for which what a host said of itself outlives the host."""


class Runtime:
    """The sources and the builder of one service. Nothing runs before `start`."""

    def __init__(
        self,
        settings: Settings,
        directory: Source | None = None,
        inventory: InventorySource | MemoryInventory | None = None,
        known_rules: rules.Rules | None = None,
    ) -> None:
        """`directory` and `inventory` replace LDAP and libvirt, for tests; `known_rules` are those of the settings, if
        they were read already. Raises `SettingsError` for bad rules.
        """
        self.settings = settings
        self.rules = known_rules or rules.load(settings.rules)
        self._own = ""
        self.upkeep = Upkeep()
        libvirt = settings.hypervisors
        self.inventory = inventory or InventorySource(
            libvirt.deadline, libvirt.interval, libvirt.allow_test, libvirt.statistics
        )
        self.facts = FactBook(
            self.rules.fact_names, (*settings.fact_folders, delivered.BY), self.upkeep.wake, self._noticed
        )
        self.delivered = Delivered(Shelf(Path(settings.state) / "facts"), self.facts)
        self.builder = Builder(settings, self.rules, self.upkeep, self.inventory.watch, facts=self.facts)
        self.observatory = Observatory(self._observed)
        self.counts = Counts()
        self._versions = metadata.version("enclume"), metadata.version("libvirt-python")
        self.auditor = Auditor(self._look, prepare=self._restore, builder_rests=self.builder.rests)
        self.builder.swapped, self.builder.taken_over = self._swapped, self._taken_over
        self._restore_again = False
        self.inventory.noticed = self.auditor.wake
        self.reports = ReportSource(settings)
        self.reports.noticed, self.reports.rejected = self._reported, self._rejected
        self.sources: list[Source] = [directory or DirectorySource(settings.directory), self.inventory, self.delivered]
        self.sources += map(self._folder, settings.fact_folders)
        if settings.code:
            self.sources.append(CodeFolder(settings.code))

    @property
    def now(self) -> Now:
        """What is served."""
        return self.builder.now

    @property
    def problems(self) -> tuple[str, ...]:
        """What goes wrong here now."""
        return (*self.builder.problems, *self.reports.problems, *self.delivered.problems)

    @property
    def building_fails(self) -> bool:
        """Whether the last build failed, so that what is served may lack what is new."""
        return self.builder.failing

    def fresh(self, key: SourceKey) -> Freshness:
        """One target's freshness."""
        if key.kind == "observations":
            return self.observatory.fresh(key.target)
        if key.kind == "facts" and key.target not in self.settings.fact_folders:
            return self.facts.fresh(key.target)
        if key.kind == "reports":
            return Freshness(self.reports.read_at, error=self.reports.unread)
        return self.upkeep.fresh(key)

    @property
    def audited(self) -> Audited:
        """The verdicts, and what they were made from."""
        return self.auditor.audited

    @property
    def audit_problem(self) -> str:
        """Why the verdicts are not made anew, "" when they are."""
        return self.auditor.problem

    @property
    def scrape(self) -> Scrape:
        """All that Prometheus is told of."""
        version, libvirt = self._versions
        self.counts.reports_spooled.set(self.reports.spool.counted())
        return Scrape(
            audited=self.auditor.audited,
            failed_audits=self.auditor.failed_audits,
            freshness=self.upkeep.freshness(),
            counts=self.counts,
            version=version,
            libvirt=libvirt,
        )

    def _look(self) -> Situation:
        """All that the verdicts look at."""
        if self._restore_again:
            self._restore_again = False
            self._restore()
            self.delivered.restore()
        return Situation(
            now=self.builder.now,
            at=time.time(),
            settings=self.settings,
            freshness=self.upkeep.freshness(),
            observations=self.observatory.hosts(),
            facts=self.facts.all(),
            statistics=self.inventory.statistics(),
            runs=self.reports.runs,
            reporting=self.reports.reporting,
            runs_unread=self.reports.unread,
            problems=self.problems,
            failing=self.builder.failing,
            own=self._own,
        )

    def _folder(self, folder: str) -> FactsFolder:
        """A source of the facts in a folder, which goes on with what was read of it before a restart."""
        shelving, names = self.builder.shelving, self.rules.fact_names
        memory = Memory(partial(shelving.facts, folder, names), partial(shelving.keep_facts, folder, names))
        return FactsFolder(folder, self.facts, memory)

    def _noticed(self) -> None:
        """Some facts are others now."""
        self.auditor.wake()

    def _restore(self) -> None:
        kept: Mapping[str, HostSeen] = {}
        try:
            kept = self.builder.shelving.hosts()
        finally:
            self.observatory.restore(kept)
        self.reports.restore(self.builder.shelving.runs())

    def _taken_over(self) -> None:
        """What the instance before wrote at its end is read too, by the auditor's thread."""
        self._restore_again = True
        self.auditor.wake()

    def _swapped(self) -> None:
        """The builder serves something else now."""
        estate = self.builder.now.estate
        if estate is not None:
            for certname in self.observatory.forget(estate.nodes.keys(), time.time() - _REMEMBERED):
                self.builder.shelving.forget_host(certname)
            self.delivered.forget(estate.nodes.keys(), time.time(), _REMEMBERED)
        self.auditor.wake()

    def _reported(self) -> None:
        """Other runs are known now, or something else goes wrong with them."""
        self._keep_runs()
        self.auditor.wake()

    def _keep_runs(self) -> None:
        """What the history holds is kept, and not what stands in for it."""
        if self.reports.is_known:
            self.builder.shelving.keep_runs(self.reports.runs)

    def _rejected(self, reasons: Mapping[str, int]) -> None:
        """Reports that were acknowledged and make no sense."""
        for reason, count in reasons.items():
            self.counts.reports_rejected.labels(reason).inc(count)

    def _observed(self, seen: HostSeen) -> None:
        self.builder.shelving.keep_host(seen)
        self.auditor.wake()

    def start(self) -> None:
        """Start the builder and the auditor, then the sources. Raises `SettingsError` for a bad certificate."""
        self._own = _own_name(self.settings)
        self.builder.start()
        self.auditor.start()
        self.reports.start()
        for source in self.sources:
            source.start(self.upkeep)

    def stop(self) -> None:
        """Stop the sources, then the builder, which writes what is not on disk yet."""
        for source in self.sources:
            source.stop()
        self.reports.stop()
        # What is new in the last second was not noticed yet.
        self._keep_runs()
        self.builder.stop()
        self.auditor.stop()


def _own_name(settings: Settings) -> str:
    """The name of this machine: its certname, or what it is called where it has no certificate."""
    return certificate_name(settings.tls.certificate) if settings.tls else socket.gethostname()


def create_app(runtime: Runtime) -> Flask:
    """The WSGI application of a runtime. Starts nothing."""
    app = Flask("enclume", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = runtime.settings.limits.body_bytes
    # A path means what it says: no redirect puts another one right.
    app.url_map.merge_slashes = False
    access = Access(runtime.settings)
    app.register_blueprint(answers.blueprint(runtime.settings, runtime, access))
    app.register_blueprint(hiera.blueprint(runtime.settings, runtime, access))
    app.register_blueprint(health.blueprint(runtime.builder, lambda: runtime.problems))
    app.register_blueprint(intake.blueprint(runtime, access))
    report_intake, facts_intake = reports.Intake(runtime.settings, runtime), facts.Intake(runtime.settings, runtime)
    app.register_blueprint(reports.blueprint(report_intake, access))
    app.register_blueprint(runs.blueprint(runtime.settings, runtime, access))
    app.register_blueprint(forgetting.blueprint(runtime.settings, runtime, access))
    app.register_blueprint(facts.blueprint(facts_intake, access))
    asked = answers.Asked(runtime.settings, runtime)
    app.register_blueprint(foreign.blueprint(asked, report_intake, facts_intake, access))
    app.register_blueprint(changes.blueprint(runtime.builder, access))
    app.register_blueprint(verdicts.blueprint(runtime, access))
    app.register_blueprint(metrics.blueprint(runtime.settings, runtime, access))
    app.register_blueprint(icinga.blueprint(runtime, access))
    app.register_blueprint(layers.blueprint(runtime, access))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


def _http_error(error: HTTPException) -> Response:
    return refuse(error.code or 500, error.description or error.name)


def _unexpected(error: Exception) -> Response:
    """Whatever went wrong in a view: logged whole, told in a word, never half an answer."""
    _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return refuse(500, f"{type(error).__name__} while answering; the log of enclume.app says more")
