"""The controls' values as RFC 4533 and RFC 2696 define them, byte by byte, and OpenLDAP's cookies."""

import pytest

from facts.directory import controls
from facts.directory.controls import SyncInfo

UUID = bytes(range(16))
OLD = "20260101000000.000000Z#000000#000#000000"
NEW = "20260102000000.000000Z#000000#000#000000"
OTHER = "20251231000000.000000Z#000000#00a#000000"


def cookie(*csns: str) -> bytes:
    return b"rid=000,csn=" + ";".join(csns).encode()


def test_a_request_to_refresh_and_persist() -> None:
    assert controls.sync_request(None) == b"\x30\x03\x0a\x01\x03"
    assert controls.sync_request(b"abc") == b"\x30\x08\x0a\x01\x03\x04\x03abc"


@pytest.mark.parametrize("state", [controls.PRESENT, controls.ADD, controls.MODIFY, controls.DELETE])
def test_the_state_of_an_entry(state: int) -> None:
    value = b"\x30\x15\x0a\x01" + bytes([state]) + b"\x04\x10" + UUID
    assert controls.sync_state(value) == (state, UUID, None)
    longer = b"\x30\x1a\x0a\x01" + bytes([state]) + b"\x04\x10" + UUID + b"\x04\x03abc"
    assert controls.sync_state(longer) == (state, UUID, b"abc")


@pytest.mark.parametrize(
    ("value", "info"),
    [
        (b"\x80\x03abc", SyncInfo("newcookie", b"abc")),
        (b"\xa1\x00", SyncInfo("refreshDelete", None, done=True)),
        (b"\xa1\x05\x04\x03abc", SyncInfo("refreshDelete", b"abc", done=True)),
        (b"\xa2\x03\x01\x01\x00", SyncInfo("refreshPresent", None, done=False)),
        (b"\xa2\x08\x04\x03abc\x01\x01\x00", SyncInfo("refreshPresent", b"abc", done=False)),
        (b"\xa3\x14\x31\x12\x04\x10" + UUID, SyncInfo("syncIdSet", None, deletes=False, uuids=(UUID,))),
        (
            b"\xa3\x1c\x04\x03abc\x01\x01\xff\x31\x12\x04\x10" + UUID,
            SyncInfo("syncIdSet", b"abc", deletes=True, uuids=(UUID,)),
        ),
    ],
)
def test_an_info_message(value: bytes, info: SyncInfo) -> None:
    assert controls.sync_info(value) == info


@pytest.mark.parametrize("value", [b"", b"\x30", b"\x30\x05abc", b"\x04\x03abc", b"\x80\x03abcd", b"\xa9\x00"])
def test_what_is_no_such_value_is_an_error(value: bytes) -> None:
    for decode in (controls.sync_state, controls.sync_info, controls.page_cookie):
        with pytest.raises(ValueError, match=r"no |bytes after"):
            decode(value)


def test_pages() -> None:
    assert controls.page_request(500, b"") == b"\x30\x06\x02\x02\x01\xf4\x04\x00"
    assert controls.page_cookie(b"\x30\x08\x02\x01\x00\x04\x03abc") == b"abc"
    assert controls.page_cookie(b"\x30\x05\x02\x01\x00\x04\x00") == b""


def test_cookies_of_several_providers_are_united() -> None:
    assert controls.csns(cookie(OLD, OTHER)) == {"000": OLD, "00a": OTHER}
    assert controls.merge_cookies(None, cookie(OLD)) == cookie(OLD)
    assert controls.merge_cookies(cookie(OLD, OTHER), cookie(NEW)) == cookie(NEW, OTHER)
    assert controls.merge_cookies(cookie(NEW), cookie(OLD)) == cookie(NEW)
    assert controls.merge_cookies(cookie(OLD), b"rid=000,csn=" + NEW.encode() + b",delcsn=x") == cookie(NEW)


def test_another_servers_cookie_is_taken_as_it_is() -> None:
    assert controls.csns(b"389ds#17") == {}
    assert controls.merge_cookies(b"389ds#17", b"389ds#18") == b"389ds#18"


def test_whether_a_cookie_has_reached_contextcsn() -> None:
    assert controls.reached(cookie(NEW), controls.by_server([OLD]))
    assert controls.reached(cookie(NEW), controls.by_server([NEW]))
    assert not controls.reached(cookie(OLD), controls.by_server([NEW]))
    assert not controls.reached(cookie(NEW), controls.by_server([NEW, OTHER]))
    assert not controls.reached(None, controls.by_server([OLD]))
    assert not controls.reached(b"opaque", controls.by_server([OLD]))
