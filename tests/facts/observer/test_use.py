"""The options, the configuration, the textfile and the units of `enclume-observe`, and their documentation."""

import ast
import configparser
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.facts.observer.program import FIXTURES, PROGRAM, ROOT, config, observe, run

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "docs/enclume-observe.md").read_text()
URL = "http://127.0.0.1:1"


def configured(folder: Path, text: str) -> Path:
    path = folder / "observe.conf"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[observe]\nurls = x\n", "unknown key urls in [observe]"),
        ("[nonsense]\na = b\n", "unknown key a in [nonsense]"),
        ("url = x\n", "line 1: expected a section"),
        ("[observe]\nnonsense\n", "line 2: expected KEY = VALUE"),
        ("[observe]\nurl = x\nurl = y\n", "line 3: is there twice"),
        ("[observe]\ndeadline = soon\n", "deadline in [observe]: expected a number above 0"),
        ("[observe]\nspool =\n", "spool in [observe]: expected a folder's absolute path, found ''"),
        ("[observe]\nspool = var/spool\n", "spool in [observe]: expected a folder's absolute path, found 'var/spool'"),
        ("[mounts]\ndeadline = 0\n", "deadline in [mounts]: expected a number above 0"),
        ("[uses]\nextra = nfs\n", "expected WHAT NAME"),
        ("[uses]\nextra = magic host.test\n", "expected WHAT NAME"),
        ("[observe]\nkey = /x\n", "certificate and key"),
        ("[observe]\nurl = https://u:p@h\n", "without a name or password"),
        ("[observe]\nurl = ftp://h\n", "expected https://HOST:PORT"),
        ("[observe]\nurl = https://h:port\n", "expected https://HOST:PORT"),
        ("[observe]\nurl = http://enclume.example.org:8787\n", "without TLS only this machine"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_says_where(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = configured(tmp_path, text)
    status = observe.main(["--config", str(path), "--root", str(tmp_path)])
    out, err = capfd.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert err.startswith(f"enclume-observe: {path}")


def test_without_a_url_there_is_nothing_to_do(tmp_path: Path) -> None:
    done = run("--root", tmp_path)
    assert (done.status, done.out) == (2, "")
    assert "set url in /etc/enclume/observe.conf, or give --url, --textfile or --print" in done.err


def test_a_configuration_that_is_not_there_is_an_error_where_it_is_named(tmp_path: Path) -> None:
    done = run("--config", tmp_path / "none", "--print")
    assert done.status == 2
    assert "No such file" in done.err


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--only", "nonsense"], ["a"], ["--pri"]])
def test_wrong_options_are_said(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")


def test_the_version_is_the_packages() -> None:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    assert run("--version").out == f"enclume-observe {setup['metadata']['version']}\n"


def test_help_shows_examples_and_the_exit_status() -> None:
    shown = run("--help").out
    assert "enclume-observe --print" in shown
    assert "exit status" in shown


def test_every_option_is_documented_and_no_other() -> None:
    options = set(re.findall(r"^  (--[a-z]+)", run("--help").out, re.MULTILINE)) | {"--help"}
    assert set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE)) == options


def test_every_key_is_documented_with_its_section_and_default_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z]+)` \| `([a-z_]+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    assert [(section, key) for section, key, _ in listed] == [(each.section, each.key) for each in observe.SETTINGS]
    for setting, (_, _, default) in zip(observe.SETTINGS, listed, strict=True):
        if setting.default:
            assert f"`{setting.default}`" in default, setting.key


def test_every_kind_and_use_is_documented() -> None:
    for name in (*observe.KINDS, *observe.USES):
        assert f"`{name}`" in PAGE


def test_every_file_that_is_looked_for_is_documented() -> None:
    """Paths that stand in the program as they are, but for those of the kernel's own folders and of programs."""
    strings = [node.value for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Constant)]
    paths = [
        each for each in strings if isinstance(each, str) and re.fullmatch(r"/(etc|var|run|data|srv)/[\w.*/-]+", each)
    ]
    assert len(paths) > 40
    assert [path for path in paths if path not in PAGE] == []


