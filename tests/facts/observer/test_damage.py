"""Whatever a file holds, no parser of `enclume-observe` fails, no other kind is lost, and no password is shown."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facts.observations import Observed
from tests.facts.observer.program import CAPTURES, FIXTURES, ROOT, config, observe

EXPECTED = json.loads((FIXTURES / "expected.json").read_text())["kinds"]
# What only fills the tree: BackupPC's folders of backups, and logs, whose text nobody reads.
FILES = sorted(
    f"/{path.relative_to(ROOT)}"
    for path in ROOT.rglob("*")
    if path.is_file() and path.name not in ("backupInfo", "comm", "syslog", "system.journal", "drbdsetup")
)
PRINTED = (ROOT / "usr/sbin/drbdsetup").read_text().partition("<<'JSON'\n")[2].partition("JSON\n")[0]
TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\t\n :/=,.0123456789{}[]()\"'@#%\\"), max_size=60)


class Damaged(observe.Host):  # type: ignore[misc]
    """The fixture's host with another text in one file; it notes which files are read."""

    def __init__(self, name: str = "", text: str | None = None) -> None:
        super().__init__(str(ROOT))
        self._name, self._text, self.asked = name, text, set[str]()

    def read(self, name: str, limit: int = observe.LARGEST_FILE, gone: int = errno.ENOENT) -> Any:
        self.asked.add(name)
        if name == self._name:
            return self._text
        return super().read(name, limit, gone)

    def run(self, name: str, *arguments: str) -> Any:
        """What the fixture's program prints, without running it for every example."""
        return PRINTED if (name, *arguments) == ("drbdsetup", "status", "--json") else None


OBSERVERS: dict[str, Callable[[Any, Any], Any]] = {
    "nfsd": lambda host, _: observe.observe_nfsd(host),
    "nfs": lambda host, _: observe.observe_nfs(host),
    "mounts": observe.observe_mounts,
    "mirrors": lambda host, _: observe.observe_mirrors(host),
    "backups": observe.observe_backups,
    "containers": observe.observe_containers,
    "uses": observe.observe_uses,
    "logs": observe.observe_logs,
}
PLAIN = {"backups_file": "/var/lib/copies/backups.txt", "containers_file": "/var/lib/copies/containers.txt"}


def observed(name: str, text: str | None) -> tuple[dict[str, Any], dict[str, set[str]], list[str]]:
    """The kinds, the files that each of them read, and the problems."""
    kinds, asked, problems = {}, {}, []
    for kind, observer in OBSERVERS.items():
        host = Damaged(name, text)
        kinds[kind] = observer(host, config(host, **PLAIN))
        asked[kind] = host.asked
        problems += host.problems
    return kinds, asked, problems


def body(kinds: dict[str, Any], problems: list[str]) -> bytes:
    document = {"format": 1, "certname": "c", "observed_at": 1.0, "kinds": kinds, "problems": problems}
    return json.dumps(document, allow_nan=False).encode()


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, str | None]:
    """A file that is cut off, has a piece taken out or put in, is quite another, or is not there."""
    name = draw(st.sampled_from(FILES))
    whole = (ROOT / name.lstrip("/")).read_text()
    begin = draw(st.integers(0, len(whole)))
    end = draw(st.integers(begin, len(whole)))
    other = draw(st.sampled_from(sorted(CAPTURES.iterdir()))).read_text()
    text = draw(
        st.sampled_from([whole[:begin], whole[:begin] + whole[end:], whole[:begin] + draw(TEXT) + whole[end:]])
        | st.just(other)
        | TEXT
        | st.none()
    )
    return name, text


@given(damages())
@settings(max_examples=100)
@example(("/proc/net/rpc/nfsd", "th 9" + "9" * 5000 + "\n"))
@example(("/proc/drbd", "version: 8.4\n " + "7" * 5000 + ": cs:Connected ro:a/b ds:c/d\n oos:" + "8" * 5000 + "\n"))
@example(("/var/lib/enclume-containers/journal.jsonl", "[" * 5000 + "\n"))
@example(("/proc/self/mountstats", "device a\udc80:/x mounted on /\udcff with fstype nfs\n"))
def test_a_damaged_file_is_told_in_the_services_terms_and_changes_no_other_kind(damage: tuple[str, str | None]) -> None:
    name, _ = damage
    kinds, asked, problems = observed(*damage)
    msgspec.json.decode(body(kinds, problems), type=Observed)
    for kind, expected in EXPECTED.items():
        if name not in asked[kind] and kind != "uses":
            assert kinds[kind] == expected, kind
    assert "secret" not in body(kinds, problems).decode()


def test_the_undamaged_files_are_all_read() -> None:
    """Otherwise the test above would damage what nobody reads."""
    kinds, asked, problems = observed("", None)
    assert {kind: kinds[kind] for kind in kinds if kind != "uses"} == {
        kind: value for kind, value in EXPECTED.items() if kind != "uses"
    }
    read = set().union(*asked.values())
    # The configuration is read before, exports only where the NFS server has no thread.
    assert set(FILES) - read == {"/etc/enclume/observe.conf", "/etc/exports"}
    assert len(problems) == 1


PARSERS: dict[str, Callable[[str], Any]] = {
    "nfsd": lambda text: observe.parse_nfsd(text, lambda _: None),
    "nfs": lambda text: observe.parse_nfs(text, lambda _: None),
    "pools": observe.parse_pools,
    "client": observe.parse_client,
    "mountstats": observe.parse_mountstats,
    "status": observe.parse_drbd_status,
    "events": observe.parse_drbd_events,
    "proc": lambda text: observe.parse_proc_drbd(text, {}),
    "json": observe.parse_drbd_json,
    "resources": observe.parse_resources,
    "backups": observe.parse_backups,
    "perl": observe.parse_status,
    "plain": observe.parse_plain,
    "journal": lambda text: observe.parse_journal(text, lambda _: None),
    "ini": lambda text: list(observe.ini(text)),
    "hosts": observe._hosts_file,
}


@pytest.mark.parametrize("parser", PARSERS)
@given(data=st.data())
@settings(max_examples=40)
def test_a_capture_that_is_cut_anywhere_fails_no_parser(parser: str, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(sorted(CAPTURES.iterdir()))).read_text()
    cut = data.draw(st.integers(0, len(whole)))
    PARSERS[parser](whole[:cut] + data.draw(TEXT))


def test_every_capture_is_read_by_some_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [path.name for path in CAPTURES.iterdir() if path.name not in tests] == []
