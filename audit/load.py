"""The load that a guest is: what it takes of the hypervisor that it belongs to, and where else it could run."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from audit.max_age import Ages
from audit.reach import Reach
from facts.estate import Node
from facts.fleet import Found


class Copy(Struct, frozen=True, gc=False):
    """The last copy of a guest's container: made by the hypervisor `by` onto `peer` ("" where nobody says), when
    (seconds since the epoch, 0: never), and whether it was compared with its source.
    """

    by: str
    peer: str
    made_at: float
    verified: bool


class Load(Struct, frozen=True, gc=False):
    """A guest that should run, where it belongs now (`home`), as its domain is recorded there: `memory` in bytes.

    - `anywhere`: any hypervisor of its site may run it, since LDAP names none and its disks are reached from all.
    - `declared`: its production and backup hypervisors, where LDAP names both; `defined`: those that define it.
    - `local`: its disks, or one of them, are its hypervisor's alone. Then it needs a copy: `max_age` is how old that
      may be (seconds, None where enclumeMaxAge does not say), `copies` those that are known, `silent` the hypervisors
      that should know and say nothing.
    """

    name: str
    home: str
    memory: int
    vcpus: int
    anywhere: bool = False
    declared: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    local: bool = False
    copies: tuple[Copy, ...] = ()
    silent: tuple[str, ...] = ()
    max_age: float | None = None


class Lodger(Struct, frozen=True, gc=False, order=True):
    """What runs on a hypervisor without being a load there: a domain without an entry, a guest that should not run, or
    one that belongs elsewhere. `name`: its certname, or its domain's name where it has none; `memory` in bytes.
    """

    name: str
    hypervisor: str
    memory: int
    vcpus: int


def lodgers(name: str, copies: Iterable[Found], home: str | None) -> Iterator[Lodger]:
    """Where a guest of these copies runs without being a load; `home` is where it is one, None for nowhere."""
    for one in copies:
        if one.hypervisor != home and one.domain.running:
            yield Lodger(name, one.hypervisor, one.domain.memory, one.domain.vcpus)


def load_of(  # noqa: PLR0917 - all are needed, none is more so
    node: Node,
    production: str | None,
    backup: str | None,
    copies: tuple[Copy, ...],
    silent: tuple[str, ...],
    reach: Reach,
    ages: Ages,
) -> Load | None:
    """The load that a host is; None for one that is no guest, should not run, or of which too little is known. `reach`
    is that of the hypervisor where it belongs, `ages` how old its backups may be.
    """
    home, hardware = node.placement.hypervisor, node.hardware
    if node.kind != "guest" or node.host.intent != "running" or home is None or hardware is None:
        return None
    local = any(map(reach.is_own, hardware.storage))
    container = [age for (kind, _), age in ages.items() if kind == "container"] if local else []
    return Load(
        name=node.host.name,
        home=home,
        memory=hardware.memory,
        vcpus=hardware.vcpus,
        anywhere=production is None and not local,
        declared=(production, backup) if production and backup and production != backup else (),
        defined=node.placement.observed_on,
        local=local,
        copies=copies if local else (),
        silent=silent if local else (),
        max_age=min(container, default=None),
    )
