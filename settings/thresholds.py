"""Thresholds: where a verdict turns from ok to warning and to critical; for all, for one site, for one host."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

Bytes = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Factor = Annotated[float, Meta(ge=1)]
Overrides = Mapping[str, Mapping[str, float]]

GIB, MIB = 2**30, 2**20


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The thresholds that hold for one host (`thresholds`)."""

    disk_bytes: Annotated[Bytes, Meta(description="data: largest virtual disk of a guest")] = 64 * GIB
    local_logs_bytes: Annotated[Bytes, Meta(description="data: most logs that a guest may keep on its disks")] = (
        64 * MIB
    )
    monitor_seconds: Annotated[
        Seconds, Meta(description="placement: seconds for which a guest's monitor may be busy with one job")
    ] = 10.0
    vcpus_per_cpu: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="capacity: guests' vCPUs for each CPU of a hypervisor")
    ] = 4.0
    reserve_bytes: Annotated[Bytes, Meta(description="capacity: memory that a hypervisor needs for itself")] = 2 * GIB
    imbalance: Annotated[
        Share, Meta(description="capacity: share of memory by which two hypervisors of a site may differ in load")
    ] = 0.5
    copy_seconds: Annotated[
        Seconds,
        Meta(description="capacity: age at which a container's copy no longer counts, where no enclumeMaxAge says"),
    ] = 32 * 86400.0
    backup_critical: Annotated[
        Factor, Meta(description="backup: how many times enclumeMaxAge is critical; beyond once is a warning")
    ] = 2.0
    backup_shrunk: Annotated[
        Share, Meta(description="backup: share of the size before that a backup must have, or it is far smaller")
    ] = 0.5
    nfsd_enqueued: Annotated[
        Share, Meta(description="storage: share of packets that may wait for a thread of the NFS server")
    ] = 0.1
    nfsd_renew_seconds: Annotated[
        Seconds, Meta(description="storage: seconds for which an NFS client may not have renewed its lease")
    ] = 180.0
    mirror_warning: Annotated[Seconds, Meta(description="mirror: seconds out of sync that are a warning")] = 300.0
    mirror_critical: Annotated[Seconds, Meta(description="mirror: seconds out of sync that are critical")] = 3600.0
    run_seconds: Annotated[
        Seconds, Meta(description="puppet: seconds within which a node must have run; twice as many are critical")
    ] = 7200.0
    observation_seconds: Annotated[
        Seconds, Meta(description="sources: seconds after which what enclume-observe said of a host is too old")
    ] = 600.0
    source_warning: Annotated[
        Seconds, Meta(description="sources: seconds without a reading of LDAP or of a hypervisor that are a warning")
    ] = 60.0
    source_critical: Annotated[
        Seconds, Meta(description="sources: seconds without a reading of LDAP or of a hypervisor that are critical")
    ] = 900.0


OF_A_SITE = ("imbalance", "copy_seconds", "mirror_warning", "mirror_critical")
"""The thresholds of what is judged for a whole site: no host has its own."""


class ThresholdSettings(Thresholds, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The thresholds of all hosts, and those that differ (`thresholds`)."""

    sites: Annotated[Overrides, Meta(description="thresholds of one site, by its name")] = {}
    hosts: Annotated[
        Overrides,
        Meta(
            description="thresholds of one host, by its certname; they beat its site's. "
            "imbalance, copy_seconds and mirror_* are a site's alone"
        ),
    ] = {}

    def __post_init__(self) -> None:
        for name in Thresholds.__struct_fields__:
            if not isfinite(getattr(self, name)):
                raise ValueError(f"`{name}` is {getattr(self, name)}: expected a number")
        for key, overrides in (("sites", self.sites), ("hosts", self.hosts)):
            for name, stated in overrides.items():
                self._check(f"{key}.{name}", stated)

    def _check(self, where: str, stated: Mapping[str, float]) -> None:
        for name, value in stated.items():
            if name not in Thresholds.__struct_fields__:
                known = ", ".join(Thresholds.__struct_fields__)
                raise ValueError(f"`{where}.{name}` is no threshold: expected one of {known}")
            if where.startswith("hosts.") and name in OF_A_SITE:
                raise ValueError(f"`{where}.{name}` is of a whole site: state `sites.SITE.{name}` or `{name}`")
            if not isfinite(value):
                raise ValueError(f"`{where}.{name}` is {value}: expected a number")
            try:
                msgspec.convert({name: int(value) if value == int(value) else value}, Thresholds)
            except msgspec.ValidationError as error:
                raise ValueError(f"`{where}.{name}` is {value}: {str(error).partition(' - at')[0]}") from error

    def of(self, site: str | None, host: str | None = None) -> Thresholds:
        """The thresholds of a site (by name), or of a host there (by certname)."""
        stated = {**self.sites.get(site or "", {}), **self.hosts.get(host or "", {})}
        return replace(self, **stated) if stated else self
