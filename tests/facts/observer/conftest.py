"""A host to observe, as a folder that a test may change."""

import shutil
from pathlib import Path

import pytest

from tests.facts.observer.program import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "root", symlinks=True)
    return tmp_path / "root"
