"""A generated estate: sites, hypervisors, guests and services in believable proportions, of any size.

Of 10,000 nodes on 200 hypervisors, 9,700 are guests, spread over 20 sites; every node is a member of a few services,
one of which has all of them.
"""

from collections.abc import Iterator

from msgspec import Struct

BASE = "dc=bench,dc=test"
MAX_AGES = ("data/daily=26", "data/weekly=192", "system/daily=26", "system/weekly=192")
COPIED_AGES = ("system/daily=26", "system/weekly=192", "system/monthly=768", "container/monthly=768")
"""What is expected where guests have copies: data are then saved on the NFS server, as its system."""
PHYSICAL = ("nfs", "dns", "log", "ldap", "backup")
"""The physical hosts of each site."""
SERVICES = ("web_hosting", "mail", "lists", "compute", "shares", "licences", "webmail", "svn")


class Size(Struct, frozen=True):
    """How large an estate is. Physical hosts (NFS, DNS…) come with the sites: five each. `copies`: each guest has one,
    off, on the next hypervisor of its site.
    """

    nodes: int
    hypervisors: int
    sites: int
    copies: bool = False

    @property
    def guests(self) -> int:
        """How many of the nodes are guests."""
        return self.nodes - self.hypervisors - 5 * self.sites


LARGE = Size(nodes=10_000, hypervisors=200, sites=20)
SMALL = Size(nodes=50, hypervisors=4, sites=1)
WHOLE = Size(nodes=10_300, hypervisors=200, sites=20, copies=True)
"""Of 10,000 guests, with all that a real estate has."""


def hypervisor(number: int) -> str:
    """The certname of a hypervisor."""
    return f"kvm{number:03d}.bench.test"


def guest(number: int) -> str:
    """The certname of a guest."""
    return f"vm{number:05d}.bench.test"


def physical(kind: str, site: int) -> str:
    """The certname of a physical host."""
    return f"{kind}{site:02d}.bench.test"


def guest_uuid(number: int) -> str:
    """The UUID of a guest's domain."""
    return f"5a000000-0000-4000-8000-{number:012x}"


def host_dn(certname: str) -> str:
    """The DN of a host."""
    return f"cn={certname},ou=hosts,{BASE}"


def service_dn(name: str) -> str:
    """The DN of a service."""
    return f"cn={name},ou=services,{BASE}"


def hypervisor_of(number: int, size: Size) -> int:
    """The number of the hypervisor that runs a guest."""
    return number % size.hypervisors


def site_of(number: int, size: Size) -> int:
    """The number of a guest's site."""
    return hypervisor_of(number, size) % size.sites


def partner_of(hypervisor: int, size: Size) -> int:
    """The next hypervisor of the same site, which has the copies."""
    return (hypervisor + size.sites) % size.hypervisors


def address_of(number: int, size: Size) -> str:
    """A guest's address."""
    return f"10.{site_of(number, size)}.{2 + number // 250 % 250}.{number % 250 + 1}"


def certnames(size: Size) -> Iterator[str]:
    """Every node."""
    yield from map(guest, range(size.guests))
    yield from map(hypervisor, range(size.hypervisors))
    yield from (physical(kind, site) for kind in PHYSICAL for site in range(size.sites))


def ldif(size: Size) -> str:
    """The whole directory as LDIF, containers included."""
    return "\n\n".join(_records(size)) + "\n"


def _records(size: Size) -> Iterator[str]:
    yield f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: bench\ndc: bench"
    for unit in ("sites", "hosts", "profiles", "services"):
        yield f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}"
    yield from (_site(number, size) for number in range(size.sites))
    yield from _profiles()
    yield from (_hypervisor(number, size) for number in range(size.hypervisors))
    yield from (_physical(site, kind) for site in range(size.sites) for kind in PHYSICAL)
    yield from (_guest(number, size) for number in range(size.guests))
    yield from _services(size)


def _site(number: int, size: Size) -> str:
    return (
        f"dn: ou=site{number:02d},ou=sites,{BASE}\nobjectClass: organizationalUnit\nobjectClass: enclumeSite\n"
        f"objectClass: puppetClient\nou: site{number:02d}\npuppetClass: base\n"
        f"enclumeNetwork: internal=internal 10.{number}.0.0/16 natnet\n"
        f"enclumeNetwork: public=public 192.0.2.0/24 br-pub\n"
        f'enclumeParameter: base::timezone="Europe/Paris"\nenclumeParameter: base::domains+=["site{number:02d}.test"]\n'
        + "\n".join(f"enclumeMaxAge: {age}" for age in (COPIED_AGES if size.copies else MAX_AGES))
    )


