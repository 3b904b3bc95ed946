"""The parts of a distinguished name (RFC 4514) as they are written."""

import re

_RDN = re.compile(r"(?:\\.|[^\\,])+", re.DOTALL)
_PAIR = re.compile(r"(?:\\.|[^\\+])+", re.DOTALL)
_HEX = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)


def split(dn: str) -> list[str]:
    """The RDNs of a DN, the entry's own first: "cn=a,dc=b" -> ["cn=a", "dc=b"]."""
    return [rdn.lstrip() for rdn in _RDN.findall(dn)]


def pairs(rdn: str) -> list[tuple[str, str]]:
    r"""Attribute names and plain values in an RDN: r"cn=a\2Cb+uid=c" -> [("cn", "a,b"), ("uid", "c")]."""
    found = []
    for pair in _PAIR.findall(rdn):
        name, _, value = pair.partition("=")
        found.append((name.strip(), _plain(value)))
    return found


def _plain(value: str) -> str:
    # An escaped space at an end is part of the value, others there are not.
    text = value.lstrip(" ")
    text = text.rstrip(" ") + " " if text.endswith("\\ ") else text.rstrip(" ")
    return _HEX.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], text.encode()).decode()
