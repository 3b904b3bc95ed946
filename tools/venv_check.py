"""Say whether this virtual environment holds exactly the versions that the lock files name.

Usage: python tools/venv_check.py LOCK...

Prints one line for each package that is missing or has another version, and exits 1 if there is one. It runs in every
`make` target, so it imports nothing but the standard library.
"""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def canonical(name: str) -> str:
    """A project's name as the package index compares it: lower case, one hyphen between words."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    """The versions that the text of one lock file asks for, by canonical project name."""
    return {canonical(name): version for name, version in PIN.findall(lock)}


def installed() -> dict[str, str]:
    """The versions that this interpreter can import, by canonical project name."""
    return {canonical(found.name): found.version for found in distributions()}


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """One line for each pinned package that is not there as pinned."""
    return [
        f"{name}: {version} is locked, {found.get(name, 'nothing')} is installed"
        for name, version in sorted(wanted.items())
        if found.get(name) != version
    ]


def main(locks: list[str]) -> int:
    wanted: dict[str, str] = {}
    for lock in locks:
        wanted |= pins(Path(lock).read_text(encoding="utf-8"))
    lines = differences(wanted, installed())
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
