"""Preview: what each node's answer would gain and lose if the directory changed."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from enc.answer import Answer, Result
from enc.classify import HIDDEN, NOTHING
from enc.topology import NOT_SHOWN
from facts.estate import Estate


class Change(Struct, frozen=True):
    """One thing of an answer that would be gained, lost or changed: its path, and its value before and after."""

    path: str
    before: Any = None
    after: Any = None


class Difference(Struct, frozen=True):
    """What would change for one node; `answered`: whether it has an answer then. `findings` are the new ones'
    sentences.
    """

    certname: str
    answered: bool
    gains: tuple[Change, ...]
    loses: tuple[Change, ...]
    changes: tuple[Change, ...]
    findings: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether anything of the answer is different."""
        return bool(self.gains or self.loses or self.changes)


def preview(
    before: Estate,
    results: Mapping[str, Result],
    after: Estate,
    results_after: Mapping[str, Result],
    sensitive: frozenset[str] = NOTHING,
) -> tuple[Difference, ...]:
    """Compare the answers of an estate (`results`) with those of the estate after a change (`results_after`); values of
    the class parameters that are secrets (`sensitive`) are left out. Pure.
    """
    differences = []
    for certname in sorted(before.nodes.keys() | after.nodes.keys()):
        if before.nodes.get(certname) is after.nodes.get(certname):
            continue
        old, new = results.get(certname, _ABSENT), results_after.get(certname, _ABSENT)
        known = {finding.message for finding in old.findings}
        findings = tuple(finding.message for finding in new.findings if finding.message not in known)
        kept = new is not _ABSENT and new.answer is None
        difference = compare(certname, old.answer, old.answer if kept else new.answer, findings, sensitive)
        if kept or difference.differs or (old is _ABSENT) != (new is _ABSENT):
            differences.append(difference)
    return tuple(differences)


_ABSENT = Result(None, ())


def compare(
    certname: str,
    old: Answer | None,
    new: Answer | None,
    findings: tuple[str, ...] = (),
    sensitive: frozenset[str] = NOTHING,
) -> Difference:
    """What one node's answer gains, loses and changes; values of secrets (`sensitive`) are left out."""
    secrets = {f"parameter {name}" for name in sensitive}
    was, becomes = _flat(old), _flat(new)
    return Difference(
        certname,
        new is not None,
        tuple(_gained(path, becomes[path], secrets) for path in sorted(becomes.keys() - was.keys())),
        tuple(_lost(path, was[path], secrets) for path in sorted(was.keys() - becomes.keys())),
        tuple(_changed(was, becomes, secrets)),
        findings,
    )


def _gained(path: str, value: Any, secrets: Container[str]) -> Change:
    return Change(path, after=HIDDEN if path in secrets else value)


def _lost(path: str, value: Any, secrets: Container[str]) -> Change:
    return Change(path, before=HIDDEN if path in secrets else value)


def _changed(was: Mapping[str, Any], becomes: Mapping[str, Any], secrets: Container[str]) -> Iterable[Change]:
    for path in sorted(was.keys() & becomes.keys()):
        if was[path] != becomes[path]:
            yield Change(path, HIDDEN, HIDDEN) if path in secrets else Change(path, was[path], becomes[path])


def _flat(given: Answer | None) -> dict[str, Any]:
    """An answer as one value for each class, parameter, variable, and each word of `enclume`."""
    if given is None:
        return {}
    document = msgspec.json.decode(given.body)
    flat = {f"class {name}": value for name, value in document["classes"].items()}
    flat |= {f"parameter {name}": value for name, value in msgspec.json.decode(given.parameters).items()}
    variables = dict(document["parameters"])
    flat |= {f"$enclume.{name}": value for name, value in variables.pop("enclume").items()}
    flat |= {f"${name}": value for name, value in variables.items()}
    flat |= _shown(given)
    return flat | ({"environment": document["environment"]} if "environment" in document else {})


def _shown(given: Answer) -> dict[str, Any]:
    """What other nodes see of the node and its own answer does not say; nothing where an older version kept it."""
    if given.shown == NOT_SHOWN:
        return {}
    shown = msgspec.json.decode(given.shown)
    member, guest = shown.pop("member"), shown.pop("guest", None) or {}
    offers = {f"offer {name}": value for name, value in member.pop("offers", {}).items()}
    told = {**shown, **member, **guest}
    return offers | {f"shown {name}": value for name, value in told.items() if value and name not in _IN_THE_ANSWER}


_IN_THE_ANSWER = ("key", "site", "services", "kind", "layer", "hypervisor")
"""And its DN, which nobody is told."""