def _profiles() -> Iterator[str]:
    for name, parent in (("linux", ""), ("debian", "linux"), ("vm", "debian")):
        above = f"parentNode: {parent}\n" if parent else ""
        yield (
            f"dn: cn={name},ou=profiles,{BASE}\nobjectClass: device\nobjectClass: puppetClient\n"
            f"objectClass: enclumeProfile\ncn: {name}\n{above}puppetClass: profile_{name}\n"
            f'enclumeParameter: profile_{name}::level="{name}"\nenclumeParameter: base::domains+=["{name}.test"]'
        )


def _host(certname: str, site: int, kind: str, *more: str) -> str:
    lines = [
        f"dn: {host_dn(certname)}",
        "objectClass: device",
        "objectClass: ipHost",
        "objectClass: puppetClient",
        "objectClass: enclumeHost",
        f"cn: {certname}",
        f"enclumeKind: {kind}",
        f"enclumeAtSite: ou=site{site:02d},ou=sites,{BASE}",
        *more,
    ]
    return "\n".join(lines)


def _hypervisor(number: int, size: Size) -> str:
    site = number % size.sites
    return _host(hypervisor(number), site, "hypervisor", f"ipHostNumber: 10.{site}.1.{number // size.sites + 1}")


def _physical(site: int, kind: str) -> str:
    return _host(physical(kind, site), site, "physical", f"ipHostNumber: 10.{site}.0.{len(kind) + 10}")


def _guest(number: int, size: Size) -> str:
    home = hypervisor_of(number, size)
    address = f"ipHostNumber: {address_of(number, size)}"
    places = [f"enclumeProduction: {host_dn(hypervisor(home))}"]
    if size.copies:
        places.append(f"enclumeBackup: {host_dn(hypervisor(partner_of(home, size)))}")
    uuid = f"enclumeDomainUUID: {guest_uuid(number)}"
    more = ("parentNode: vm", "puppetVar: rack=a")
    return _host(guest(number), site_of(number, size), "guest", address, *places, uuid, *more)


def _services(size: Size) -> Iterator[str]:
    for kind in PHYSICAL:
        members = [host_dn(physical(kind, site)) for site in range(size.sites)]
        provides = ("dns", "ntp") if kind == "dns" else (kind,)
        yield _service(f"{kind}_server", members, *(f"enclumeProvides: {provided}" for provided in provides))
    everybody = [host_dn(guest(number)) for number in range(size.guests)]
    yield _service("every_guest", everybody, f"enclumeRequires: {service_dn('nfs_server')}")
    for position, name in enumerate(SERVICES):
        yield _service(name, everybody[position :: len(SERVICES)], f"enclumeParameter: {name}::port={8000 + position}")


def _service(name: str, members: list[str], *more: str) -> str:
    lines = [
        f"dn: {service_dn(name)}",
        "objectClass: enclumeService",
        "objectClass: puppetClient",
        f"cn: {name}",
        f"puppetClass: {name}",
        *more,
        *(f"member: {member}" for member in members),
    ]
    return "\n".join(lines)


def node_file(number: int, size: Size) -> str:
    """The libvirt test driver's node file of one hypervisor, with its guests running, and others' copies off."""
    guests = range(number, size.guests, size.hypervisors)
    before = (number - size.sites) % size.hypervisors
    copies = range(before, size.guests, size.hypervisors) if size.copies else ()
    return (
        "<node><cpu><mhz>2600</mhz><model>x86_64</model><active>64</active><nodes>1</nodes><sockets>1</sockets>"
        "<cores>64</cores><threads>1</threads></cpu><memory>536870912</memory>"
        + "".join(map(_domain, guests))
        + "".join(_domain(copied, _OFF) for copied in copies)
        + "<pool type='netfs'><name>containers</name><source><host name='nfs.bench.test'/><dir path='/srv/containers'/>"
        "<format type='nfs'/></source><target><path>/containers</path></target></pool></node>"
    )


_RUNNING, _OFF = 1, 5
"""The test driver's numbers for the states of a domain."""


def _domain(number: int, state: int = _RUNNING) -> str:
    mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return (
        "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
        f"<name>vm{number:05d}</name><uuid>{guest_uuid(number)}</uuid><memory unit='MiB'>2048</memory><vcpu>2</vcpu>"
        "<os><type arch='x86_64'>hvm</type></os><devices>"
        f"<disk type='file' device='disk'><source file='/containers/vm{number:05d}.raw'/>"
        "<target dev='vda' bus='virtio'/></disk>"
        f"<interface type='network'><mac address='{mac}'/><source network='natnet'/></interface>"
        f"</devices><test:runstate>{state}</test:runstate></domain>"
    )
