"""Where guests are, and where they should be.

enclume_guest_info{site="angers",guest="web.lab.test",uuid="4486dfc1-a495-5f95-bb0d-7b8972972484",certname="web.lab.test",intent="running"} 1
enclume_guest_expected{site="angers",guest="web.lab.test",hypervisor="kvm1.lab.test"} 1
enclume_guest_state{site="angers",guest="web.lab.test",hypervisor="kvm1.lab.test",state="running"} 1
enclume_guest_copy{site="angers",guest="web.lab.test",hypervisor="kvm1.lab.test",copy="production"} 1
enclume_guest_running_instances{site="angers",guest="web.lab.test"} 1
enclume_guest_placement_unknown{site="angers",guest="web.lab.test"} 0
enclume_guest_placement_problem{site="angers",guest="web.lab.test",problem="split_brain"} 0
"""  # noqa: E501

from collections.abc import Iterable

from msgspec import Struct

from audit.picture import Picture
from audit.placement import PROBLEMS, placement_unknown, problems
from exporters.around import Around
from exporters.family import escape, gauge
from facts.fleet import Found

FAMILIES = (
    gauge("guest_info", "site", "guest", "uuid", "certname", "intent", tells="A guest: its domain, entry and intent."),
    gauge(
        "guest_expected",
        "site",
        "guest",
        "hypervisor",
        tells="Whether the directory wants the guest to run on this hypervisor.",
    ),
    gauge(
        "guest_state", "site", "guest", "hypervisor", "state", tells="The libvirt state of the guest's domain there."
    ),
    gauge(
        "guest_copy",
        "site",
        "guest",
        "hypervisor",
        "copy",
        tells="Whether the hypervisor holds the guest's domain, in production or as its backup copy.",
    ),
    gauge("guest_running_instances", "site", "guest", tells="On how many readable hypervisors the guest runs."),
    gauge("guest_placement_unknown", "site", "guest", tells="Whether the guest may be where nobody can look."),
    gauge("guest_placement_problem", "site", "guest", "problem", tells="Whether this is wrong with the guest's place."),
)

_SELDOM = frozenset({"runs_unintended"})
"""Problems that are told only of guests that have them: all others are always told, so that a guest's cost is known."""

NOTHING = ("",) * len(FAMILIES)


class Subject(Struct, frozen=True, kw_only=True):
    """A guest with an entry, or a domain without one (its `certname` and `intent` are "", its name the domain's).

    `production`, `backup`: where the directory wants it, None for nowhere in particular; `home`: where it is or last
    was; `blind`: hypervisors that may hold it and cannot be read; `unknown`: whether it may be where nobody can look;
    `problems`: those that it has.
    """

    site: str
    name: str
    uuid: str
    copies: tuple[Found, ...]
    certname: str = ""
    intent: str = ""
    production: str | None = None
    backup: str | None = None
    home: str | None = None
    blind: tuple[str, ...] = ()
    unknown: bool = False
    problems: frozenset[str] = frozenset()


def render(picture: Picture, around: Around) -> tuple[str, ...]:
    """The samples of a host, by family; none of one that is no guest."""
    node = picture.node
    if node.kind != "guest":
        return NOTHING
    subject = Subject(
        site=picture.site,
        name=picture.name,
        uuid=node.hardware.uuid if node.hardware else node.host.domain_uuid or "",
        copies=picture.copies,
        certname=picture.name,
        intent=node.host.intent,
        production=picture.production,
        backup=picture.backup,
        home=node.placement.hypervisor,
        blind=picture.blind,
        unknown=placement_unknown(picture),
        problems=problems(picture),
    )
    return told(subject, around)


def told(subject: Subject, around: Around) -> tuple[str, ...]:
    """The samples of a guest, or of a domain without an entry, by family."""
    of = f'{{site="{escape(subject.site)}",guest="{escape(subject.name)}"'
    running = sum(found.domain.running for found in subject.copies if found.hypervisor not in subject.blind)
    wrong = subject.problems
    return (
        f'enclume_guest_info{of},{_identity(subject)},intent="{subject.intent}"}} 1\n',
        "".join(_expected(subject, around, of)),
        "".join(_states(subject, of)),
        "".join(_copies(subject, of)),
        f"enclume_guest_running_instances{of}}} {running}\n",
        f"enclume_guest_placement_unknown{of}}} {1 if subject.unknown else 0}\n",
        "".join(
            f'enclume_guest_placement_problem{of},problem="{problem}"}} {1 if problem in wrong else 0}\n'
            for problem in PROBLEMS
            if problem not in _SELDOM or problem in wrong
        ),
    )


def _identity(subject: Subject) -> str:
    return f'uuid="{escape(subject.uuid)}",certname="{escape(subject.certname)}"'


def _expected(subject: Subject, around: Around, of: str) -> Iterable[str]:
    concerned = {found.hypervisor for found in subject.copies}
    concerned.update(name for name in (subject.production, subject.backup) if name)
    for hypervisor in sorted(concerned):
        wanted = 1 if _wanted(subject, around, hypervisor) else 0
        yield f'enclume_guest_expected{of},hypervisor="{escape(hypervisor)}"}} {wanted}\n'


def _wanted(subject: Subject, around: Around, hypervisor: str) -> bool:
    """Whether the directory wants it there: on its production hypervisor, else on any of its site."""
    if not subject.certname or subject.intent == "retired":
        return False
    if subject.production is not None:
        return hypervisor == subject.production
    return hypervisor != subject.backup and around.site_of.get(hypervisor) == subject.site


def _states(subject: Subject, of: str) -> Iterable[str]:
    for found in subject.copies:
        yield (f'enclume_guest_state{of},hypervisor="{escape(found.hypervisor)}",state="{found.domain.state}"}} 1\n')


def _copies(subject: Subject, of: str) -> Iterable[str]:
    """One for each hypervisor that holds or should hold it; of one that cannot be read and never showed it, nothing is
    known.
    """
    held = {found.hypervisor for found in subject.copies}
    roles = {name: "production" if name == _production(subject) else "backup" for name in held}
    if subject.backup:
        roles[subject.backup] = "backup"
    if subject.production:
        roles[subject.production] = "production"
    for hypervisor, role in sorted(roles.items()):
        if hypervisor in held or hypervisor not in subject.blind:
            there = 1 if hypervisor in held else 0
            yield f'enclume_guest_copy{of},hypervisor="{escape(hypervisor)}",copy="{role}"}} {there}\n'


def _production(subject: Subject) -> str | None:
    """Where it is in production: where it should be, else where it runs or last ran."""
    running = next((found.hypervisor for found in subject.copies if found.domain.running), None)
    return subject.production or subject.home or running
