"""What the text of a host may rest on beside its picture: the same for all hosts, so that it changes seldom."""

from collections.abc import Mapping

from msgspec import Struct

from audit.all import View
from facts.estate import Estate
from facts.observatory import HostSeen
from settings.thresholds import ThresholdSettings


class Around(Struct, frozen=True):
    """- `site_of`: the name of each hypervisor's site, by certname.
    - `backup_servers`, `copiers`: the hosts that have said what backups, or copies of containers, they keep.
    - `runs`: whether anybody tells of Puppet runs at all.
    """

    site_of: Mapping[str, str]
    backup_servers: frozenset[str]
    copiers: frozenset[str]
    runs: bool
    thresholds: ThresholdSettings


def around(view: View, estate: Estate) -> Around:
    """What surrounds every host of a view."""
    situation = view.situation
    return Around(
        site_of=sites_of_hypervisors(estate),
        backup_servers=_speakers(situation.observations, "backups"),
        copiers=_speakers(situation.observations, "containers"),
        runs=bool(situation.runs),
        thresholds=situation.settings.thresholds,
    )


def sites_of_hypervisors(estate: Estate) -> dict[str, str]:
    """The site's name of each hypervisor that is or should be read, "" for none."""
    nodes = ((name, estate.nodes.get(name)) for name in {*estate.hypervisors, *(one.name for one in estate.targets)})
    return {name: node.site.name if node and node.site else "" for name, node in nodes}


def _speakers(observations: Mapping[str, HostSeen], kind: str) -> frozenset[str]:
    return frozenset(name for name, seen in observations.items() if kind in seen.seen_at)
