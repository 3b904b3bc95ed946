"""Single attributes of our schema: enumerations, numbers, DNs, networks, read from an entry with findings for what is
wrong.
"""

import ipaddress
import re
from typing import Any, TypeVar, get_args

from facts.directory.names import normalise
from facts.directory.statements import Reader
from facts.estate import MaxAge, Network, Role
from facts.exact import exactly_equal
from facts.observations import BackupKind, Schedule

T = TypeVar("T")

PROVIDES = frozenset(
    [
        "nfs",
        "mirror",
        "ntp",
        "dns",
        "dhcp",
        "ldap",
        "log",
        "updates",
        "gateway",
        "backup",
        "puppet",
        "proxy",
        "monitoring",
    ]
)

_NETWORK = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(\S+)\s+(\S+)(?:\s+(\S+))?\s*")
_MAX_AGE = re.compile(r"\s*([a-z]+)/([a-z]+)\s*=\s*(\d{1,6}(?:\.\d{1,3})?)\s*")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def choice(reader: Reader, attribute: str, choices: Any) -> Any:
    """One word of a Literal's, None when the entry has none."""
    value = reader.entry.first(attribute.lower())
    if value is None or value.lower() in get_args(choices):
        return value.lower() if value else None
    reader.wrong("bad_value", attribute, f"{value!r} is none of {', '.join(get_args(choices))}")
    return None


def layer(reader: Reader) -> int | None:
    """enclumeLayer: 1 or 2."""
    value = reader.entry.first("enclumelayer")
    if value in (None, "1", "2"):
        return int(value) if value else None
    reader.wrong("bad_value", "enclumeLayer", f"{value!r} is neither 1 nor 2")
    return None


def boolean(reader: Reader, attribute: str) -> bool:
    """An LDAP Boolean; False when the entry has none."""
    value = reader.entry.first(attribute.lower())
    if value is not None and value.upper() not in ("TRUE", "FALSE"):
        reader.wrong("bad_value", attribute, f"{value!r} is neither TRUE nor FALSE")
    return value is not None and value.upper() == "TRUE"


def names(reader: Reader, attribute: str, *, holds: bool = True) -> tuple[str, ...]:
    """A DN-valued attribute, normalised."""
    found = []
    for value in reader.entry.values(attribute.lower()):
        try:
            found.append(normalise(value))
        except ValueError:
            reader.wrong("bad_value", attribute, f"{value!r} is no DN", holds=holds)
    return tuple(found)


def name(reader: Reader, attribute: str) -> str | None:
    """A single DN, normalised."""
    return next(iter(names(reader, attribute)), None)


def provides(reader: Reader) -> tuple[str, ...]:
    """enclumeProvides, sorted."""
    found = {value.lower() for value in reader.entry.values("enclumeprovides")}
    for unknown in sorted(found - PROVIDES):
        reader.wrong("bad_value", "enclumeProvides", f"{unknown!r} is none of {', '.join(sorted(PROVIDES))}")
    return tuple(sorted(found & PROVIDES))


def domain_uuid(reader: Reader) -> str | None:
    """enclumeDomainUUID in lower case."""
    value = reader.entry.first("enclumedomainuuid")
    if value is None or _UUID.fullmatch(value.lower()):
        return value.lower() if value else None
    reader.wrong("bad_value", "enclumeDomainUUID", f"{value!r} is no UUID: see `virsh domuuid`")
    return None


def addresses(reader: Reader) -> tuple[str, ...]:
    """ipHostNumber, in canonical form."""
    found = []
    for value in reader.entry.values("iphostnumber"):
        try:
            found.append(str(ipaddress.ip_address(value)))
        except ValueError:
            reader.wrong("bad_value", "ipHostNumber", f"{value!r} is no IP address; it is left out", holds=False)
    return tuple(found)


def offers(reader: Reader) -> tuple[tuple[str, Any], ...]:
    """enclumeOffer: what other nodes may see, as (key, value). Two values of one key are a conflict."""
    found: dict[str, Any] = {}
    for stated in reader.entry.values("enclumeoffer"):
        offer = reader.json("enclumeOffer", stated)
        if offer is None:
            continue
        key, value, _ = offer
        if not exactly_equal(found.setdefault(key, value), value):
            reader.wrong("conflict", "enclumeOffer", f"{key!r} is offered with two values: leave one")
    return tuple(found.items())


def max_ages(reader: Reader) -> tuple[MaxAge, ...]:
    """enclumeMaxAge, sorted; what is wrong in it holds no answer, as none rests on it."""
    found = (_max_age(reader, value) for value in reader.entry.values("enclumemaxage"))
    return tuple(sorted(age for age in found if age is not None))


def _max_age(reader: Reader, value: str) -> MaxAge | None:
    match = _MAX_AGE.fullmatch(value)
    if match is None or match[1] not in get_args(BackupKind) or match[2] not in get_args(Schedule):
        kinds, schedules = "|".join(get_args(BackupKind)), "|".join(get_args(Schedule))
        reader.wrong("bad_value", "enclumeMaxAge", f"{value!r} is not `{kinds}/{schedules}=HOURS`", holds=False)
        return None
    return MaxAge(match[1], match[2], float(match[3]) * 3600)  # type: ignore[arg-type]


def networks(reader: Reader) -> tuple[Network, ...]:
    """enclumeNetwork, in the entry's order."""
    found = (_network(reader, value) for value in reader.entry.values("enclumenetwork"))
    return tuple(network for network in found if network is not None)


def _network(reader: Reader, value: str) -> Network | None:
    match = _NETWORK.fullmatch(value)
    if match is None or match[2] not in get_args(Role):
        expected = "`NAME=internal|public CIDR [libvirt network or bridge]`"
        reader.wrong("bad_value", "enclumeNetwork", f"{value!r} is not {expected}")
        return None
    try:
        cidr = str(ipaddress.ip_network(match[3]))
    except ValueError as error:
        reader.wrong("bad_value", "enclumeNetwork", f"{value!r}: {error}")
        return None
    return Network(match[1], match[2], cidr, match[4])  # type: ignore[arg-type]
