"""Reports of Puppet runs: how much may wait, and how long their history is kept."""

from typing import Annotated

from msgspec import Meta, Struct

_Bytes = Annotated[int, Meta(ge=1024)]
_Report = Annotated[int, Meta(ge=1024, le=16 * 1024 * 1024)]
"""No more than is read later (`reports.document.MAX_BYTES`): what was acknowledged would be kept aside."""


class ReportSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How reports of Puppet runs are taken and kept (`reports`)."""

    keep_days: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="days for which runs are kept; the last of each node stays")
    ] = 365.0
    body_bytes: Annotated[_Report, Meta(description="largest report, in bytes")] = 8 * 1024 * 1024
    spool_bytes: Annotated[
        _Bytes, Meta(description="bytes of reports that may wait while the database is away; more are refused")
    ] = 1024 * 1024 * 1024
    rejected_bytes: Annotated[
        _Bytes, Meta(description="bytes of reports that make no sense and are kept for whoever looks; the oldest go")
    ] = 64 * 1024 * 1024