def test_the_configuration_of_the_page_is_accepted(tmp_path: Path) -> None:
    block = re.search(r"\n\n(    \[observe\]\n(?:    .*\n)+)", PAGE)
    assert block is not None
    text = re.sub(r"^    ", "", block[1], flags=re.MULTILINE)
    done = run("--config", configured(tmp_path, text), "--root", tmp_path, "--print")
    assert (done.status, done.err) == (0, "")


def test_the_certname_is_puppets(tmp_path: Path) -> None:
    keys = tmp_path / "etc/puppetlabs/puppet/ssl/private_keys"
    keys.mkdir(parents=True)
    host = observe.Host(str(tmp_path))
    (tmp_path / "etc/hostname").write_text("kvm1\n")
    assert config(host).certname == "kvm1"
    (keys / "kvm1.example.org.pem").write_text("")
    assert config(host).certname == "kvm1.example.org"
    (keys / "other.example.org.pem").write_text("")
    assert config(host).certname == "kvm1.example.org"
    (tmp_path / "etc/puppetlabs/puppet/puppet.conf").write_text("[main]\ncertname = a\n[agent]\ncertname = b\n")
    assert config(host).certname == "b"
    assert config(host, observe_certificate="/x/c.pem", observe_key="/x/c.key").certname == "c"
    assert config(host, observe_certname="D").certname == "d"


def test_the_certificates_are_puppets(tmp_path: Path) -> None:
    (tmp_path / "var/lib/puppet/ssl/private_keys").mkdir(parents=True)
    (tmp_path / "var/lib/puppet/ssl/private_keys/a.pem").write_text("")
    identity = config(observe.Host(str(tmp_path))).identity
    ssl = f"{tmp_path}/var/lib/puppet/ssl"
    assert identity == (f"{ssl}/certs/a.pem", f"{ssl}/private_keys/a.pem", f"{ssl}/certs/ca.pem", "")
    assert config(observe.Host(str(tmp_path)), observe_ssldir="/x").identity.ca == "/x/certs/ca.pem"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "etc/puppet").mkdir(parents=True)
    (tmp_path / "etc/puppet/puppet.conf").write_text("[main]\ncertname = a\nssldir = /elsewhere\n")
    assert config(observe.Host(str(tmp_path))).identity.ca == f"{elsewhere}/certs/ca.pem"


def test_the_textfile_has_the_services_metrics(tmp_path: Path) -> None:
    target = tmp_path / "enclume.prom"
    settings = configured(tmp_path, "[textfile]\nsite = angers\n[backups]\nfile = /var/lib/copies/backups.txt\n")
    begin = time.time()
    done = run("--root", ROOT, "--config", settings, "--textfile", target)
    assert done.status == 0
    text = re.sub(r"(observation_timestamp_seconds\{.*\}) (.*)", r"\1 0", target.read_text())
    stamps = re.findall(r"observation_timestamp_seconds\{.*\} (.*)", target.read_text())
    assert all(begin <= float(stamp) <= time.time() for stamp in stamps)
    assert text == (FIXTURES / "expected.prom").read_text()
    assert target.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["enclume.prom", "observe.conf"]


def test_the_textfile_tells_no_zero_of_a_backup_that_nobody_knows_to_be_expected() -> None:
    lines = (FIXTURES / "expected.prom").read_text().splitlines()
    for host in ("new01.lab.test", "roundcube"):
        told = {line.partition("{")[0] for line in lines if f'host="{host}"' in line}
        assert told == {"enclume_backup_last_attempt_timestamp_seconds", "enclume_backup_running"}
    untried = observe.Samples("")
    observe._add_backup(untried, observe.summarise("web01", [], {}, 0.0, set()))
    assert re.findall(r"^enclume_\S+ \S+$", untried.text(), re.MULTILINE) == ['enclume_backup_running{host="web01"} 0']
    stamps = [line for line in lines if line.startswith("enclume_backup_") and "_timestamp_" in line]
    assert [line for line in stamps if float(line.rpartition(" ")[2]) == 0] == []


