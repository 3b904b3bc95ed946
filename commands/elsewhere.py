"""The service that `--url` names, asked without settings: for other machines, and for when the settings are wrong."""

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from msgspec import Struct

from commands.check_client import Certificates, Unknown, ask, check_url, connect, find_certificates
from commands.client import Service
from commands.common import load_settings
from commands.outcome import Misused, No
from errors import SettingsError, SourceError
from settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def options(function: F) -> F:
    """The options that name the service, and what to show there."""
    for decorate in (
        click.option("--ca", metavar="FILE", help="With --url: certificates of the Puppet CA."),
        click.option("--key", metavar="FILE", help="With --url: private key of the certificate."),
        click.option(
            "--cert", metavar="FILE", help="With --url: certificate to show; default: this host's own of Puppet."
        ),
        click.option(
            "--url", metavar="URL", help="The service, where it is not this machine's; no settings are read then."
        ),
    ):
        function = decorate(function)
    return function


class Elsewhere(Struct, frozen=True):
    """The service that is asked: the one that the options name, else the one of the settings."""

    url: str
    get_json: Callable[[str], Any]
    """The JSON that a GET of a path answers. Raises `No`, `Misused` or `SourceError`."""
    connect: Callable[[], http.client.HTTPConnection]
    """A connection for several requests. Raises `SourceError`."""


def named(config: str | None, options: Mapping[str, str | None], timeout: float = 30.0) -> Elsewhere:
    """The service that the options name, else that of the settings. Raises `Misused` or `SettingsError`."""
    url = options["url"]
    if not url:
        service = Service(_settings(config), advice="or name it with --url", timeout=timeout)
        return Elsewhere(service.url, service.get_json, service.connect)
    try:
        check_url(url)
    except Unknown as error:
        raise Misused(str(error)) from error
    return Elsewhere(
        url, lambda path: _get_json(url, path, options, timeout), lambda: _connected(url, options, timeout)
    )


def _settings(config: str | None) -> Settings:
    try:
        return load_settings(config)
    except SettingsError as error:
        advice = f"{error.expected}; or name the service with --url, for which no settings are read"
        raise SettingsError(error.file, error.key, advice) from error


def _certificates(url: str, options: Mapping[str, str | None]) -> Certificates | None:
    if url.startswith("http:"):
        return None
    return find_certificates(options["cert"], options["key"], options["ca"], required=True)


def _connected(url: str, options: Mapping[str, str | None], timeout: float) -> http.client.HTTPConnection:
    try:
        return connect(url, _certificates(url, options), timeout)
    except Unknown as error:
        raise SourceError(url, str(error).removeprefix(f"{url}: ")) from error


def _get_json(url: str, path: str, options: Mapping[str, str | None], timeout: float) -> Any:
    try:
        return json.loads(ask(url, path, _certificates(url, options), timeout))
    except Unknown as error:
        kinds = {400: Misused, 404: No}
        raise kinds[error.status](str(error)) if error.status in kinds else SourceError(url, str(error)) from error
    except (ValueError, RecursionError) as error:
        # A RecursionError is JSON that is nested more deeply than anybody reads.
        raise SourceError(url, "answered with what is no JSON", "is it Enclume that listens there?") from error
