"""The definitions in the schema's files, read from either form."""

import re
from pathlib import Path
from typing import NamedTuple

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
ARC = "2.25.238700576884413548229072764757753759652"


class Definition(NamedTuple):
    """One attribute type or object class: its OID, its name, and the whole of it on one line."""

    oid: str
    name: str
    text: str


def conf_form(name: str) -> tuple[list[Definition], list[Definition]]:
    """The attribute types and the object classes of a .schema file."""
    text = re.sub(r"^#.*\n", "", (SCHEMA / f"{name}.schema").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = re.findall(r"^(attributetype|objectclass)\s+(\(.*(?:\n[ \t]+.*)*)", text, flags=re.MULTILINE)
    return (
        [_definition(body) for kind, body in found if kind == "attributetype"],
        [_definition(body) for kind, body in found if kind == "objectclass"],
    )


def config_form(name: str) -> tuple[list[Definition], list[Definition]]:
    """The attribute types and the object classes of a .ldif file."""
    lines = (SCHEMA / f"{name}.ldif").read_text(encoding="utf-8").replace("\n ", "").splitlines()
    return (
        [_definition(line.partition(": ")[2]) for line in lines if line.startswith("olcAttributeTypes: ")],
        [_definition(line.partition(": ")[2]) for line in lines if line.startswith("olcObjectClasses: ")],
    )


def _definition(body: str) -> Definition:
    text = " ".join(body.split())
    match = re.match(r"\( (\S+) NAME '(\w+)' ", text)
    assert match, text
    return Definition(match[1], match[2], text)
