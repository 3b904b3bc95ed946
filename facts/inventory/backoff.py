"""How long to leave something alone that keeps failing."""

import random


def backoff(failures: int, first: float = 1.0, longest: float = 30.0) -> float:
    """Seconds before the next try after so many failures in a row: doubling, half of it at random.

    The random half keeps two hundred hypervisors behind one broken line from being tried in step.
    """
    whole = min(longest, first * 2.0 ** min(max(failures, 1) - 1, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 (no secret rests on it)
