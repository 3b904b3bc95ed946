"""The lock on the state folder: one builder at a time."""

import fcntl
import os
from pathlib import Path


class Lock:
    """An advisory lock on `FOLDER/lock`. A folder that cannot be written to needs none: nothing is kept there."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / "lock"
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock unless somebody else has it."""
        if self._descriptor is not None:
            return True
        try:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
