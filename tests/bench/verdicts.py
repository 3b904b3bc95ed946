"""All verdicts over a large estate: from nothing, and after one change."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct

from audit.all import Audited, audit
from facts.garbage import MANY
from facts.observations import Logs
from tests.audit.situations import Scene
from tests.bench import estate
from tests.bench.estate import Size
from tests.bench.situation import edit_site, move, scene

TURNS = 5


class Measured(Struct, frozen=True):
    """How many verdicts there are; seconds for all of them from nothing, and after each of some changes: each the
    median of several.
    """

    count: int
    nothing: float
    after: Mapping[str, float]


def measured(size: Size) -> Measured:
    """Measure over an estate of this size."""
    made = scene(size)
    situation = made.situation()
    # As the service runs.
    gc.set_threshold(MANY)
    gc.collect()
    gc.freeze()
    audit(situation)
    nothing = _median([_timed(lambda: audit(situation)) for _ in range(3)])
    audited = audit(situation)
    taken: dict[str, list[float]] = {}
    for number in range(TURNS):
        for what, change in _changes(made, number, size).items():
            change()
            changed = made.situation()
            taken.setdefault(what, []).append(_timed(lambda changed=changed, audited=audited: audit(changed, audited)))
            audited = audit(changed, audited)
    after = {what: _median(seconds) for what, seconds in taken.items()}
    return Measured(sum(1 for _ in audited.verdicts()), nothing, after)


def _changes(made: Scene, number: int, size: Size) -> Mapping[str, Callable[[], object]]:
    """The changes of one turn, in their order. A hypervisor that went dark stays so, each turn another one."""
    return {
        "a guest moved": lambda: move(made, number, size),
        "a host observed something": lambda: _observe(made, number),
        "a hypervisor went dark": lambda: made.fail(estate.hypervisor(size.hypervisors - 1 - number)),
        "an LDAP edit of a site": lambda: edit_site(made, number % size.sites, hours=27 + number),
    }


def _observe(made: Scene, number: int) -> None:
    made.at += 1
    made.observe(estate.guest(number), logs=Logs(number + 1, remote=True))


def statuses(audited: Audited) -> Counter[str]:
    """How many verdicts there are of each check and status."""
    return Counter(f"{one.check} {one.status}" for one in audited.verdicts())


def _timed(work: object) -> float:
    gc.collect()
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
