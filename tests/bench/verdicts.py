"""All verdicts over a large estate: from nothing, and after one change."""

import gc
import time
from collections import Counter

from audit.all import Audited, audit
from facts.garbage import MANY
from facts.observations import Logs
from tests.bench import estate
from tests.bench.estate import Size
from tests.bench.situation import move, scene


def measured(size: Size) -> tuple[int, float, float, float]:
    """How many verdicts there are; seconds for all of them from nothing, after one guest moved, and after one host
    observed something: each the median of several.
    """
    made = scene(size)
    situation = made.situation()
    # As the service runs.
    gc.set_threshold(MANY)
    gc.collect()
    gc.freeze()
    audit(situation)
    nothing = _median([_timed(lambda: audit(situation)) for _ in range(3)])
    audited = audit(situation)
    moves: list[float] = []
    observations: list[float] = []
    for number in range(5):
        move(made, number, size)
        moved = made.situation()
        moves.append(_timed(lambda moved=moved, audited=audited: audit(moved, audited)))
        audited = audit(moved, audited)
        made.at += 1
        made.observe(estate.guest(number), logs=Logs(number + 1, remote=True))
        said = made.situation()
        observations.append(_timed(lambda said=said, audited=audited: audit(said, audited)))
        audited = audit(said, audited)
    return sum(1 for _ in audited.verdicts()), nothing, _median(moves), _median(observations)


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
