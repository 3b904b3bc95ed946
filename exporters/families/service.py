"""The service itself: what it stands by, and what its sources are worth.

enclume_build_info{version="0.1.0",libvirt="12.8.0"} 1
enclume_generation 1
enclume_generation_held 0
enclume_generation_timestamp_seconds 1764244800
enclume_nodes 8
enclume_node_finding{certname="web.lab.test",finding="dangling_reference"} 1
enclume_source_up{site="",source="directory",target="dc=lab,dc=test"} 1
enclume_source_last_success_timestamp_seconds{site="",source="directory",target="dc=lab,dc=test"} 1764244798
enclume_source_duration_seconds{site="",source="directory",target="dc=lab,dc=test"} 0.004
"""

from collections.abc import Iterable

from exporters.family import Rendered, gauge
from exporters.scrape import Seen
from facts.source import SourceKey

_SOURCE = ("site", "source", "target")

BUILD = gauge("build_info", "version", "libvirt", tells="The versions of Enclume and of the libvirt that it uses.")
GENERATION = gauge("generation", tells="The number of the generation of answers that is served.")
HELD = gauge("generation_held", tells="Whether the guard holds a newer generation of answers.")
BUILT = gauge("generation_timestamp_seconds", tells="When the generation that is served was built.")
NODES = gauge("nodes", tells="How many nodes the directory has.")
FINDING = gauge(
    "node_finding", "certname", "finding", tells="1 for each thing that is wrong with what is stated of a node."
)
UP = gauge("source_up", *_SOURCE, tells="Whether the last reading of the source succeeded.")
READ = gauge("source_last_success_timestamp_seconds", *_SOURCE, tells="When the source was last read; 0: never.")
DURATION = gauge("source_duration_seconds", *_SOURCE, tells="How long the last reading of the source took.")

FAMILIES = (BUILD, GENERATION, HELD, BUILT, NODES, FINDING, UP, READ, DURATION)


def lines(seen: Seen) -> Rendered:
    """The samples of each family."""
    generation = seen.view.situation.now.generation
    return {
        BUILD: BUILD.line(1, seen.scrape.version, seen.scrape.libvirt),
        GENERATION: GENERATION.line(generation.number),
        HELD: HELD.line(generation.hold is not None),
        BUILT: BUILT.line(generation.built_at),
        NODES: NODES.line(len(seen.estate.nodes)),
        FINDING: "".join(_findings(seen)),
        **_sources(seen),
    }


def _findings(seen: Seen) -> Iterable[str]:
    """What is wrong with each node, by code; a node that has one twice has it once."""
    nodes = seen.estate.nodes
    # Findings are sorted, so these are too; sorting them here would keep the interpreter from those who answer.
    found = dict.fromkeys((one.certname, one.code) for one in seen.view.situation.now.findings if one.certname)
    for certname, code in found:
        node = nodes.get(certname)
        if seen.wants(node.site.name if node and node.site else ""):
            yield FINDING.line(1, certname, code)


def _sources(seen: Seen) -> Rendered:
    up, read, duration = [], [], []
    for key, fresh in sorted(seen.scrape.freshness.items()):
        site = _site(seen, key)
        if seen.wants(site):
            labels = (site, key.kind, key.target)
            up.append(UP.line(bool(fresh.read_at) and not fresh.error, *labels))
            read.append(READ.line(fresh.read_at, *labels))
            if fresh.took:
                duration.append(DURATION.line(fresh.took, *labels))
    return {UP: "".join(up), READ: "".join(read), DURATION: "".join(duration)}


def _site(seen: Seen, key: SourceKey) -> str:
    node = seen.estate.nodes.get(key.target) if key.kind == "inventory" else None
    return node.site.name if node and node.site else ""
