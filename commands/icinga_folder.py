"""A folder of generated files that is replaced as a whole: whoever reads it sees the old files or the new ones."""

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from commands.outcome import Misused
from errors import StateError

MARK = "// Made by `enclume icinga config`"
"""What every generated file begins with."""

Files = Mapping[str, str]
"""The texts of files, by name."""

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def current(folder: Path) -> Files:
    """What stands there now; nothing where there is no folder. Raises `Misused` where anything else stands there, since
    replacing the folder would remove it.
    """
    if not folder.exists():
        return {}
    try:
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
    except (OSError, ValueError) as error:
        raise Misused(
            f"{folder}: not only files of `enclume icinga config` ({error}); name a folder of its own"
        ) from error
    strange = [name for name, text in texts.items() if not text.startswith(MARK)]
    if strange:
        raise Misused(f"{folder}/{strange[0]} is not of `enclume icinga config`; name a folder of its own")
    return texts


@contextmanager
def prepared(files: Files, beside: Path) -> Iterator[Path]:
    """A folder with these files on the file system of the one that it may replace; gone at the end, whatever it holds
    by then. Anybody may read it, since Icinga runs as a user of its own.
    """
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    except OSError as error:
        raise StateError(str(beside.parent), f"cannot be written to: {error.strerror}") from error
    try:
        _fill(folder, files)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, files: Files) -> None:
    try:
        for name, text in files.items():
            with (folder / name).open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            (folder / name).chmod(0o644)
        folder.chmod(0o755)
    except OSError as error:
        raise StateError(str(folder), f"cannot be written: {error.strerror}") from error


def replace(folder: Path, new: Path) -> None:
    """Let `new` take the place of `folder`, whose files stand in `new` then; done again, it is undone."""
    try:
        if not folder.exists():
            folder.mkdir()
        _exchange(folder, new)
        _sync(folder.parent)
    except OSError as error:
        raise StateError(str(folder), f"cannot be replaced: {error.strerror}") from error


def _exchange(one: Path, other: Path) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return
    number = ctypes.get_errno() if rename is not None else errno.ENOSYS
    if number not in _UNABLE:
        raise OSError(number, os.strerror(number))
    # Some file systems cannot exchange: there is no folder for an instant then.
    aside = other.with_name(f"{other.name}.old")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
