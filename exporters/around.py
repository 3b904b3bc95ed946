"""What the text of a host may rest on beside its picture: the same for all hosts, so that it changes seldom."""

from collections.abc import Mapping

from msgspec import Struct

from audit.view import View
from facts.estate import Estate
from settings.thresholds import ThresholdSettings


class Around(Struct, frozen=True):
    """`site_of`: the name of each hypervisor's site by certname, "" for none; `thresholds`: the settings'."""

    site_of: Mapping[str, str]
    thresholds: ThresholdSettings


def around(view: View, estate: Estate) -> Around:
    """What surrounds every host of a view."""
    return Around(sites_of_hypervisors(estate), view.situation.settings.thresholds)


def sites_of_hypervisors(estate: Estate) -> dict[str, str]:
    """The site's name of each hypervisor that is or should be read, "" for none."""
    nodes = ((name, estate.nodes.get(name)) for name in {*estate.hypervisors, *(one.name for one in estate.targets)})
    return {name: node.site.name if node and node.site else "" for name, node in nodes}
