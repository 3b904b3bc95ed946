"""LDIF as RFC 2849 writes it: what is read, and what is refused with its line and DN."""

import pytest

from errors import LdifError
from facts.directory.changes import Add, Attribute, Delete, Modification, Modify, Rename
from facts.directory.ldif import parse

WEB = "cn=web01,ou=hosts,dc=lab,dc=test"


def test_content_records_are_new_entries() -> None:
    text = f"version: 1\n\ndn: {WEB}\nobjectClass: device\nobjectclass: top\ncn: web01\n\n\ndn: dc=test\ndc: test\n"
    assert parse(text) == [
        Add(3, WEB, (Attribute("objectClass", ("device", "top")), Attribute("cn", ("web01",)))),
        Add(9, "dc=test", (Attribute("dc", ("test",)),)),
    ]


def test_a_version_may_stand_right_above_the_first_record() -> None:
    assert parse("version: 1\ndn: dc=test\ndc: test\n") == [Add(2, "dc=test", (Attribute("dc", ("test",)),))]


def test_nothing_is_no_change() -> None:
    assert parse("") == []
    assert parse("\n\n# only words\n\n") == []


def test_folded_lines_comments_and_carriage_returns() -> None:
    text = (
        "# a comment\r\n  that goes on: here\r\ndn: cn=web\r\n 01,dc=test\r\n# another\r\ndescription: one\r\n  two\r\n"
        " three\r\n\r\n"
    )
    assert parse(text) == [Add(3, "cn=web01,dc=test", (Attribute("description", ("one twothree",)),))]


def test_base64_is_text_where_it_is_utf8_and_bytes_elsewhere() -> None:
    text = "dn:: Y249w6ksZGM9dGVzdA==\ndescription:: w6k=\naudio:: /wA=\ncn:  é \nempty:\n"
    assert parse(text) == [
        Add(
            1,
            "cn=é,dc=test",
            (
                Attribute("description", ("é",)),
                Attribute("audio", (b"\xff\x00",)),
                Attribute("cn", ("é ",)),
                Attribute("empty", ("",)),
            ),
        )
    ]


def test_a_modify_has_parts_that_dashes_end() -> None:
    text = (
        f"dn: {WEB}\nchangetype: modify\nadd: puppetClass\npuppetClass: a\npuppetclass: b\n-\ndelete: description\n-\n"
        "replace: environment\nenvironment: test\n-\nincrement: enclumeEpoch\nenclumeEpoch: 1\n"
    )
    assert parse(text) == [
        Modify(
            1,
            WEB,
            (
                Modification(3, "add", Attribute("puppetClass", ("a", "b"))),
                Modification(7, "delete", Attribute("description", ())),
                Modification(9, "replace", Attribute("environment", ("test",))),
                Modification(12, "increment", Attribute("enclumeEpoch", ("1",))),
            ),
        )
    ]


def test_the_other_kinds_of_change() -> None:
    text = (
        f"dn: {WEB}\nchangetype: delete\n\n"
        "dn: dc=test\nchangetype: add\nobjectClass: domain\n\n"
        f"dn: {WEB}\nchangetype: modrdn\nnewrdn: cn=web02\ndeleteoldrdn: 1\n\n"
        f"dn: {WEB}\nChangeType: modDN\nnewrdn: cn=web01\ndeleteoldrdn: 0\nnewsuperior: ou=x,dc=test\n"
    )
    assert parse(text) == [
        Delete(1, WEB),
        Add(4, "dc=test", (Attribute("objectClass", ("domain",)),)),
        Rename(8, WEB, "cn=web02", delete_old_rdn=True),
        Rename(13, WEB, "cn=web01", delete_old_rdn=False, superior="ou=x,dc=test"),
    ]


def test_attribute_options_belong_to_the_name() -> None:
    assert parse("dn: dc=test\ndescription;lang-fr: oui\n") == [
        Add(1, "dc=test", (Attribute("description;lang-fr", ("oui",)),))
    ]


@pytest.mark.parametrize(
    ("text", "line", "dn", "reason"),
    [
        ("cn: web01\n", 1, "", "a record begins with `dn:`"),
        ("dn: dc=test\n", 1, "dc=test", "nothing follows"),
        ("version: 2\ndn: dc=test\ndc: test\n", 1, "", "only version 1"),
        (" dn: dc=test\n", 1, "", "begins with a space"),
        ("dn: dc=test\nno colon\n", 2, "", "expected `attribute: value`"),
        ("dn: dc=test\nd_c: test\n", 2, "", "expected `attribute: value`"),
        ("dn: dc=test\njpegPhoto:< file:///etc/passwd\n", 2, "", "refused"),
        ("dn: dc=test\ndc:: $$$\n", 2, "", "no base64"),
        ("dn:: /wA=\ndc: test\n", 1, "", "no UTF-8"),
        ("dn: dc=test\ncontrol: 1.2.3 true\nchangetype: delete\n", 2, "dc=test", "controls are not supported"),
        ("dn: dc=test\nchangetype: destroy\n", 2, "dc=test", "'destroy': expected add"),
        ("dn: dc=test\nchangetype: delete\ndc: test\n", 3, "dc=test", "nothing may follow"),
        ("dn: dc=test\nchangetype: add\n", 1, "dc=test", "a new entry needs attributes"),
        ("dn: dc=test\ndc: test\n-\n", 3, "dc=test", "`-` stands only in a modify"),
        ("dn: dc=test\nadd: dc\ndc: test\n", 2, "dc=test", "write `changetype: modify` before `add:`"),
        ("dn: dc=test\nchangetype: modify\n", 1, "dc=test", "nothing is modified"),
        ("dn: dc=test\nchangetype: modify\ndc: test\n", 3, "dc=test", "expected `add:`"),
        ("dn: dc=test\nchangetype: modify\nadd: d c\ndc: test\n", 3, "dc=test", "expected `add:`"),
        ("dn: dc=test\nchangetype: modify\nadd: dc\n", 3, "dc=test", "add needs a value of dc"),
        ("dn: dc=test\nchangetype: modify\nadd: dc\no: test\n", 4, "dc=test", "expected a value of dc, or `-`"),
        ("dn: dc=test\nchangetype: modrdn\nnewrdn: dc=x\n", 1, "dc=test", "needs newrdn and deleteoldrdn"),
        (
            "dn: dc=test\nchangetype: modrdn\nnewrdn: dc=x\ndeleteoldrdn: yes\n",
            4,
            "dc=test",
            "'yes': expected 0 or 1",
        ),
        ("dn: dc=test\nchangetype: modrdn\nnewrdn: dc=x\nnewrdn: dc=y\n", 3, "dc=test", "each once"),
        ("dn: dc=test\nchangetype: modrdn\nnewname: dc=x\n", 3, "dc=test", "expected newrdn"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, line: int, dn: str, reason: str) -> None:
    with pytest.raises(LdifError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.dn) == (line, dn)
    assert reason in caught.value.reason
