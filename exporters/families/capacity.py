"""What hypervisors have and have promised, and whether a site survives the loss of one.

enclume_hypervisor_memory_bytes{site="angers",hypervisor="kvm1.lab.test"} 68719476736
enclume_hypervisor_memory_committed_bytes{site="angers",hypervisor="kvm1.lab.test"} 2147483648
enclume_hypervisor_memory_failover_bytes{site="angers",hypervisor="kvm1.lab.test"} 3221225472
enclume_hypervisor_vcpus_committed{site="angers",hypervisor="kvm1.lab.test"} 4
enclume_hypervisor_cpus{site="angers",hypervisor="kvm1.lab.test"} 16
enclume_site_imbalance_ratio{site="angers"} 0.015625
enclume_site_survives_hypervisor_loss{site="angers",hypervisor="kvm1.lab.test"} 1
"""

from collections.abc import Callable, Iterator

from audit.capacity import HypervisorLoad, SiteLoad
from exporters.family import Family, Rendered, gauge
from exporters.scrape import Seen

_OF = ("site", "hypervisor")

MEMORY = gauge("hypervisor_memory_bytes", *_OF, tells="The memory of the hypervisor.")
COMMITTED = gauge("hypervisor_memory_committed_bytes", *_OF, tells="The memory that is promised to its guests.")
FAILOVER = gauge(
    "hypervisor_memory_failover_bytes", *_OF, tells="The memory that its guests need if its worst partner dies."
)
VCPUS = gauge("hypervisor_vcpus_committed", *_OF, tells="The virtual CPUs that are promised to its guests.")
CPUS = gauge("hypervisor_cpus", *_OF, tells="The CPUs of the hypervisor.")
IMBALANCE = gauge("site_imbalance_ratio", "site", tells="The share of memory by which two hypervisors differ in load.")
SURVIVES = gauge(
    "site_survives_hypervisor_loss", *_OF, tells="Whether the guests of this hypervisor fit on the others of the site."
)

FAMILIES = (MEMORY, COMMITTED, FAILOVER, VCPUS, CPUS, IMBALANCE, SURVIVES)

_FIGURES: dict[Family, Callable[[HypervisorLoad], float]] = {
    MEMORY: lambda load: load.memory_bytes,
    COMMITTED: lambda load: load.memory_committed_bytes,
    FAILOVER: lambda load: load.memory_failover_bytes,
    VCPUS: lambda load: load.vcpus_committed,
    CPUS: lambda load: load.cpus,
}


def lines(seen: Seen) -> Rendered:
    """The samples of each family; whether a loss would be survived is not told where that is not known."""
    loads = [(site, name, load) for site, of in _sites(seen) for name, load in sorted(of.hypervisors.items())]
    # A hypervisor that was never read has no memory that anybody knows of.
    read = [(site, name, load) for site, name, load in loads if load.memory_bytes]
    figures = {
        family: "".join(family.line(figure(load), site, name) for site, name, load in read)
        for family, figure in _FIGURES.items()
    }
    return {
        **figures,
        IMBALANCE: "".join(IMBALANCE.line(of.imbalance, site) for site, of in _sites(seen)),
        SURVIVES: "".join(
            SURVIVES.line(load.survives, site, name) for site, name, load in loads if load.survives is not None
        ),
    }


def _sites(seen: Seen) -> Iterator[tuple[str, SiteLoad]]:
    for (check, site), group in seen.scrape.audited.groups.items():
        if check == "capacity" and isinstance(group.judged.details, SiteLoad) and seen.wants(site):
            yield site, group.judged.details
