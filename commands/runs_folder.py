"""Reports as Puppet's `store` processor keeps them: `FOLDER/CERTNAME/YYYYMMDDHHMM.yaml`, the time in UTC.

Source: https://github.com/puppetlabs/puppet/blob/main/lib/puppet/reports/store.rb
"""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from errors import EnclumeError

SUFFIXES = (".yaml", ".yaml.gz")
LARGEST = 64 * 1024 * 1024
"""Bytes of a report, unpacked, beyond which it is not even read; the service takes less (`reports.body_bytes`)."""

_NAME = re.compile(r"(\d{12})(?:\d\d)?\.yaml")
_UUID = re.compile(rb"^ *transaction_uuid: *['\"]?([0-9A-Fa-f-]{36})['\"]?\s*$", re.MULTILINE)
_HEAD = 4096


class Unreadable(EnclumeError):
    """A file that cannot be read as a report's text: why."""


def folders(top: Path) -> Iterator[Path]:
    """What holds the reports of one node each: the folders in it, and itself for those that lie in it. Raises
    `OSError`.
    """
    yield top
    if top.is_dir():
        yield from sorted(Path(entry.path) for entry in os.scandir(top) if entry.is_dir())


def files(folder: Path, since: float) -> list[Path]:
    """The reports in a folder from then on (seconds since the epoch), the oldest first; of a file, itself. Raises
    `OSError`.
    """
    if not folder.is_dir():
        return [folder] if written(folder) >= since else []
    found = [entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIXES) and entry.is_file()]
    return [folder / name for name in sorted(found) if not since or written(folder / name) >= since]


def written(file: Path) -> float:
    """When the report of a file was stored: as its name says, else as the file system does. Raises `OSError`."""
    named = _NAME.match(file.name)
    if named:
        try:
            return datetime.strptime(named[1], "%Y%m%d%H%M").replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    return file.stat().st_mtime


def read(file: Path) -> bytes:
    """The text of a report. Raises `Unreadable`."""
    try:
        with gzip.open(file) if file.name.endswith(".gz") else file.open("rb") as opened:
            text: bytes = opened.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if len(text) > LARGEST:
        raise Unreadable(f"has more than {LARGEST} bytes: no report of a run is so large")
    if not text.strip():
        raise Unreadable("is empty: the disk was full, or the server was stopped while it wrote it")
    return text


def uuid_of(text: bytes) -> str | None:
    """The transaction_uuid that a report begins with, where a look at its beginning tells it."""
    found = _UUID.search(text[:_HEAD])
    return found[1].decode().lower() if found else None
