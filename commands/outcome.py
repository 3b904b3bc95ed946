"""How a command ends: 0 fine, 1 the answer is no, 2 wrong use, 3 could not know."""

from errors import EnclumeError, LdifError, SettingsError

FINE, NO, WRONG_USE, UNKNOWN = range(4)


class No(EnclumeError):
    """The answer is no: there is no such node, class, host, service or hold."""


class Misused(EnclumeError):
    """The command was given what it cannot work with."""


def status_of(error: EnclumeError) -> int:
    """The exit status for an error. Whatever lies outside of us (LDAP, a hypervisor, the service, a file) is 3."""
    if isinstance(error, No):
        return NO
    if isinstance(error, Misused | SettingsError | LdifError):
        return WRONG_USE
    return UNKNOWN
