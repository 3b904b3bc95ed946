"""Reports to read: those that real agents sent, those written after each format's documentation, and made ones."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "fixtures" / "reports"
CAPTURES = ("changed-notify-only", "failed-catalog", "failed", "noop", "unchanged")
"""Reports that Foreman's processor was given too."""
FORMATS = (4, 5, 6, 9, 10, 11)

HEAD = "--- !ruby/object:Puppet::Transaction::Report\n"
LEAST = {
    "host": "web01.lab.test",
    "time": "'2026-11-22T12:00:00.000000000+00:00'",
    "report_format": "12",
    "status": "unchanged",
    "logs": "[]",
    "metrics": "{}",
    "resource_statuses": "{}",
    "corrective_change": "false",
}


def capture(name: str) -> bytes:
    """A report of tests/fixtures/reports."""
    return (FOLDER / f"{name}.yaml").read_bytes()


def made(head: str = HEAD, **fields: str | None) -> bytes:
    """The least report there is, with these fields as YAML; None leaves one out."""
    lines = (f"{key}: {value}\n" for key, value in {**LEAST, **fields}.items() if value is not None)
    return (head + "".join(lines)).encode()
