"""What the directory means: every entry read, and all of it together. What did not change stays the same objects."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from facts.directory import kinds, legacy
from facts.directory.entries import Directory, Entry
from facts.directory.reading import Read, Reading
from facts.estate import Declared, Host, Profile, Service, Site
from facts.exact import exactly_equal
from settings import DirectorySettings


class Meaning(Struct, frozen=True):
    """What every entry means, by normalised DN, and all of it together."""

    read: Mapping[str, Read]
    declared: Declared


EMPTY = Meaning({}, Declared({}, {}, {}, {}, {}, ()))


def understand(directory: Directory, settings: DirectorySettings, before: Meaning = EMPTY) -> Meaning:
    """Read a directory. What did not change since `before` stays the same objects."""
    readings = (legacy if settings.legacy else kinds).readings(settings)
    read: dict[str, Read] = {}
    for key, entry in directory.entries.items():
        known = before.read.get(key)
        one = known if known is not None and known.entry is entry else _read(entry, readings, known)
        if one is not None:
            read[key] = one
    return Meaning(read, legacy.declared(read.values()) if settings.legacy else _declared(read))


def _read(entry: Entry, readings: tuple[Reading, ...], known: Read | None) -> Read | None:
    """Read one entry; where only members or the entryCSN changed, keep the known object."""
    reading = next((reading for reading in readings if reading.takes(entry)), None)
    if reading is None:
        return None
    new = reading.read(entry)
    if known is not None and exactly_equal(known.stated, new.stated):
        return replace(new, stated=known.stated)
    return new


def _declared(read: Mapping[str, Read]) -> Declared:
    stated = [one.stated for one in read.values()]
    return Declared(
        hosts={one.key: one for one in stated if isinstance(one, Host)},
        services={one.key: one for one in stated if isinstance(one, Service)},
        profiles={one.key: one for one in stated if isinstance(one, Profile)},
        sites={one.key: one for one in stated if isinstance(one, Site)},
        members={key: one.members for key, one in read.items() if isinstance(one.stated, Service)},
        findings=tuple(finding for one in stated for finding in one.findings),
    )
