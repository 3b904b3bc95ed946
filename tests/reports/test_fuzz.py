"""Whatever comes in: a report or a `ReportError`, in bounded time and memory."""

import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from errors import ReportError
from reports.parse import parse
from reports.report import Report
from tests.reports.bombs import BOMBS
from tests.reports.papers import CAPTURES, FORMATS, HEAD, capture

ROOT = Path(__file__).resolve().parents[2]
BODIES = [capture(name) for name in (*CAPTURES, *(f"format-{number}" for number in FORMATS))]
MOST_SECONDS, MOST_BYTES = 4, 512 * 2**20
"""What a body may cost (docs/decisions/0085): of the processor, not of the clock on the wall, so that others at work on
this machine do not count; and of memory, with the interpreter and the body itself.
"""
SLOWER = 3
"""How much slower than where that was measured a processor may be."""

TOKENS = (
    b"\n", b"  ", b"- ", b": ", b"? ", b"[", b"]", b"{", b"}", b",", b"'", b'"', b"|", b">", b"&1 ", b"*1",
    b"!ruby/sym ", b"!ruby/object:Puppet::Util::Log ", b"!!binary ", b"~", b"\0", b"\xff", b"\xed\xa0\x80",
    b"%TAG !a! b\n", b"---\n", b"...\n", b"\xef\xbb\xbf", b"<<: ", b"host: ", b"time: ", b"events: ", b'"\\ud800"',
    b'"\\0"', b".nan", b"9" * 40,
)  # fmt: skip


def read(body: bytes) -> None:
    """The one thing that must hold."""
    with suppress(ReportError):
        assert isinstance(parse(body), Report)


@given(st.sampled_from(BODIES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 400), st.sampled_from(TOKENS))))
def test_a_report_with_other_bytes_in_it(body: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    changed = bytearray(body)
    for place, length, token in changes:
        at = int(place * len(changed))
        changed[at : at + length] = token
    read(bytes(changed))


@given(st.lists(st.sampled_from(TOKENS)).map(b"".join))
def test_yaml_of_whatever_tokens(tokens: bytes) -> None:
    read(HEAD.encode() + tokens + b"\n")


@given(st.binary())
@example(b"\x1f\x8b\x08\x00")
@example(b"\xff\xfe-\0-\0-\0")
def test_bytes_that_nobody_meant(body: bytes) -> None:
    read(body)
    read(b"--- " + body + b"\n")


VALUES = st.recursive(
    st.sampled_from(["~", "true", "x", "5", ".5", "''", "'2026-11-22T12:00:00Z'", "failed", "success", ":a"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda values: f"[{', '.join(values)}]"),
        st.dictionaries(
            st.sampled_from(["values", "events", "status", "level", "message", "changed", "__ptype", "time", "x"]),
            inner,
            max_size=4,
        ).map(lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs.items())}}}"),
    ),
    max_leaves=20,
)
FIELDS = ("logs", "metrics", "resource_statuses", "transaction_uuid", "environment", "noop_pending", "report_format")


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_fields_of_whatever_shape(fields: dict[str, str]) -> None:
    given_first = {"report_format": "12", "logs": "[]", "metrics": "{}", "resource_statuses": "{}"} | fields
    lines = "".join(f"{key}: {value}\n" for key, value in given_first.items())
    tail = "host: a\ntime: '2026-11-22T12:00:00Z'\nstatus: failed\ncorrective_change: false\n"
    read((HEAD + lines + tail).encode())


READER = """
import sys, time
from pathlib import Path
from errors import FactsError, ReportError
from facts.facter.document import read_json
from facts.facter.node_facts import kept_of
from reports.parse import parse
form, body = sys.argv[1], Path(sys.argv[2]).read_bytes()
began, said = time.process_time(), ""
try:
    kept_of(read_json(body), ("os.family", "a"), 0.0) if form == "facts" else parse(body, form)
except (FactsError, ReportError) as error:
    said = str(error)
spent = time.process_time() - began
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Vm"))
print(spent, status["VmHWM"].split()[0], said)
"""


def _guard() -> None:
    """Ends a body that costs far more, before the machine suffers."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * MOST_BYTES, 4 * MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


@pytest.mark.parametrize(("form", "name"), [(form, name) for form, bombs in BOMBS.items() for name in bombs])
def test_a_bomb_costs_no_more_than_the_decision_says(form: str, name: str, tmp_path: Path) -> None:
    make, expected = BOMBS[form][name]
    body = tmp_path / "body"
    body.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", READER, form, str(body)],
        cwd=ROOT,
        preexec_fn=_guard,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    spent, peak, said = done.stdout.rstrip("\n").split(" ", 2)
    assert expected in said
    assert bool(expected) == bool(said)
    assert float(spent) < MOST_SECONDS * SLOWER
    assert int(peak) * 1024 < MOST_BYTES
