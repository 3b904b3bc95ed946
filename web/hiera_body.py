"""The body of `GET /hiera/CERTNAME` (`docs/hiera.md`)."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from facts.estate import Intent, Kind, Role


class Member(Struct, frozen=True):
    """What other nodes are shown of a node; `offers` are those of its own entry."""

    addresses: tuple[str, ...]
    intent: Intent
    kind: Kind | None
    layer: int
    offers: dict[str, Any]
    site: str | None


class NeighbouringService(Struct, frozen=True):
    """A service as it is at the node's site: its members by certname, and (of the node's own services) the hosts whose
    own entry requires it. `relations` say why the node is told of it.
    """

    relations: tuple[Literal["own", "required", "requiring"], ...]
    provides: tuple[str, ...]
    requires: tuple[str, ...]
    public: bool
    offers: dict[str, Any]
    members: dict[str, Member]
    clients: dict[str, Member] | UnsetType = UNSET


class SiteNetwork(Struct, frozen=True):
    """A network of a site."""

    name: str
    role: Role
    cidr: str


class OwnSite(Struct, frozen=True):
    """The node's site."""

    name: str
    networks: tuple[SiteNetwork, ...]


class OwnGuest(Member, frozen=True):
    """A guest of a hypervisor: whether it belongs there now, should run there, has its copy there. `uuid`: its
    domain's.
    """

    uuid: str | None
    placed: bool
    production: bool
    backup: bool


class Hiera(Struct, frozen=True, rename=lambda name: f"enclume::{name}"):
    """`GET /hiera/CERTNAME`: beside these, the node's class parameters by their names. `guests`: of a hypervisor."""

    site: OwnSite | None
    providers: dict[str, tuple[str, ...]]
    services: dict[str, NeighbouringService]
    guests: dict[str, OwnGuest] | UnsetType = UNSET
