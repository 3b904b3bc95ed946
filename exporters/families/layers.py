"""Where layer 1 uses guests.

enclume_layer_violation{site="angers",host="archive.lab.test",provider="mail.lab.test",effect="boot"} 1
"""

from audit.layers_found import Layers
from exporters.family import Rendered, gauge
from exporters.scrape import Seen

VIOLATION = gauge(
    "layer_violation",
    "site",
    "host",
    "provider",
    "effect",
    tells="By how many paths a host of layer 1 uses a provider in layer 2, and what its absence does.",
)

FAMILIES = (VIOLATION,)


def lines(seen: Seen) -> Rendered:
    """The samples, from what the check of the layers found; none while it could not be made."""
    return {
        VIOLATION: "".join(
            VIOLATION.line(path.paths, path.site, path.host, path.provider, path.effect)
            for found in seen.details(Layers)
            for path in found.paths
            if seen.wants(path.site)
        )
    }
