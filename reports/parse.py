"""A report's bytes as a `Report`, whoever sent them."""

from typing import Literal

from errors import ReportError
from reports import puppet
from reports.report import Report

Form = Literal["puppet", "foreman"]
"""Who wrote it: Puppet's `http` and `store` processors (YAML), or Foreman's report processor (JSON)."""


def parse(body: bytes, form: Form = "puppet") -> Report:
    """The report in these bytes. Raises `ReportError` for whatever makes no report, in bounded time and memory."""
    if form == "foreman":
        raise ReportError("a report in Foreman's form is not read yet")
    return puppet.report(body)
