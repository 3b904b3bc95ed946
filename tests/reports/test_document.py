"""YAML as plain data, within limits."""

import pytest

from errors import ReportError
from reports import document


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a", "a"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ("!ruby/sym failed", "failed"),
        (":failed", "failed"),
        (':"in quotes"', "in quotes"),
        ("':failed'", ":failed"),
        ("0644", "0644"),
        ("yes", "yes"),
        ("2024-01-02", "2024-01-02"),
        ("!ruby/regexp /a/", "/a/"),
        ("!ruby/string:Puppet::Util::Execution::ProcessOutput x", "x"),
        ("!!python/object/apply:os.system [id]", ["id"]),
        ("!ruby/object:Gem::Requirement {a: b}", {"a": "b"}),
        ("!ruby/object:Puppet::Pops::Types::PSensitiveType::Sensitive {value: s}", "[redacted]"),
        ("!ruby/object:Puppet::Pops::Types::PSensitiveType::Sensitive s", "[redacted]"),
        ("{<<: {a: b}, ~: c}", {"<<": {"a": "b"}, "": "c"}),
        ("[&1 [a], *1, *1]", [["a"], ["a"], ["a"]]),
        ('"\\0"', "\ufffd"),
    ],
)
def test_everything_is_plain_data(text: str, read: object) -> None:
    assert document.read(f"--- {text}\n".encode()).content == read


def test_the_root_has_its_tag() -> None:
    assert document.read(b"--- !ruby/object:A\na: !b\n").tag == "!ruby/object:A"


def test_only_the_first_document_is_read() -> None:
    assert document.read(b"--- a\n--- b\n...\n%TAG ! x\n").content == "a"


@pytest.mark.parametrize("inside", ["&1 s3cret", "&1 [s3cret]", "{a: {b: &1 s3cret}}"])
def test_what_stands_in_something_sensitive_is_not_to_be_had_by_an_alias(inside: str) -> None:
    text = f"--- [!ruby/object:Puppet::Pops::Types::PSensitiveType::Sensitive {{value: {inside}}}, *1]\n"
    assert document.read(text.encode()).content == ["[redacted]", "[redacted]"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"---\na: b\n  c: d\n", r"line 3, column 4: mapping values are not allowed in this context"),
        (b"---\na: 'b\n", r"line 3, column 1: found unexpected end of stream"),
        (b"---\na: *b\n", r"line 2, column 4: the alias \*b names nothing before it"),
        (b"---\na: &b [*b]\n", r"line 2, column 8: the alias \*b names nothing before it"),
        (b"---\n{[a]: b}\n", r"line 2, column 2: a mapping's key is no text"),
        (b"---\n- \xff\n", r"byte 6: invalid leading UTF-8 octet"),
        (b"---\n- \x07\n", r"byte 6: control characters are not allowed"),
        (b"--- a", r"its last line has no end: the rest is missing"),
        (b"%TAG !a! b\n--- a\n", r"line 1, column 1: it is not a YAML document that begins with `---`"),
        (b"--- " + b"[" * 1000 + b"\n", r"line 1, column 69: it is nested more than 64 levels deep"),
    ],
)
def test_an_error_says_what_and_where(text: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        document.read(text)


def laughs(lines: int) -> bytes:
    """A billion laughs: each line is nine times the one before."""
    more = (f"a{line}: &{line} [{','.join([f'*{line - 1}'] * 9)}]\n" for line in range(1, lines))
    return ("---\na0: &0 [ha]\n" + "".join(more)).encode()


def test_aliases_that_multiply_are_refused_by_what_they_would_be() -> None:
    with pytest.raises(ReportError, match=r"line \d+, column \d+: it is too large, with its aliases written out"):
        document.read(laughs(30))


def test_aliases_that_cost_little_are_read() -> None:
    assert len(document.read(laughs(5)).content) == 5