def test_the_textfile_says_nothing_of_what_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "var/lib/backuppc/pc/web01").mkdir(parents=True)
    (tmp_path / "var/lib/backuppc/pc/web01/backups").mkdir()
    run("--root", tmp_path, "--textfile", tmp_path / "x.prom", "--only", "backups")
    assert (tmp_path / "x.prom").read_text() == ""


def test_the_textfile_has_each_series_once_and_each_family_together() -> None:
    lines = (FIXTURES / "expected.prom").read_text().splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    families = [re.split(r"[{ ]", line.removeprefix("# TYPE "))[0] for line in lines if not line.startswith("# HELP")]
    changes = [name for before, name in zip(["", *families], families, strict=False) if name != before]
    assert changes == sorted(set(families))


def test_labels_are_escaped() -> None:
    samples = observe.Samples("")
    samples.add("drbd_role", 1, resource='a"b\\c\nd')
    assert samples.text().splitlines()[-1] == 'enclume_drbd_role{resource="a\\"b\\\\c\\nd"} 1'


def test_a_textfile_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    done = run("--root", tmp_path, "--textfile", tmp_path / "none/enclume.prom")
    assert done.status == 3
    assert "none/enclume.prom cannot be written" in done.err


def test_problems_are_said_where_no_service_shows_them(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").mkdir()
    done = run("--root", tmp_path, "--textfile", tmp_path / "x.prom")
    assert (done.status, done.err) == (0, "enclume-observe: mirrors: /proc/drbd cannot be read: Is a directory\n")


def test_two_runs_do_not_overlap(tmp_path: Path) -> None:
    settings = configured(tmp_path, f"[observe]\nurl = {URL}\nspool = {tmp_path}/spool\n")
    (tmp_path / "spool").mkdir()
    hold = (
        "import fcntl, subprocess, sys\n"
        "lock = open(sys.argv[1], 'w')\n"
        "fcntl.lockf(lock, fcntl.LOCK_EX)\n"
        "sys.exit(subprocess.run(sys.argv[2:]).returncode)\n"
    )
    command = map(str, [sys.executable, "-c", hold, tmp_path / "spool/lock", sys.executable, PROGRAM])
    options = ["--config", str(settings), "--root", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "enclume-observe: another run is still at work: this one does nothing\n",
    )


def units(kind: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(PROGRAM.with_suffix(f".{kind}"))
    return parser


def test_the_timer_runs_it_every_minute() -> None:
    timer = units("timer")["Timer"]
    assert timer["OnCalendar"] == "minutely"
    assert int(timer["RandomizedDelaySec"]) < 60


def test_the_service_is_confined_but_has_no_mounts_of_its_own() -> None:
    """A mount namespace is made by touching every mount: one dead NFS server would keep the observer from starting."""
    service = units("service")["Service"]
    assert service["Type"] == "oneshot"
    assert int(service["TimeoutStartSec"]) > float(config().get("observe", "deadline")) + 5
    namespaced = ("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelModules",
                  "ProtectKernelLogs", "ProtectKernelTunables", "ProtectControlGroups", "ReadOnlyPaths")  # fmt: skip
    assert [key for key in namespaced if key in service] == []
    assert {"NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter", "RestrictAddressFamilies"} <= set(service)


# What Python 3.10 and later added to the modules that the program uses, as it would be written there.
LATER = re.compile(
    r"\bmatch \w+:|\bpairwise\b|bit_count|strict=|datetime\.UTC|\bUTC\b|ExceptionGroup|except\*|tomllib|TaskGroup"
    r"|\.walk\(\)|hardlink_to|root_dir|batched|kw_only|slots=|file_digest|assert_never|process_group="
)


def test_it_is_python_3_9_without_anything_later() -> None:
    source = PROGRAM.read_text()
    tree = ast.parse(source, feature_version=(3, 9))
    assert [line for line in source.splitlines() if LATER.search(line)] == []
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= set(sys.stdlib_module_names)
    assert source.startswith("#!/usr/bin/python3\n")
    # Unions as X | None are only words there.
    assert "from __future__ import annotations" in source
