"""Who writes to LDAP, and to which server: the settings', or what the command line names."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from msgspec.structs import replace

from commands.outcome import Misused
from settings import DirectorySettings


@contextmanager
def writing(
    settings: DirectorySettings, uri: str | None, bind_dn: str | None, password_file: str | None
) -> Iterator[DirectorySettings]:
    """The directory's settings with the server and the identity that the command line names."""
    if password_file is not None and bind_dn is None:
        raise Misused("--password-file belongs to a --bind-dn")
    if uri is not None:
        settings = _replaced(settings, uri=uri)
    if bind_dn is None:
        yield settings
    elif password_file is not None:
        yield _replaced(settings, bind_dn=bind_dn, password_file=password_file)
    else:
        with _asked_password(bind_dn) as file:
            yield _replaced(settings, bind_dn=bind_dn, password_file=file)


def _replaced(settings: DirectorySettings, **values: str) -> DirectorySettings:
    try:
        return replace(settings, **values)
    except ValueError as error:
        raise Misused(str(error)) from error


@contextmanager
def _asked_password(bind_dn: str) -> Iterator[str]:
    """A file in memory alone that holds the password typed on the terminal."""
    if not sys.stdin.isatty():
        raise Misused(f"the password of {bind_dn} can be asked for on a terminal only: give --password-file")
    password = click.prompt(f"Password of {bind_dn}", hide_input=True, err=True)
    descriptor = os.memfd_create("password", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, f"{password}\n".encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
