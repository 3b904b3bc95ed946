"""Writes `docs/schemas/`: a JSON Schema for each body of `web.bodies` and `web.runs_bodies`. Usage: `make schemas`."""

from pathlib import Path

import msgspec

from web.bodies import BODIES, DELIVERIES
from web.runs_bodies import BODIES as OF_RUNS

ALL = BODIES | OF_RUNS | DELIVERIES
FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def schema(name: str) -> str:
    """One body's JSON Schema as text."""
    written = msgspec.json.format(msgspec.json.encode(msgspec.json.schema(ALL[name])), indent=2)
    return written.decode() + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for body in ALL:
        (FOLDER / f"{body}.json").write_text(schema(body))
