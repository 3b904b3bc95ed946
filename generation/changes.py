"""Changes before they happen: what an LDIF would do to the answers, and what the guard holds back."""

from msgspec import Struct
from msgspec.structs import replace

from enc.classify import NOTHING
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
    classification = classify_all(
        after, rules, settings.answer, now.classification, sensitive=now.classification.sensitive
    )
    generation = build(now.generation, classification, len(directory.entries), settings.guard)
    hold = generation.hold if generation.hold is not now.generation.hold else None
    differences = preview(
        now.estate, now.classification.results, after, classification.results, classification.sensitive
    )
    return Previewed(differences, tuple(hold.reasons.values()) if hold else ())


def held_differences(generation: Generation, sensitive: frozenset[str] = NOTHING) -> tuple[Difference, ...]:
    """What the held answers would change, node by node; values of secrets (`sensitive`) are left out."""
    changes = generation.hold.changes if generation.hold else {}
    answers = generation.answers
    return tuple(compare(name, answers.get(name), new, (), sensitive) for name, new in changes.items())
