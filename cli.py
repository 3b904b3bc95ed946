"""The command line `enclume`: what it can do, and the way to it that loads least."""

import importlib
import io
import sys
from collections.abc import Sequence

COMMANDS = {
    "serve": "Run the service.",
    "demo": "Run everything on examples, on this machine alone.",
    "classify": "Show what Puppet is told about a node.",
    "why": "Explain where a node's classes and parameters come from.",
    "preview": "Show what an LDIF would change, without touching LDAP.",
    "approve": "Show what the guard holds, and release it by its number.",
    "assign": "Add a host to a service in LDAP.",
    "unassign": "Remove a host from a service in LDAP.",
    "audit": "Show what is wrong now, worst first.",
    "layers": "Show what starts when, and what would not without guests.",
    "check": "Check one thing, as a plugin of Icinga or Nagios.",
    "runs": "Show what Puppet's runs did, what fails, and what does not run.",
    "icinga": "Configure Icinga from what Enclume knows.",
    "doctor": "Check everything that Enclume stands on, and say what to do.",
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit status. What goes wrong is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A locale without some letter or arrow is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["check"]:
        return check(given[1:])
    return importlib.import_module("commands.group").run(given)  # type: ignore[no-any-return]


def check(arguments: Sequence[str]) -> int:
    """Run the plugin, which monitoring starts many times a second: nothing that it does not need is loaded."""
    return importlib.import_module("commands.check").main(arguments)  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
