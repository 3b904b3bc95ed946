"""The demonstration's folder: made and removed with all that it holds, and nobody else's is touched."""

from pathlib import Path

import pytest

from commands.demo_folder import LOCK, folder
from commands.outcome import Misused


def test_it_is_made_and_removed_with_all_that_it_holds(tmp_path: Path) -> None:
    with folder(tmp_path / "new") as here:
        (here / "below").mkdir()
        (here / "below/file").touch()
        (here / "link").symlink_to(tmp_path)
        assert here.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "new").exists()
    assert tmp_path.exists()


def test_an_empty_folder_that_was_there_stays_and_is_empty_again(tmp_path: Path) -> None:
    with folder(tmp_path) as here:
        (here / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_when_something_goes_wrong(tmp_path: Path) -> None:
    def broken() -> None:
        with folder(tmp_path / "new") as here:
            (here / "file").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert not (tmp_path / "new").exists()


def test_what_a_killed_demonstration_left_is_removed_first(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    (tmp_path / "slapd.log").touch()
    with folder(tmp_path) as here:
        assert [path.name for path in here.iterdir()] == [LOCK]


def test_a_folder_that_holds_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Misused, match="holds other things"), folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_second_demonstration_in_one_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with folder(tmp_path / "new") as here:
        (here / "file").touch()
        with pytest.raises(Misused, match="another demonstration runs"), folder(tmp_path / "new"):
            pass
        assert (here / "file").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misused, match="is no folder"), folder(tmp_path / "file"):
        pass
