"""Any ground that hypothesis can think of: machines with services, and needs in all directions."""

from collections.abc import Mapping

from hypothesis import strategies as st

from audit.needs import GRAVEST_FIRST, Ground, Machine, Need, Part

HOSTS = ("a", "b", "c", "d")
GUESTS = ("g", "h")
SERVICES = ("", "s", "t")
PARTS = tuple(Part(host, service, service) for host in HOSTS for service in SERVICES)
OF_GUESTS = tuple(Part(guest) for guest in GUESTS)


def needs_of(providers: tuple[Part, ...]) -> st.SearchStrategy[Need]:
    """A need of some of these parts."""
    return st.builds(
        Need,
        what=st.sampled_from(["dns", "nfs", "log"]),
        effect=st.sampled_from(GRAVEST_FIRST),
        providers=st.lists(st.sampled_from(providers), max_size=3, unique=True).map(tuple),
        all_of=st.booleans(),
        elsewhere=st.booleans() if len(providers) > len(PARTS) else st.just(value=False),
        together=st.integers(0, 9).map(lambda chance: chance == 0),
    )


def _with_hosts(drawn: Mapping[Part, list[Need]]) -> dict[Part, tuple[Need, ...]]:
    """A service needs its host."""
    host = {part: Need("host", "boot", (Part(part.host),), all_of=True) for part in drawn if part.service}
    return {part: (*([host[part]] if part in host else []), *wanted) for part, wanted in drawn.items()}


NEEDS = st.dictionaries(st.sampled_from(PARTS), st.lists(needs_of(PARTS), max_size=3), max_size=12).map(_with_hosts)


def _ground(drawn: Mapping[Part, list[Need]], layer_of_d: int) -> Ground:
    machines = {
        name: Machine(name, "site", layer_of_d if name == "d" else 1, False, PARTS[at * 3 : at * 3 + 3])
        for at, name in enumerate(HOSTS)
    }
    machines |= {name: Machine(name, "site", 2, True, (Part(name),), "a") for name in GUESTS}
    empty: Mapping[Part, list[Need]] = {part: [] for part in PARTS}
    return Ground(machines, _with_hosts({**empty, **drawn}))


GROUNDS = st.builds(
    _ground,
    st.dictionaries(st.sampled_from(PARTS), st.lists(needs_of((*PARTS, *OF_GUESTS)), max_size=2), max_size=9),
    st.sampled_from([1, 2]),
)
