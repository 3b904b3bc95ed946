"""Certnames: the names that Puppet's certificates carry."""

import re

_CERTNAME = re.compile(r"(?!.*\.\.)[a-z0-9_][a-z0-9._-]{0,252}")


def is_certname(text: str) -> bool:
    """Whether Puppet would accept it: lower case letters, digits, `.`, `_`, `-`; at most 253; no dots in a row."""
    return _CERTNAME.fullmatch(text) is not None


def short_name(certname: str) -> str:
    """A certname's first label."""
    return certname.partition(".")[0]
