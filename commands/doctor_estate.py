"""The doctor on what Enclume reads, and on the service: LDAP, every hypervisor, answers, findings."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from commands.client import Service
from commands.common import counted, duration
from commands.doctor_checks import Check, bad, ok, warn
from commands.looking import ReadOnlyShelf
from errors import EnclumeError, SourceError
from facts import keep
from facts.directory import check as directory_check
from facts.directory import source as directory
from facts.directory.entries import Directory
from facts.directory.meaning import understand
from facts.inventory import source as inventory
from facts.inventory.domains import HypervisorSeen
from facts.source import SourceKey
from facts.targets import targets_of
from settings import Settings

_FINDINGS = 10


def ldap(settings: Settings) -> Iterable[Check]:
    """Every server of directory.uri."""
    for checked in directory_check.check(settings.directory):
        yield (ok if checked.well else bad)("ldap", checked.sentence)


def hypervisors(settings: Settings) -> Iterable[Check]:
    """Every hypervisor, all at once."""
    found = _directory(settings)
    if found is None:
        yield bad("libvirt", "which hypervisors there are is not known: LDAP was never read")
        return
    targets, wrong = targets_of(understand(found, settings.directory).declared, settings)
    for finding in wrong:
        yield bad("libvirt", f"{finding.where} {finding.what}: {finding.message}")
    if not targets:
        yield warn("libvirt", "no hypervisor is declared; give each enclumeLibvirtURI, or see hypervisors.uris")
        return
    wanted = settings.hypervisors
    answers = inventory.read_once(targets, wanted.deadline, allow_test=wanted.allow_test)
    for target in targets:
        answer = answers[target.name]
        if isinstance(answer, HypervisorSeen):
            running = sum(domain.running for domain in answer.domains)
            guests = f"{counted(len(answer.domains), 'domain')}, {running} running"
            yield ok("libvirt", f"{target.name} ({target.uri}): libvirt {answer.libvirt_version}, {guests}")
        else:
            yield bad("libvirt", f"{target.name} ({target.uri}): {answer}")


def _directory(settings: Settings) -> Directory | None:
    """The directory as it is now, or as it was last kept."""
    try:
        return directory.read_once(settings.directory)
    except SourceError:
        kept = keep.restore(ReadOnlyShelf(settings.state))[0].get(SourceKey("directory", settings.directory.base))
        return kept if isinstance(kept, Directory) else None


def service(settings: Settings) -> Iterable[Check]:
    """The running service: whether it answers, how old what it knows is, what is held, what is wrong."""
    asked = Service(settings, advice="", timeout=10.0)
    try:
        ready = json.loads(asked.ask("GET", "/health/ready").body)
        findings = asked.get_json("/findings")["findings"]
    except EnclumeError as error:
        yield bad("service", str(error))
        return
    except (ValueError, LookupError, TypeError) as error:
        yield bad("service", f"{asked.url}: something else than Enclume answers there ({error})")
        return
    yield _answers(asked.url, ready)
    yield from _sources(ready["sources"])
    for problem in ready["problems"]:
        yield bad("service", problem)
    if ready["held"]:
        number = ready["held"]["number"]
        yield warn("service", f"generation {number} is held: review it with `enclume approve`")
    yield from findings_of(findings, asked.url, lambda certname: _is_served(asked, certname))


def _answers(url: str, ready: Mapping[str, Any]) -> Check:
    if ready["ready"]:
        return ok("service", f"{url}: generation {ready['generation']} answers for {counted(ready['nodes'], 'node')}")
    return bad("service", f"{url}: has no answers yet; the lines about ldap and libvirt say why")


def _sources(sources: Iterable[Mapping[str, Any]]) -> Iterable[Check]:
    for source in sources:
        if source["error"]:
            known = "never read" if source["age"] is None else f"last read {duration(source['age'])} ago"
            yield bad("service", f"{source['kind']} {source['target']}: {known}: {source['error']}")


def _is_served(asked: Service, certname: str) -> bool | None:
    """Whether the service has an answer for this node; None where it does not say."""
    try:
        status = asked.ask("GET", f"/enc/{quote(certname, safe='')}").status
    except SourceError:
        return None
    return {200: True, 503: False}.get(status)


def findings_of(
    findings: list[Mapping[str, Any]], url: str, is_served: Callable[[str], bool | None]
) -> Iterable[Check]:
    """What is wrong, first where a node's answer is held up. `is_served` says whether a node has an older one."""
    if not findings:
        yield ok("findings", "nothing is wrong with what LDAP and the rules state")
    for finding in sorted(findings, key=lambda one: not one["holds"])[:_FINDINGS]:
        who = f"{finding['certname']}: " if finding["certname"] else ""
        where = f"{finding['where']} {finding['what']}".strip()
        sentence = f"{who}{finding['code']}, {where}: {finding['message']}"
        if not finding["holds"]:
            yield warn("findings", sentence)
            continue
        served = is_served(finding["certname"])
        if served is False:
            yield bad("findings", f"{sentence} (it has no answer until that is corrected)")
        else:
            yield warn("findings", f"{sentence} (it keeps its last answer{'' if served else ', if it has one'})")
    if len(findings) > _FINDINGS:
        yield warn("findings", f"{len(findings) - _FINDINGS} more of them: {url}/findings")
