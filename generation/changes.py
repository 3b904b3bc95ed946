"""Changes before they happen: what an LDIF would do to the answers, and what the guard holds back."""

from msgspec import Struct
from msgspec.structs import replace

from enc.preview import Difference, compare, preview
from enc.rules import Rules
from facts.directory import ldif
from facts.directory.apply import apply
from facts.directory.meaning import understand
from facts.join import Joined, join
from generation.build import build, classify_all
from generation.generation import Generation
from generation.now import Now
from settings import Settings


class Previewed(Struct, frozen=True):
    """What a change would do, node by node; `reasons` are why the guard would hold it, () when it would not."""

    nodes: tuple[Difference, ...]
    reasons: tuple[str, ...]


def preview_ldif(now: Now, rules: Rules, settings: Settings, text: str) -> Previewed | None:
    """What an LDIF would change; None before an estate is known. Raises `LdifError`."""
    if now.seen is None or now.estate is None:
        return None
    directory = apply(now.seen.directory, ldif.parse(text))
    meaning = understand(directory, settings.directory, now.seen.meaning)
    seen = replace(now.seen, directory=directory, meaning=meaning)
    after = join(seen, settings, now.estate.remembered, rules.fact_names, Joined(now.estate)).estate
    classification = classify_all(after, rules, settings.answer, now.classification)
    generation = build(now.generation, classification, len(directory.entries), settings.guard)
    hold = generation.hold if generation.hold is not now.generation.hold else None
    differences = preview(now.estate, now.classification.results, after, classification.results)
    return Previewed(differences, tuple(hold.reasons.values()) if hold else ())


def held_differences(generation: Generation) -> tuple[Difference, ...]:
    """What the held answers would change, node by node."""
    changes = generation.hold.changes if generation.hold else {}
    return tuple(compare(certname, generation.answers.get(certname), new) for certname, new in changes.items())
