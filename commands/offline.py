"""Answers without the service: LDAP and the hypervisors are read once, now, and nothing is written."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from commands.asking import Given, require_certname
from commands.common import counted, warn
from commands.looking import ReadOnlyShelf
from commands.outcome import Misused, No
from commands.progress import progress
from enc import rules as enc_rules
from enc.rules import Rules
from enc.topology import define
from enc.why import facts_told, why
from errors import SourceError
from facts import keep
from facts.certname import close_to, meant
from facts.code_folder import CodeFolder
from facts.directory import source as directory
from facts.directory.meaning import understand
from facts.facter.book import FactBook
from facts.facter.delivered import Delivered
from facts.facter.folder import FactsFolder
from facts.inventory import source as inventory
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.join import Seen, join
from facts.source import Code, SourceKey
from facts.targets import targets_of
from facts.upkeep import Upkeep
from generation import keep as generation_keep
from generation.build import build, classify_all
from generation.changes import preview_ldif
from generation.generation import NONE
from generation.now import Now
from settings import Settings
from web.bodies import Preview


class Offline:
    """`commands.asking.Asked` over what was read at `read_at` (seconds since the epoch)."""

    def __init__(self, settings: Settings, rules: Rules, now: Now, facts: FactBook, read_at: float) -> None:
        self._settings, self._rules, self._now, self._read_at = settings, rules, now, read_at
        self._facts = facts

    def answer(self, certname: str) -> Given:
        given = self._now.generation.answers.get(self._known_as(certname))
        if given is None:
            raise self._none(certname)
        return Given(given.body, 0, time.time() - self._read_at)

    def why(self, certname: str) -> dict[str, Any]:
        name = self._known_as(certname)
        told = facts_told(self._facts, name)
        estate, secrets = self._now.estate, self._now.classification.sensitive
        found = why(estate, name, self._rules, secrets, told) if estate else None
        if found is None:
            raise self._none(certname)
        given = self._now.generation.answers.get(name)
        fresh = self._now.classification.results[name].answer
        state = "current" if given and fresh and given.digest == fresh.digest else "kept" if given else "none"
        digest = given.digest if given else None
        reasons: dict[str, Any] = to_builtins(found)
        return reasons | {"answer": {"generation": 0, "digest": digest, "age": 0, "state": state}}

    def preview(self, ldif: bytes) -> dict[str, Any]:
        try:
            text = ldif.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Misused(f"the LDIF is no UTF-8 ({error})") from error
        previewed = preview_ldif(self._now, self._rules, self._settings, text)
        body: dict[str, Any] = to_builtins(Preview.of(previewed)) if previewed else {}
        return body

    def _known_as(self, certname: str) -> str:
        return self._now.name_of(require_certname(certname), legacy=self._settings.directory.legacy)

    def _none(self, certname: str) -> No | SourceError:
        result = self._now.classification.results.get(certname)
        if result is None:
            base, estate = self._settings.directory.hosts_base, self._now.estate
            hint = meant(close_to(certname, estate.nodes)) if estate else ""
            return No(f"{certname} is not in the directory: add it below {base}{hint}")
        reasons = "; ".join(finding.message for finding in result.findings if finding.holds)
        return SourceError(certname, f"has no answer: {reasons}")


class _Hypervisors(Struct, frozen=True):
    """The hypervisors as read now, or as last kept where one could not be read."""

    seen: Mapping[str, HypervisorSeen]
    unreadable: frozenset[str]


def read(settings: Settings) -> Offline:
    """Read everything. Raises `SettingsError`, and `SourceError` when no LDAP server answers.

    A hypervisor that cannot be read is a warning; what the state folder last kept of it is taken.
    """
    rules = enc_rules.load(settings.rules)
    shelf = ReadOnlyShelf(settings.state)
    values, _, remembered = keep.restore(shelf)
    served = generation_keep.restore(shelf) or NONE
    for sentence in shelf.set_aside:
        warn(f"{sentence}; it is left out")
    read_at = time.time()
    with progress(f"reading {settings.directory.base}"):
        found = directory.read_once(settings.directory)
    meaning = understand(found, settings.directory)
    targets, _ = targets_of(meaning.declared, settings)
    known = {key.target: value for key, value in values.items() if isinstance(value, HypervisorSeen)}
    with progress(f"reading {counted(len(targets), 'hypervisor')}"):
        hypervisors = _read_hypervisors(targets, known, settings)
    facts = _read_facts(settings, rules)
    code = read_code(settings)
    if code.unread:
        warn(f"{settings.code}: {code.unread}")
    with progress("classifying"):
        seen = Seen(found, meaning, hypervisors.seen, hypervisors.unreadable, facts.sets())
        estate = join(seen, settings, remembered, rules.fact_names).estate
        classification = classify_all(estate, rules, settings.answer, sensitive=code.sensitive)
        defined = define(estate.declared, served.definitions)
        generation = build(served, classification, len(found.entries), settings.guard, definitions=defined)
    return Offline(settings, rules, Now(generation, seen, estate, classification), facts, read_at)


def _read_hypervisors(
    targets: tuple[HypervisorTarget, ...], known: Mapping[str, HypervisorSeen], settings: Settings
) -> _Hypervisors:
    answers = (
        inventory.read_once(targets, settings.hypervisors.deadline, allow_test=settings.hypervisors.allow_test)
        if targets
        else {}
    )
    seen, unreadable = {}, set()
    for name, answer in answers.items():
        if isinstance(answer, HypervisorSeen):
            seen[name] = answer
            continue
        unreadable.add(name)
        instead = "what was last seen of it is taken" if name in known else "nothing is known of its guests"
        warn(f"hypervisor {name}: {answer}; {instead}")
        if name in known:
            seen[name] = known[name]
    return _Hypervisors(seen, frozenset(unreadable))


def _read_facts(settings: Settings, rules: Rules) -> FactBook:
    """The Puppet server's fact caches and what nodes delivered, read once; what cannot be read is a warning."""
    book, upkeep = FactBook(rules.fact_names), Upkeep()
    if not rules.fact_names:
        return book
    for folder in settings.fact_folders:
        with progress(f"reading {folder}"):
            FactsFolder(folder, book).look(upkeep)
        if error := upkeep.fresh(SourceKey("facts", folder)).error:
            warn(error)
    shelf = ReadOnlyShelf(Path(settings.state) / "facts")
    Delivered(shelf, book).restore()
    for sentence in shelf.set_aside:
        warn(f"{sentence}; it is left out")
    return book


def read_code(settings: Settings) -> Code:
    """What the Puppet code says of its classes: nothing without `code`. Raises `SourceError` when nobody can know."""
    if settings.code is None:
        return Code(frozenset())
    upkeep, folder = Upkeep(), CodeFolder(settings.code)
    folder.start(upkeep)
    try:
        upkeep.wait(60.0)
    finally:
        folder.stop()
    found = upkeep.values("code").get(settings.code)
    if isinstance(found, Code):
        return found
    raise SourceError(settings.code, upkeep.fresh(SourceKey("code", settings.code)).error or "it was not read in time")
