"""What the service keeps in its state folder, and whether what it serves is whole."""

import hashlib
import json
from pathlib import Path

from tests.live.service.estate import NODES
from tests.live.service.running import Service

FILES = (
    "directory",
    "generation",
    "hypervisor-coquille1.lab.test",
    "hypervisor-coquille2.lab.test",
    "remembered",
    "times",
)


def answered(service: Service) -> dict[str, bytes]:
    """Whoever has an answer, with it. Answers come all at once: after the first that there is, none is missing."""
    replies = {name: service.get(f"/enc/{name}") for name in NODES}
    statuses = [reply.status for reply in replies.values()]
    assert set(statuses) <= {200, 503}
    assert statuses == sorted(statuses, reverse=True), "half a generation"
    return {name: reply.body for name, reply in replies.items() if reply.status == 200}


def is_whole(path: Path) -> bool:
    """Whether a file of the state folder ends with the checksum of all that stands before it."""
    body, _, foot = path.read_bytes().removesuffix(b"\n").rpartition(b"\n")
    return bool(json.loads(foot) == {"sha256": hashlib.sha256(body + b"\n").hexdigest()})
