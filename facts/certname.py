"""Certnames: the names that Puppet's certificates carry."""

import difflib
import re
from collections.abc import Iterable

_CERTNAME = re.compile(r"(?!.*\.\.)[a-z0-9_][a-z0-9._-]{0,252}")


def is_certname(text: str) -> bool:
    """Whether Puppet would accept it: lower case letters, digits, `.`, `_`, `-`; at most 253; no dots in a row."""
    return _CERTNAME.fullmatch(text) is not None


def short_name(certname: str) -> str:
    """A certname's first label."""
    return certname.partition(".")[0]


def close_to(name: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Which of the known certnames could have been meant; a short name stands for the certname that has it."""
    whole = list(known)
    short = {short_name(one): one for one in reversed(whole)}
    close = difflib.get_close_matches(name, [*whole, *short], most)
    return list(dict.fromkeys(short.get(one, one) for one in close))


def meant(suggestions: Iterable[str]) -> str:
    """What an error about a name that is not there ends with: `; did you mean web01.lab.test?`, or nothing."""
    listed = ", ".join(suggestions)
    return f"; did you mean {listed}?" if listed else ""
