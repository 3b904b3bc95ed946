"""The wheel: what it holds, what it installs, and that its commands run where nothing of this checkout is."""

import base64
import csv
import hashlib
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ("schema/", "examples/", "hiera/", "puppet-modules/")


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command away from the checkout, with nothing of our environment that could lead back to it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows, as a clone would have them: what somebody forgot to commit is not there."""
    folder = tmp_path_factory.mktemp("sources")
    for name in tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
        target.chmod((ROOT / name).stat().st_mode & 0o777)
    return folder


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, sources, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment that holds the wheel, and sees the locked packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stderr
    python = folder / "venv/bin/python"
    command = ("-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--no-compile", wheel)
    done = run(sys.executable, *command, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    # As text in a .pth file, the other environment's own .pth files are not read: nothing leads to the checkout.
    (site_packages(folder / "venv") / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "venv"


def site_packages(venv: Path) -> Path:
    (found,) = venv.glob("lib/python3*/site-packages")
    return found


def setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


def test_the_wheel_holds_our_names_alone(wheel: Path) -> None:
    """Top-level names are generic, so nothing but what setup.cfg lists may be installed."""
    options = setup()["options"]
    ours = {name.partition(".")[0] for name in options["packages"].split()} | set(options["py_modules"].split())
    top = {Path(name).parts[0].removesuffix(".py") for name in names_in(wheel)}
    assert {name for name in top if not name.startswith("enclume-0.1.0.")} == ours


def test_every_module_of_a_listed_package_is_in_the_wheel(wheel: Path) -> None:
    """A package that setup.cfg forgets would be found in the checkout and missing at a site."""
    tops = {name.partition(".")[0] for name in setup()["options"]["packages"].split()}
    expected = {name for name in tracked() if name.endswith(".py") and Path(name).parts[0] in tops}
    expected |= {f"{name}.py" for name in setup()["options"]["py_modules"].split()}
    held = set(names_in(wheel))
    assert expected - held == set()
    assert {name for name in held if name.endswith(".py")} - expected == set()


def test_every_room_of_the_checkout_is_listed() -> None:
    """Each tracked package below the listed ones is listed too, and no other top-level package exists."""
    packages = {str(Path(name).parent).replace("/", ".") for name in tracked() if name.endswith("/__init__.py")}
    ours = {name for name in packages if name.partition(".")[0] != "tests"}
    assert ours == set(setup()["options"]["packages"].split())


def test_every_file_that_sites_copy_is_in_the_wheel(wheel: Path) -> None:
    prefix = "enclume-0.1.0.data/data/share/enclume/"
    shared = tuple(f"{prefix}{folder}" for folder in SHARED)
    held = {name.removeprefix(prefix) for name in names_in(wheel) if name.startswith(shared)}
    assert held == set(tracked(*SHARED)), "list new folders in setup.cfg under options.data_files"


@pytest.mark.parametrize(
    ("folder", "shared", "files"),
    [("facts/observer", "observer", 3), ("exporters/prometheus", "prometheus", 7), ("systemd", "systemd", 3)],
)
def test_what_others_run_or_read_is_in_the_wheel_as_it_is(wheel: Path, folder: str, shared: str, files: int) -> None:
    prefix = f"enclume-0.1.0.data/data/share/enclume/{shared}/"
    names = tracked(folder)
    assert len(names) == files
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix(prefix): archive.read(name) for name in names_in(wheel) if name.startswith(prefix)}
    assert held == {Path(name).name: (ROOT / name).read_bytes() for name in names}


def test_the_units_start_the_command_where_the_readme_installs_it(installed: Path) -> None:
    """With the arguments that it understands: `--help` behind them shows its help."""
    (venv,) = set(re.findall(r"python3 -m venv (\S+) ", (ROOT / "README.md").read_text(encoding="utf-8")))
    for name in tracked("systemd/*.service"):
        unit = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "")
        (program, *arguments) = shlex.split(next(line for line in unit.splitlines() if line.startswith("ExecStart=")))
        assert program == f"ExecStart={venv}/bin/enclume"
        given = [argument for argument in arguments if not argument.startswith("$")]
        done = run(installed / "bin/enclume", *given, "--help", cwd=installed)
        assert (done.returncode, done.stderr) == (0, ""), name


def test_data_beside_the_modules_is_in_the_wheel(wheel: Path) -> None:
    tops = tuple(f"{name}/" for name in {each.partition(".")[0] for each in setup()["options"]["packages"].split()})
    scripts = set(setup()["options"]["scripts"].split())
    data = {name for name in tracked() if name.startswith(tops) and not name.endswith(".py")} - scripts
    # What other hosts run, and what Prometheus and Grafana read, is shared as a whole, for copying there.
    data -= set(tracked("facts/observer", "exporters/prometheus"))
    assert data - set(names_in(wheel)) == set(), "list new kinds of files in setup.cfg under options.package_data"


def test_the_wheel_cannot_be_uploaded_by_mistake(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("enclume-0.1.0.dist-info/METADATA").decode()
    assert "Classifier: Private :: Do Not Upload" in metadata


def test_what_is_installed_is_what_the_record_says(installed: Path) -> None:
    """Every file of the record is there with its digest, and no other file of ours is."""
    folder = site_packages(installed)
    record = (folder / "enclume-0.1.0.dist-info/RECORD").read_text(encoding="utf-8")
    recorded = set()
    for name, digest, _ in csv.reader(io.StringIO(record)):
        path = (folder / name).resolve()
        recorded.add(path)
        if digest:
            kind, _, value = digest.partition("=")
            found = base64.urlsafe_b64encode(hashlib.new(kind, path.read_bytes()).digest()).rstrip(b"=").decode()
            assert found == value, name
    there = {path.resolve() for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert there - recorded == {(folder / "locked.pth").resolve()}


def test_the_installed_modules_are_found_there_and_not_in_the_checkout(installed: Path, tmp_path: Path) -> None:
    names = [name.partition(".")[0] for name in setup()["options"]["packages"].split()]
    names += setup()["options"]["py_modules"].split()
    code = f"import importlib.util as u\nfor n in {sorted(set(names))!r}: print(u.find_spec(n).origin)"
    found = run(installed / "bin/python", "-c", code, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert all(Path(line).is_relative_to(installed) for line in found.stdout.splitlines()), found.stdout


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_installed_command_runs(installed: Path, tmp_path: Path, option: str) -> None:
    done = run(installed / "bin/enclume", option, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("0.1.0" if option == "--version" else "serve") in done.stdout


def test_the_installed_client_runs(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "bin/enclume-enc", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "enclume-enc" in done.stdout
    assert (installed / "bin/enclume-enc").read_bytes() == (ROOT / "enc/client/enclume-enc").read_bytes()


def test_the_installed_observer_runs(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "bin/enclume-observe", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "enclume-observe 0.1.0\n", "")
