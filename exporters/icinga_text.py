r"""Icinga 2's configuration language, as far as we write it: strings, lists, dictionaries.

Strings stand in double quotes, where `\` and `"` are escaped; a line break would need an escape too. In a string that
Icinga looks for macros in, `$$` is a dollar. (Icinga 2 documentation, "Language Reference" and "Runtime Macros".)
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Raw(NamedTuple):
    """What stands in the configuration as it is: a number, a name."""

    text: str


Value = str | Raw | Iterable[str] | Mapping[str, "Value"]


def quoted(text: str) -> str:
    """A string that means this text: on one line, and with no macro in it."""
    line = text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'


def written(value: "Value") -> str:
    """A value on one line."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{quoted(key)} = {written(inner)}" for key, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{ }"
    items = ", ".join(quoted(one) for one in value)
    return f"[ {items} ]" if items else "[ ]"


def host(name: str, template: str, attributes: Mapping[str, "Value"]) -> str:
    """A host object."""
    lines = [f"object Host {quoted(name)} {{", f"  import {quoted(template)}"]
    lines += [f"  {key} = {written(value)}" for key, value in attributes.items()]
    return "\n".join([*lines, "}", ""])
