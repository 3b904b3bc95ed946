"""Whose backups a backup server keeps: BackupPC knows neither kinds nor certnames."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

Kind = Literal["data", "system", "container", "offsite"]


class BackupOf(Struct, frozen=True, forbid_unknown_fields=True):
    """What one of a backup server's hosts is (`backups.hosts`, by the name that the server has for it)."""

    certname: Annotated[str, Meta(description="whose backup it is")]
    kind: Annotated[Kind, Meta(description="data, system, container or offsite")]


class BackupSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How a backup server's own names are read (`backups`)."""

    kind: Annotated[
        Kind, Meta(description="the kind of a backup whose host is a certname and whose kind nobody says")
    ] = "system"
    hosts: Annotated[
        Mapping[str, BackupOf],
        Meta(description="what a backup server's host is: its certname and kind, by the server's name for it"),
    ] = {}
