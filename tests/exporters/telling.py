"""What Prometheus is told of a scene, as text and as its own parser reads it."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from audit.all import JudgedGroup
from audit.verdict import Judged, Verdict
from exporters.counts import Counts
from exporters.exposition import Exposition
from exporters.scrape import Scrape
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import Scene

Sample = tuple[str, frozenset[tuple[str, str]]]


def scrape(scene: Scene, counts: Counts | None = None, stated: tuple[Verdict, ...] = ()) -> Scrape:
    """A scrape of the scene as it is now, and of some verdicts more."""
    audited = scene.audit()
    return Scrape(
        audited=replace(audited, groups={**audited.groups, ("enc", "stated"): JudgedGroup((), Judged(stated))}),
        freshness=dict(scene.freshness),
        counts=counts or Counts(),
        version="0.1.0",
        libvirt="12.8.0",
    )


def told(scene: Scene, site: str = "", exposition: Exposition | None = None, **more: Any) -> str:
    """The whole text; nobody else works here, so that it need not breathe. `more` is for `scrape`."""
    pieces = (exposition or Exposition(breathe=lambda: None)).pieces(scrape(scene, **more), site)
    assert pieces is not None
    return b"".join(pieces).decode()


def samples(text: str) -> dict[Sample, float]:
    """Every sample by its name and labels, as prometheus-client's parser reads them; each but once."""
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def values(text: str, name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric (without our prefix) that have these labels, by the values of their other labels, which
    are sorted by the labels' names.
    """
    return {
        tuple(value for label, value in sorted(key) if label not in labels): value
        for (metric, key), value in samples(text).items()
        if metric == f"enclume_{name}" and labels.items() <= dict(key).items()
    }


def read_at(at: float, **targets: str) -> Mapping[SourceKey, Freshness]:
    """Targets by name that were read then; each is an inventory or what else is said."""
    return {SourceKey(kind, target): Freshness(at) for target, kind in targets.items()}  # type: ignore[arg-type]
