"""A report's bytes as a `Report`, whoever sent them."""

from reports import foreign, puppet
from reports.entry import Form
from reports.report import Report


def parse(body: bytes, form: Form = "puppet") -> Report:
    """The report in these bytes. Raises `ReportError` for whatever makes no report, in bounded time and memory."""
    return foreign.report(body) if form == "foreman" else puppet.report(body)
