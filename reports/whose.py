"""Whose report it is, as far as a look tells that costs nothing: nobody has read it yet, or nobody can."""

import re

from reports.entry import Form

_FOREMANS_HOST = re.compile(rb'\s*\{\s*"(?:config_)?report"\s*:\s*\{\s*"host"\s*:\s*"([^"\\]+)"')
_LONGEST = 300
"""Bytes of a certname with quotes and its line's end, and some more."""


def host_of(body: bytes, form: Form) -> str:
    """What it calls its host, else "". Puppet 3 says it after all else."""
    if form == "foreman":
        found = _FOREMANS_HOST.match(body)
        return found[1].decode(errors="replace") if found else ""
    for key in (b"\nhost: ", b"\n  host: "):
        start = body.find(key) + len(key)
        if start >= len(key):
            return body[start : start + _LONGEST].partition(b"\n")[0].strip(b" \r'\"").decode(errors="replace")
    return ""
