"""The standing of a guest: where its domain is and runs, as far as hypervisors can be read."""

from functools import lru_cache

from msgspec import Struct

from audit.picture import Picture
from facts.estate import Intent
from facts.fleet import Found
from facts.inventory.domains import Domain
from facts.source import SourceKey

_MOVING = ("starting-up", "migration", "postcopy")


class Standing(Struct, frozen=True):
    """Where a guest stands. Hypervisors that cannot be read say nothing here: `blind` tells that some may hold it.

    - `seen`: its domain on each hypervisor that shows it; `running`: of these, where it runs; `moving`: it is paused
      somewhere because it starts, or comes, or goes.
    - `doubles`: running domains of its name with another UUID.
    - `ambiguous`: two domains could be it, so which one is not known.
    """

    picture: Picture
    seen: tuple[Found, ...]
    running: tuple[Found, ...]
    doubles: tuple[Found, ...]
    moving: bool
    ambiguous: bool

    @property
    def name(self) -> str:
        return self.picture.name

    @property
    def intent(self) -> Intent:
        return self.picture.node.host.intent

    @property
    def unknown(self) -> bool:
        """Whether it may be, or run, where nobody can look."""
        return bool(self.picture.blind) or self.ambiguous

    def on(self, hypervisor: str | None) -> Domain | None:
        """Its domain on one hypervisor."""
        return next((one.domain for one in self.seen if one.hypervisor == hypervisor), None)

    def runs_on(self, hypervisor: str | None) -> bool:
        return any(one.hypervisor == hypervisor for one in self.running)


def standing(picture: Picture) -> Standing:
    """Where a guest stands."""
    blind, unread = picture.blind, picture.unread
    seen = tuple([one for one in picture.copies if one.hypervisor not in blind]) if blind else picture.copies
    namesakes, findings = picture.namesakes, picture.node.findings
    return Standing(
        picture,
        seen,
        tuple([one for one in seen if one.domain.running]),
        tuple(one for one in namesakes if one.domain.running and one.hypervisor not in unread) if namesakes else (),
        any(one.domain.state == "paused" and one.domain.reason in _MOVING for one in seen),
        any(one.code == "ambiguous_domain" for one in findings) if findings else False,
    )


@lru_cache(maxsize=4096)
def hypervisor_source(name: str) -> SourceKey:
    """The source that reads a hypervisor."""
    return SourceKey("inventory", name)


def where(found: tuple[Found, ...]) -> str:
    """The hypervisors of some domains, for a sentence."""
    return " and ".join(sorted({one.hypervisor for one in found}))


def state_of(domain: Domain) -> str:
    """A domain's state with its reason, in libvirt's words."""
    return domain.state if domain.reason in ("", "unknown") else f"{domain.state} ({domain.reason})"
