"""The shelf: files whole or not at all, whatever happens to the disk."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import StateError
from facts.shelf import VERSION, Shelf

LINES = [b'"one"', b"[2]", b'{"three": 3}']
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lines", [[], LINES, [b'"%d"' % number for number in range(1000)]])
def test_lines_are_read_back(tmp_path: Path, lines: list[bytes]) -> None:
    Shelf(tmp_path).write("x", "kind", iter(lines))
    shelf = Shelf(tmp_path)
    assert shelf.read("x", "kind") == lines
    assert shelf.set_aside == []


def test_the_folder_is_made(tmp_path: Path) -> None:
    Shelf(tmp_path / "a" / "b").write("x", "kind", LINES)
    assert (tmp_path / "a" / "b" / "x").stat().st_mode & 0o007 == 0


def test_a_file_that_is_not_there_is_none_and_no_matter(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.read("x", "kind") is None
    assert shelf.set_aside == []


def test_a_later_writing_replaces_an_earlier_one(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.write("x", "kind", LINES)
    shelf.write("x", "kind", LINES[:1])
    assert shelf.read("x", "kind") == LINES[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def foreign(shelf: Shelf) -> None:
    shelf.write("x", "other", LINES)


def newer(shelf: Shelf) -> None:
    shelf.write("x", "kind", LINES)
    path = shelf.folder / "x"
    text = path.read_bytes().replace(b'"version":%d' % VERSION, b'"version":%d' % (VERSION + 1))
    body = text[:-1].rpartition(b"\n")[0]
    path.write_bytes(body + b'\n{"sha256":"' + hashlib.sha256(body + b"\n").hexdigest().encode() + b'"}\n')


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda shelf: (shelf.folder / "x").write_bytes(b""), "cut short"),
        (lambda shelf: (shelf.folder / "x").write_bytes(b"\n"), "."),
        (lambda shelf: (shelf.folder / "x").write_bytes(b"{}\n"), "."),
        (lambda shelf: (shelf.folder / "x").write_bytes(b"hello\nworld\n"), "."),
        (lambda shelf: (shelf.folder / "x").write_bytes(bytes(range(256)) + b"\n"), "."),
        (lambda shelf: (shelf.folder / "x").write_bytes(b'{"sha256":"' + b"0" * 64 + b'"}\n'), "checksum"),
        (foreign, "holds 'other' of version 1, expected 'kind' of version 1"),
        (newer, "holds 'kind' of version 2, expected 'kind' of version 1"),
    ],
)
def test_a_file_that_makes_no_sense_is_set_aside_and_named(
    tmp_path: Path, spoil: Callable[[Shelf], object], reason: str
) -> None:
    shelf = Shelf(tmp_path)
    spoil(shelf)
    content = (tmp_path / "x").read_bytes()
    assert shelf.read("x", "kind") is None
    (said,) = shelf.set_aside
    assert said.startswith(f"{tmp_path / 'x'}: ")
    assert reason in said
    assert (tmp_path / "x.unreadable").read_bytes() == content
    assert shelf.read("x", "kind") is None
    assert len(shelf.set_aside) == 1


@hypothesis.settings(max_examples=40)
@given(st.data())
def test_a_bit_that_flips_anywhere_never_gives_half_a_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "flip"
    shelf = Shelf(folder)
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=4))
    shelf.write("x", "kind", lines)
    text = bytearray((folder / "x").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / "x").write_bytes(text)
    assert shelf.read("x", "kind") in (None, lines)


def test_a_folder_in_the_files_place_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    shelf = Shelf(tmp_path)
    assert shelf.read("x", "kind") is None
    assert len(shelf.set_aside) == 1
    assert (tmp_path / "x").is_dir()


def test_a_temporary_file_that_a_crash_left_is_no_matter(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.write("x", "kind", LINES)
    (tmp_path / ".x.new").write_bytes(b'{"kind":"kind","version":1}\n"half')
    assert shelf.read("x", "kind") == LINES
    shelf.write("x", "kind", LINES[:1])
    assert shelf.read("x", "kind") == LINES[:1]
    assert not (tmp_path / ".x.new").exists()


def test_a_file_in_the_folders_place_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StateError, match="check space and permissions") as caught:
        Shelf(tmp_path / "state").write("x", "kind", LINES)
    assert caught.value.file == str(tmp_path / "state" / "x")


FULL_DISK = """
import resource, signal, sys
from errors import StateError
from facts.shelf import Shelf

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    Shelf(sys.argv[1]).write("x", "kind", (b'"' + b"x" * 1000 + b'"' for _ in range(1000)))
except StateError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 10, 100_000])
def test_a_full_disk_is_a_state_error_and_leaves_the_old_file_whole(tmp_path: Path, limit: int) -> None:
    """A child process may write so many bytes and no more, as if the disk were full then."""
    Shelf(tmp_path).write("x", "kind", LINES)
    written = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{tmp_path / 'x'}: cannot be written" in written.stdout
    assert Shelf(tmp_path).read("x", "kind") == LINES
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


WITHOUT_PERMISSION = """
import os, sys
from errors import StateError
from facts.shelf import Shelf

if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
shelf = Shelf(sys.argv[1])
try:
    shelf.write("x", "kind", [b"1"])
except StateError as error:
    print(error)
print(shelf.read("x", "kind"), shelf.set_aside)
"""


@pytest.mark.parametrize(("folder_mode", "file_mode", "read"), [(0o555, 0o644, "b'\"one\"'"), (0o555, 0o000, "None")])
def test_a_folder_without_permission_is_a_state_error_and_is_still_read(
    folder_mode: int, file_mode: int, read: str
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="enc"))
    try:
        Shelf(folder).write("x", "kind", LINES)
        (folder / "x").chmod(file_mode)
        folder.chmod(folder_mode)
        tried = subprocess.run(
            [sys.executable, "-c", WITHOUT_PERMISSION, str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{folder / 'x'}: cannot be written: Permission denied; check space and permissions" in tried.stdout
        assert read in tried.stdout
        assert ("cannot be read" in tried.stdout) == (read == "None")
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
