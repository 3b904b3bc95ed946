"""Which hypervisors to read: those that the directory gives a URI, and those of the settings."""

from facts.estate import Declared, Host
from facts.findings import Finding
from facts.inventory.domains import HypervisorTarget
from facts.inventory.uri import parse_uri
from settings import Settings


def targets_of(declared: Declared, settings: Settings) -> tuple[tuple[HypervisorTarget, ...], tuple[Finding, ...]]:
    """The hypervisors to read, sorted by name, and what is wrong with those that are not read.

    A URI in the settings beats the directory's. With `sites` in the settings, hypervisors of other sites are left to
    the instances there.
    """
    targets: dict[str, HypervisorTarget] = {}
    findings: list[Finding] = []
    for name, uri in _stated(declared, settings):
        try:
            accepted = parse_uri(uri, allow_test=settings.hypervisors.allow_test)
        except ValueError as error:
            where = _where(declared, settings, name)
            findings.append(Finding("bad_uri", *where, f"{error}; this hypervisor is not read", name))
        else:
            targets[name] = HypervisorTarget(name, str(accepted))
    return tuple(sorted(targets.values())), tuple(findings)


def _stated(declared: Declared, settings: Settings) -> list[tuple[str, str]]:
    ours = {site.key for site in declared.sites.values() if site.name in settings.sites}
    stated = {
        host.name: host.libvirt_uri
        for host in _with_uri(declared)
        if host.libvirt_uri and (not settings.sites or host.site in ours)
    }
    return sorted((stated | dict(settings.hypervisors.uris)).items())


def _where(declared: Declared, settings: Settings, name: str) -> tuple[str, str]:
    if name in settings.hypervisors.uris:
        return "settings", f"hypervisors.uris.{name}"
    return next(host.dn for host in reversed(_with_uri(declared)) if host.name == name), "enclumeLibvirtURI"


def _with_uri(declared: Declared) -> list[Host]:
    """The hosts that state a URI, in one order: of two with one certname, the last counts."""
    return sorted(
        (host for host in declared.hosts.values() if host.libvirt_uri), key=lambda host: host.key, reverse=True
    )
