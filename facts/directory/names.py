"""Distinguished names (RFC 4514), normalised so that two spellings of one name are one key.

Attribute types and values are lower-cased (every naming attribute here matches without case), inner spaces are
squeezed, and escapes are rewritten in one way.
"""

import re
from functools import lru_cache

_RDN = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*((?:[^\\,+\"<>;]|\\.)*?)\s*([,+]|$)", re.DOTALL)
_ESCAPED = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'([\\,+"<>;])')
_PLAIN = re.compile(r"[a-z]+=[a-z0-9._-]+(?:,[a-z]+=[a-z0-9._-]+)*")


@lru_cache(maxsize=65536)
def normalise(dn: str) -> str:
    """The one key of a DN, such as "cn=web01.lab.test,ou=hosts,dc=lab,dc=test". Raises ValueError when it is no DN."""
    if _PLAIN.fullmatch(dn):
        return dn
    return ",".join("+".join(sorted(rdn)) for rdn in _split(dn))


def parent(key: str) -> str:
    """The normalised DN above a normalised DN; "" above a root."""
    cut = 0
    while (cut := key.find(",", cut)) != -1:
        if not _escaped(key, cut):
            return key[cut + 1 :]
        cut += 1
    return ""


def below(key: str, base: str) -> bool:
    """Whether a normalised DN is the base (normalised) or stands below it."""
    return key == base or (key.endswith("," + base) and not _escaped(key, len(key) - len(base) - 1))


def _escaped(text: str, at: int) -> bool:
    backslashes = len(text[:at]) - len(text[:at].rstrip("\\"))
    return backslashes % 2 == 1


def _split(dn: str) -> list[list[str]]:
    rdns: list[list[str]] = [[]]
    at = 0
    while True:
        match = _RDN.match(dn, at)
        if match is None:
            raise ValueError(f"{dn!r} is no distinguished name")
        rdns[-1].append(f"{match[1].lower()}={_value(match[2])}")
        at = match.end()
        if match[3] == "":
            return rdns
        if match[3] == ",":
            rdns.append([])


def _value(text: str) -> str:
    """One attribute value: unescaped, folded, escaped again in the one way."""
    plain = _unescape(text)
    folded = " ".join(plain.casefold().split())
    if not folded:
        raise ValueError(f"an empty value in a distinguished name: {text!r}")
    return _SPECIAL.sub(r"\\\1", folded)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    raw = bytearray()
    at = 0
    for match in _ESCAPED.finditer(text):
        raw += text[at : match.start()].encode()
        raw += bytes.fromhex(match[1]) if match[1] else match[2].encode()
        at = match.end()
    raw += text[at:].encode()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{text!r} in a distinguished name is no UTF-8") from None
