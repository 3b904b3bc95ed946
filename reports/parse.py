"""A report's bytes as a `Report`, whoever sent them."""

from typing import Literal

from reports import foreign, puppet
from reports.report import Report

Form = Literal["puppet", "foreman"]
"""Who wrote it: Puppet's `http` and `store` processors (YAML), or Foreman's report processor (JSON)."""


def parse(body: bytes, form: Form = "puppet") -> Report:
    """The report in these bytes. Raises `ReportError` for whatever makes no report, in bounded time and memory."""
    return foreign.report(body) if form == "foreman" else puppet.report(body)
