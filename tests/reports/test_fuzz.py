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
from tests.reports.papers import CAPTURES, FORMATS, HEAD, capture

ROOT = Path(__file__).resolve().parents[2]
BODIES = [capture(name) for name in (*CAPTURES, *(f"format-{number}" for number in FORMATS))]
MEGABYTE = 1024 * 1024
ADDRESS_SPACE = 1024 * MEGABYTE
CPU_SECONDS = 60

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


BOMBS = {
    "a mapping after another": "b'--- [' + b'{},' * (size // 3)",
    "brackets": "b'--- ' + b'[' * size",
    "keys": "b'---\\n' + b'? ' * (size // 2)",
    "one word": "b'--- ' + b'a' * size",
    "quotes without an end": "b'--- \"' + b'\\\\x41' * (size // 4)",
    "directives": "b''.join(b'%%TAG !a%d! b\\n' % n for n in range(size // 16)) + b'--- a'",
    "directives after the report": "b'--- a\\n...\\n' + b''.join(b'%%TAG !a%d! b\\n' % n for n in range(size // 16))",
    "a billion laughs": "b'---\\n- &0 [' + b'ha,' * 99 + b']\\n' + b''.join("
    "b'- &%d [%s]\\n' % (n, b','.join([b'*%d' % (n - 1)] * 99)) for n in range(1, 99))",
    "a hundred megabytes": "b'---\\n' + b'- a\\n' * (25 * 2**20)",
}
BOMB = """
import time
from errors import ReportError
from reports.parse import parse
size = 16 * 2**20 - 64
body = {body} + b"\\n"
try:
    parse(body)
except ReportError as error:
    print(error)
"""


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_a_process_of_a_gigabyte_and_a_minute(name: str) -> None:
    code = BOMB.format(body=BOMBS[name])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        preexec_fn=_limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
