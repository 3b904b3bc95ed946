"""Bodies made to cost as much as they can, by who reads them; and what is said of each, "" where it is read."""

import gzip
from collections.abc import Callable, Mapping

SIZE = 16 * 2**20 - 64
FACTS = 2 * 2**20 - 64
HEAD = (
    b"--- !ruby/object:Puppet::Transaction::Report\nhost: a\ntime: '2026-11-22T12:00:00Z'\nstatus: failed\n"
    b"report_format: 12\nmetrics: {}\ncorrective_change: false\n"
)
TOO_LARGE = "too large, with its aliases"
NO_TEXT = "Expected `bool | int | float | str | null`, got `array`"

Bomb = tuple[Callable[[], bytes], str]


def escapes() -> bytes:
    """A text of escapes and one letter beyond 16 bits, 47 times in one message: as JSON a text of 1.4 GiB."""
    return HEAD + b'x: &a "\\U0001F600' + b"\\x01" * 10**6 + b'"\nresource_statuses: {}\nlogs:\n' + (
        b"- {level: err, message: [" + b"*a," * 47 + b"]}\n"
    )  # fmt: skip


def letters() -> bytes:
    """A report that is right, of as many texts as it may have, each four bytes a letter for the one in its middle."""
    text = b'x: &a "' + b"a" * 1000 + "\U0001f600".encode() + b"a" * 1000 + b'"\n'
    return HEAD + text + b"resource_statuses: {}\nlogs: [" + b"{level: err, message: [*a]}," * 22_000 + b"]\n"


def laughs() -> bytes:
    """Nine lines of these would be a billion values."""
    rows = (b"- &%d [%s]\n" % (n, b",".join([b"*%d" % (n - 1)] * 99)) for n in range(1, 99))
    return b"---\n- &0 [" + b"ha," * 99 + b"]\n" + b"".join(rows)


def directives() -> bytes:
    """As many as there is room for."""
    return b"".join(b"%%TAG !a%d! b\n" % n for n in range(SIZE // 18))


def events() -> bytes:
    """A report that is right, of as many events as it may have."""
    return HEAD + b"logs: []\nresource_statuses: {a: {events: [" + b"{status: success}," * 380_000 + b"]}}\n"


def foreman(status: bytes = b"", metrics: bytes = b"", logs: bytes = b"") -> bytes:
    """A report in Foreman's form with this inside."""
    head = b'{"config_report":{"host":"a","reported_at":"2026-11-22 12:00:00 UTC",'
    return head + b'"status":{%s},"metrics":{%s},"logs":[%s]}}' % (status, metrics, logs)


def message(value: bytes) -> bytes:
    """A log line in Foreman's form."""
    return foreman(logs=b'{"log":{"messages":{"message":%s}}}' % value)


def times(text: bytes, size: int = SIZE) -> bytes:
    """It again and again, with commas, in nearly so many bytes."""
    return (text + b",") * ((size - 300) // (len(text) + 1) - 1) + text


def names(value: bytes, size: int = SIZE) -> bytes:
    """An object's content, each name another."""
    return b",".join(b'"%x":%s' % (n, value) for n in range(size // (len(value) + 10)))


PUPPET: Mapping[str, Bomb] = {
    "a mapping after another": (lambda: b"--- [" + b"{}," * (SIZE // 3) + b"\n", TOO_LARGE),
    "lists in lists": (lambda: b"---\n" + (b"- " * 29 + b"-\n") * (SIZE // 60), TOO_LARGE),
    "anchors": (lambda: b"--- [" + b"".join(b"&%d a," % n for n in range(SIZE // 11)) + b"\n", TOO_LARGE),
    "letters beyond 16 bits": (lambda: b"---\n" + "- \U0001f600\n".encode() * (SIZE // 7), TOO_LARGE),
    "brackets": (lambda: b"--- " + b"[" * SIZE + b"\n", "nested more than 64 levels"),
    "keys": (lambda: b"---\n" + b"? " * (SIZE // 2) + b"\n", "a mapping's key is no text"),
    "one word": (lambda: b"--- " + b"a" * SIZE + b"\n", "no Puppet report"),
    "quotes without an end": (lambda: b'--- "' + b"\\x41" * (SIZE // 4) + b"\n", "unexpected end of stream"),
    "directives": (lambda: directives() + b"--- a\n", "not a YAML document that begins with"),
    "directives after the report": (lambda: b"--- a\n...\n" + directives(), "no Puppet report"),
    "a billion laughs": (laughs, TOO_LARGE),
    "a hundred megabytes": (lambda: b"---\n" + b"- a\n" * (25 * 2**20), "more than 16777216"),
    "gzip": (lambda: gzip.compress(bytes(100 * 2**20)), "compressed with gzip"),
    "escapes": (escapes, TOO_LARGE),
    "letters beyond 16 bits in a report": (letters, ""),
    "events": (events, ""),
}
FOREMAN: Mapping[str, Bomb] = {
    "log lines": (lambda: foreman(logs=times(b'{"log":{}}')), ""),
    "objects in a message": (lambda: message(b"[%s]" % times(b"{}")), NO_TEXT),
    "objects in the status": (lambda: foreman(status=b'"a":[%s]' % times(b'{"":{}}')), NO_TEXT),
    "a deep message": (lambda: message(b"[" * 900 + b"]" * 900), NO_TEXT),
    "a deep body": (lambda: b'{"x":' + b"[" * SIZE, "recursion depth"),
    "a wide status": (lambda: foreman(status=names(b"0")), ""),
    "a wide metric": (lambda: foreman(metrics=b'"time":{%s}' % names(b"0")), ""),
    "many metrics": (lambda: foreman(metrics=names(b'{"":0}')), ""),
    "a name again and again": (lambda: foreman(status=times(b'"a":0')), ""),
    "a huge number": (lambda: foreman(status=b'"a":' + b"9" * (SIZE - 300)), "out of range"),
    "a number without an end": (lambda: foreman(status=b'"a":0.' + b"9" * (SIZE - 300)), ""),
    "half of a pair": (lambda: message(b'"%s"' % (b"\\ud800" * (SIZE // 7))), "surrogate"),
    "cut off": (lambda: message(b'"%s"' % (b"a" * (SIZE - 300)))[:-9], "truncated"),
    "a hundred megabytes": (lambda: message(b'"%s"' % (b"a" * 100 * 2**20)), "more than 16777216"),
    "gzip": (lambda: gzip.compress(bytes(100 * 2**20)), "JSON is malformed"),
}
SMALL: Mapping[str, Bomb] = {
    "objects": (lambda: b'{"a":[%s]}' % times(b'{"":{}}', FACTS), "too many values"),
    "deep": (lambda: b'{"a":' + b"[" * FACTS, "nested too deeply"),
    "less deep": (lambda: b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "nested too deeply"),
    "wide": (lambda: b"{%s}" % names(b"0", FACTS), "too many values"),
    "a name again and again": (lambda: b"{%s}" % times(b'"a":{}', FACTS), ""),
    "a huge number": (lambda: b'{"a":%s}' % (b"9" * (FACTS - 9)), "out of range"),
    "half of a pair": (lambda: b'{"a":"\\ud800"}', "no JSON"),
    "cut off": (lambda: b'{"a":"', "truncated"),
    "a hundred megabytes": (lambda: b'{"a":"%s"}' % (b"a" * 100 * 2**20), "expected at most 2097152"),
    "gzip": (lambda: gzip.compress(bytes(100 * 2**20)), "no JSON"),
}
BOMBS: Mapping[str, Mapping[str, Bomb]] = {"puppet": PUPPET, "foreman": FOREMAN, "facts": SMALL}
