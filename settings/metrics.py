"""What Prometheus is told, and where the exporters of the hosts listen."""

from typing import Annotated

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]


class PortSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The ports that service discovery tells (`metrics.ports`), by job."""

    node: Annotated[Port, Meta(description="port of node_exporter, on every host")] = 9100
    libvirt: Annotated[Port, Meta(description="port of prometheus-libvirt-exporter, on hypervisors")] = 9177
    puppet: Annotated[Port, Meta(description="port of an exporter of the Puppet agent, on every node")] = 9819


class MetricsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What Prometheus is told (`metrics`)."""

    ports: Annotated[PortSettings, Meta(description="ports in the targets of /sd/JOB")] = PortSettings()
    legacy_names: Annotated[
        bool, Meta(description="tell of Puppet runs also under the names of Puppet's own reporter (puppet_report, …)")
    ] = False
