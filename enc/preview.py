"""Preview: what each node's answer would gain and lose if the directory changed."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from enc.answer import Answer, Result
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
    before: Estate, results: Mapping[str, Result], after: Estate, results_after: Mapping[str, Result]
) -> tuple[Difference, ...]:
    """Compare the answers of an estate (`results`) with those of the estate after a change (`results_after`). Pure."""
    differences = []
    for certname in sorted(before.nodes.keys() | after.nodes.keys()):
        if before.nodes.get(certname) is after.nodes.get(certname):
            continue
        old, new = results.get(certname, _ABSENT), results_after.get(certname, _ABSENT)
        known = {finding.message for finding in old.findings}
        findings = tuple(finding.message for finding in new.findings if finding.message not in known)
        kept = new is not _ABSENT and new.answer is None
        difference = compare(certname, old.answer, old.answer if kept else new.answer, findings)
        if kept or difference.differs or (old is _ABSENT) != (new is _ABSENT):
            differences.append(difference)
    return tuple(differences)


_ABSENT = Result(None, ())


def compare(certname: str, old: Answer | None, new: Answer | None, findings: tuple[str, ...] = ()) -> Difference:
    """What one node's answer gains, loses and changes."""
    was, becomes = _flat(old), _flat(new)
    return Difference(
        certname,
        new is not None,
        tuple(Change(path, after=becomes[path]) for path in sorted(becomes.keys() - was.keys())),
        tuple(Change(path, before=was[path]) for path in sorted(was.keys() - becomes.keys())),
        tuple(_changed(was, becomes)),
        findings,
    )


def _changed(was: Mapping[str, Any], becomes: Mapping[str, Any]) -> Iterable[Change]:
    for path in sorted(was.keys() & becomes.keys()):
        if was[path] != becomes[path]:
            yield Change(path, was[path], becomes[path])


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
    offers = msgspec.json.decode(given.shown)["member"].get("offers", {})
    flat |= {f"offer {name}": value for name, value in offers.items()}
    return flat | ({"environment": document["environment"]} if "environment" in document else {})
