"""What an entry states of nodes: `puppetClass`, `enclumeParameter`, `puppetVar`, `environment`.

The names follow Puppet's rules (https://www.puppet.com/docs/puppet/latest/lang_reserved.html); what Puppet would refuse
is a finding here, so that no catalog fails because of it.
"""

import re
from typing import Any

import msgspec

from facts.directory.entries import Entry
from facts.estate import Origin, Statement
from facts.findings import Finding

CLASS = re.compile(r"(?:[a-z][a-z0-9_]*)(?:::[a-z][a-z0-9_]*)*")
ENVIRONMENT = re.compile(r"[A-Za-z0-9_]+")
PARAMETER = re.compile(r"((?:[a-z][a-z0-9_]*::)+[a-z][a-z0-9_]*)")
VARIABLE = re.compile(r"[a-z_][A-Za-z0-9_]*")
RESERVED = frozenset(
    [
        "agent_specified_environment",
        "caller_module_name",
        "clientcert",
        "clientnoop",
        "clientversion",
        "enclume",
        "environment",
        "facts",
        "module_name",
        "name",
        "server_facts",
        "serverip",
        "serverip6",
        "servername",
        "serverversion",
        "settings",
        "title",
        "trusted",
    ]
)

RESERVED_PARAMETERS = frozenset(["enclume::guests", "enclume::providers", "enclume::services", "enclume::site"])
"""What Hiera finds the topology under."""

DEEPEST = 30
"""Levels of arrays and hashes that a value may have; an answer as a whole can have few more."""

_SETTING = re.compile(r"\s*(?:::)?([^=+]+?)\s*(\+?=)(.*)", re.DOTALL)
BOOLEANS = {"true": True, "false": False}
"""What a puppetVar of these words means to Puppet; every other one is text."""


class Reader:
    """Reads one entry: collects its statements and what is wrong in it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.statements: list[Statement] = []
        self.findings: list[Finding] = []

    def wrong(self, code: str, attribute: str, message: str, *, holds: bool = True) -> None:
        """Note a finding about an attribute of the entry."""
        self.findings.append(Finding(code, self.entry.dn, attribute, message, holds=holds))

    def read_statements(self) -> None:
        """Read every statement of the entry."""
        for value in self.entry.values("puppetclass"):
            self.state_class(value)
        for value in self.entry.values("enclumeparameter"):
            self.state_parameter(value)
        for value in self.entry.values("puppetvar"):
            self.state_variable(value)
        for value in self.entry.values("environment"):
            self.state_environment(value)

    def json(self, attribute: str, value: str) -> tuple[str, Any, bool] | None:
        """Split `name=JSON` or `name+=JSON`; None, with a finding, when it is neither."""
        match = _SETTING.fullmatch(value)
        if match is None:
            self.wrong("bad_value", attribute, f"{value!r} is no `name=JSON`: write it so, or remove it")
            return None
        try:
            content = msgspec.json.decode(match[3])
        except (msgspec.DecodeError, RecursionError) as error:
            # The value itself is not shown: it may well be a password without its quotes.
            message = f"the value of {_short(match[1])} is no JSON ({error}): text stands in double quotes"
            self.wrong("bad_value", attribute, message)
            return None
        if _deeper(content, DEEPEST):
            self.wrong("bad_value", attribute, f"the value of {_short(match[1])} is nested too deep: flatten it")
            return None
        return match[1], content, match[2] == "+="

    def state(self, aspect: str, name: str, value: Any, attribute: str, *, unites: bool = False) -> None:
        """Add a statement that the attribute makes."""
        origin = Origin(self.entry.dn, attribute)
        self.statements.append(Statement(aspect, name, value, origin, unites))  # type: ignore[arg-type]

    def state_class(self, value: str) -> None:
        """Read one puppetClass."""
        name = value.strip().removeprefix("::")
        if CLASS.fullmatch(name):
            self.state("class", name, True, "puppetClass")
        else:
            self.wrong("bad_name", "puppetClass", f"{value!r} is no class name: lower case, parts joined by `::`")

    def state_parameter(self, value: str) -> None:
        """Read one enclumeParameter."""
        found = self.json("enclumeParameter", value)
        if found is None:
            return
        name, content, unites = found
        if not PARAMETER.fullmatch(name):
            self.wrong("bad_name", "enclumeParameter", f"{name!r} is no class parameter: write `class::name=JSON`")
        elif name in RESERVED_PARAMETERS:
            message = f"{name} is what Enclume says of the estate: it is left out; rename it"
            self.wrong("reserved_name", "enclumeParameter", message, holds=False)
        elif unites and not isinstance(content, list | dict):
            self.wrong("bad_value", "enclumeParameter", f"{name}+= takes an array or a hash: set it with `=`")
        else:
            self.state("parameter", name, content, "enclumeParameter", unites=unites)

    def state_variable(self, value: str) -> None:
        """Read one puppetVar."""
        name, equals, content = value.partition("=")
        name = name.strip()
        if not equals or not VARIABLE.fullmatch(name):
            self.wrong("bad_name", "puppetVar", f"{value!r} is no `name=value` with a name that Puppet accepts")
        elif name in RESERVED:
            self.wrong("reserved_name", "puppetVar", f"{name} is reserved: it is left out; rename it", holds=False)
        else:
            self.state("variable", name, BOOLEANS.get(content, content), "puppetVar")

    def state_environment(self, value: str) -> None:
        """Read one environment."""
        if ENVIRONMENT.fullmatch(value):
            self.state("environment", "", value, "environment")
        else:
            self.wrong("bad_name", "environment", f"{value!r} is no environment name: letters, digits and `_` only")


def _deeper(value: Any, levels: int) -> bool:
    """Whether a value has more levels of arrays and hashes than these."""
    if not isinstance(value, list | dict):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
