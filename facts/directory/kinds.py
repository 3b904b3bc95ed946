"""Entries read as hosts, services, profiles and sites (`docs/schema.md`)."""

from facts.certname import is_certname
from facts.directory import fields
from facts.directory.entries import Entry
from facts.directory.names import normalise, parent
from facts.directory.reading import Read, Reading, finish, name_of
from facts.directory.statements import Reader
from facts.estate import Host, Intent, Kind, Profile, Service, Site
from settings import DirectorySettings


def readings(settings: DirectorySettings) -> tuple[Reading, ...]:
    """What is read below each search base. Services come first: a search base may lie within another."""
    host_classes = frozenset({"puppetclient", "enclumehost", "device", "iphost"})
    return (
        Reading(normalise(settings.services_base), frozenset({"enclumeservice"}), _service),
        Reading(normalise(settings.profiles_base), frozenset({"puppetclient", "enclumeprofile"}), _profile),
        Reading(normalise(settings.sites_base), frozenset({"enclumesite"}), _site),
        Reading(normalise(settings.hosts_base), host_classes, _host),
    )


def _host(entry: Entry) -> Read:
    reader = Reader(entry)
    reader.read_statements()
    certname = name_of(entry, "cn").lower()
    if not is_certname(certname):
        reader.wrong("bad_name", "cn", f"{certname!r} is no certname: lower case letters, digits, `.`, `_` and `-`")
    host = Host(
        dn=entry.dn,
        key=entry.key,
        name=certname,
        kind=fields.choice(reader, "enclumeKind", Kind),
        layer=fields.layer(reader),
        site=fields.name(reader, "enclumeAtSite"),
        libvirt_uri=entry.first("enclumelibvirturi"),
        domain_uuid=fields.domain_uuid(reader),
        production=fields.name(reader, "enclumeProduction"),
        backup=fields.name(reader, "enclumeBackup"),
        intent=fields.choice(reader, "enclumeIntent", Intent) or "running",
        requires=fields.names(reader, "enclumeRequires"),
        addresses=fields.addresses(reader),
        profile=entry.first("parentnode"),
        offers=fields.offers(reader),
        max_ages=fields.max_ages(reader),
    )
    return finish(reader, host)


def _service(entry: Entry) -> Read:
    reader = Reader(entry)
    reader.read_statements()
    site = fields.name(reader, "enclumeAtSite")
    service = Service(
        dn=entry.dn,
        key=entry.key,
        name=name_of(entry, "cn"),
        of=parent(entry.key) if site else None,
        site=site,
        provides=fields.provides(reader),
        requires=fields.names(reader, "enclumeRequires"),
        public=fields.boolean(reader, "enclumePublic"),
        offers=fields.offers(reader),
        max_ages=fields.max_ages(reader),
    )
    return finish(reader, service, fields.names(reader, "member", holds=False))


def _profile(entry: Entry) -> Read:
    reader = Reader(entry)
    reader.read_statements()
    return finish(
        reader, Profile(dn=entry.dn, key=entry.key, name=name_of(entry, "cn"), parent=entry.first("parentnode"))
    )


def _site(entry: Entry) -> Read:
    reader = Reader(entry)
    reader.read_statements()
    site = Site(
        dn=entry.dn,
        key=entry.key,
        name=name_of(entry, "ou", "cn"),
        networks=fields.networks(reader),
        max_ages=fields.max_ages(reader),
    )
    return finish(reader, site)
