"""What hosts see of themselves, by the real `enclume-observe`: verdicts go bad and good again by what is done there."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.service.estate import MACHINES, SmallEstate, dn_of, service_dn
from tests.live.service.estate import service as service_entry
from tests.live.service.observed import AHEAD, Observed
from tests.live.service.running import Service
from tests.live.service.test_placement import said
from tests.waiting import eventually, until

GUEST, SAVED, UNSAVED = "alpha.lab.test", "beta.lab.test", "gamma.lab.test"
KEEPER, NEWCOMER, MACHINE = MACHINES[:3]
MIB = 1 << 20
HOUR = 3600
SILENT = 6
"""Seconds after which what the guest said is too old."""
FILE = "/var/backups/done"
DAILY = "system/daily=26"


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    settings = estate.settings()
    settings["thresholds"] = {"hosts": {GUEST: {"local_logs_bytes": MIB, "observation_seconds": SILENT}}}
    with Service(settings) as running:
        until(lambda: said(running, GUEST) == {"placement_ok": "ok"}, 20, "the first verdict")
        yield running


def test_a_guest_that_keeps_too_many_logs_sends_none_away_or_says_nothing(service: Service, tmp_path: Path) -> None:
    guest = Observed(tmp_path, GUEST, service)
    well, wrong = {"data_ok": "ok"}, {"local_logs": "warning"}

    def until_data(expected: dict[str, str]) -> None:
        guest.push()
        eventually(lambda: said(service, GUEST, "data"), expected)

    guest.write("/etc/rsyslog.d/far.conf", "*.* @@10.49.0.54\n")
    guest.write("/var/log/mail.log", bytes(MIB // 2))
    until_data(well)
    guest.write("/var/log/web/access.log", bytes(MIB))
    until_data(wrong)
    (guest.root / "var/log/web/access.log").unlink()
    until_data(well)
    guest.write("/etc/rsyslog.d/far.conf", "")
    until_data(wrong)
    guest.write("/etc/rsyslog.d/far.conf", "*.* @@10.49.0.54\n")
    until_data(well)
    eventually(lambda: said(service, GUEST, "data"), {"data_unknown": "unknown"})
    eventually(lambda: said(service, GUEST, "sources"), {"observation_late": "warning"})
    until_data(well)
    eventually(lambda: said(service, GUEST, "sources"), {"observation": "ok"})


def test_a_host_whose_clock_is_ahead(service: Service, tmp_path: Path) -> None:
    machine = Observed(tmp_path, MACHINE, service)
    machine.push(clock=AHEAD)
    eventually(lambda: said(service, MACHINE, "sources"), {"observer_clock": "warning"})
    machine.push()
    eventually(lambda: said(service, MACHINE, "sources"), {"observation": "ok"})


def test_a_host_whose_observer_cannot_read_all_leaves_the_layers_unknown(service: Service, tmp_path: Path) -> None:
    """A folder is where a file should be."""
    machine = Observed(tmp_path, MACHINE, service)
    resolver = machine.root / "etc/resolv.conf"
    resolver.mkdir(parents=True)
    machine.push()
    eventually(lambda: said(service, MACHINE, "sources"), {"observer_problem": "warning"})
    eventually(lambda: said(service, "-", "layers"), {"layers_unknown": "unknown"})
    resolver.rmdir()
    machine.write("/etc/resolv.conf", "nameserver 10.49.0.53\n")
    machine.push()
    eventually(lambda: said(service, MACHINE, "sources"), {"observation": "ok"})
    eventually(lambda: said(service, "-", "layers"), {"layers": "ok"})


@pytest.fixture
def keeper(estate: SmallEstate, service: Service, tmp_path: Path) -> Iterator[Observed]:
    """The backup server of the site, with a script that writes a line for each backup into a file."""
    estate.replace(dn_of(SAVED), "enclumeMaxAge", DAILY)
    estate.slapd.add(service_entry("saving", "enclumeProvides: backup", f"member: {dn_of(KEEPER)}"))
    yield Observed(tmp_path, KEEPER, service, FILE)
    estate.slapd.delete(service_dn("saving"))
    estate.replace(dn_of(SAVED), "enclumeMaxAge")
    until(lambda: said(service, SAVED, "backup") == {}, 10, "nothing to be asked for")


def test_a_host_that_nobody_saves_until_somebody_does(estate: SmallEstate, service: Service, tmp_path: Path) -> None:
    """First there is no backup server, then it says nothing, then what it keeps is not mounted."""
    estate.replace(dn_of(UNSAVED), "enclumeMaxAge", DAILY)
    eventually(lambda: said(service, UNSAVED, "backup"), {"backup_nobody": "critical"})
    estate.slapd.add(service_entry("saving", "enclumeProvides: backup", f"member: {dn_of(NEWCOMER)}"))
    eventually(lambda: said(service, UNSAVED, "backup"), {"backup_unknown": "unknown"})
    eventually(lambda: said(service, NEWCOMER, "backup"), {"backup_server_silent": "unknown"})
    Observed(tmp_path, NEWCOMER, service).push()
    eventually(lambda: said(service, NEWCOMER, "backup"), {"backup_server_missing": "critical"})
    eventually(lambda: said(service, UNSAVED, "backup"), {"backup_unknown": "unknown"})
    (tmp_path / "mounted").mkdir()
    keeper = Observed(tmp_path / "mounted", NEWCOMER, service, FILE)
    keeper.write(FILE, line(1, host=UNSAVED))
    keeper.push()
    eventually(lambda: said(service, NEWCOMER, "backup"), {"backup_server": "ok"})
    eventually(lambda: said(service, UNSAVED, "backup"), {"backup": "ok"})
    estate.slapd.delete(service_dn("saving"))
    estate.replace(dn_of(UNSAVED), "enclumeMaxAge")
    eventually(lambda: said(service, UNSAVED, "backup"), {})


def line(hours: float, size: int = 5 * MIB, status: str = "ok", host: str = SAVED) -> str:
    """What is written of a backup of so many hours ago."""
    return f"{host} {time.time() - hours * HOUR:.0f} {size} {status} system\n"


def test_a_backup_that_grows_old_fails_shrinks_or_is_not_there(service: Service, keeper: Observed) -> None:
    well = line(1)
    stories = (
        ((line(30),), {"backup_late": "warning"}),
        ((line(60),), {"backup_late": "critical"}),
        ((line(5), line(1, status="timeout")), {"backup": "ok", "backup_failed": "warning"}),
        ((line(5), line(1, size=MIB)), {"backup": "ok", "backup_shrunk": "warning"}),
        ((line(1, status="timeout"),), {"backup_never": "critical", "backup_failed": "warning"}),
        ((line(-10),), {"backup_future": "critical"}),
        ((line(1, host=GUEST),), {"backup_missing": "critical"}),
    )
    for lines, expected in stories:
        for written, verdicts in (("".join(lines), expected), (well, {"backup": "ok"})):
            keeper.write(FILE, written)
            keeper.push()
            eventually(lambda: said(service, SAVED, "backup"), verdicts)


def test_a_backup_of_a_host_that_nobody_has(service: Service, keeper: Observed) -> None:
    keeper.write(FILE, line(1) + line(1, host="gone.lab.test"))
    keeper.push()
    eventually(lambda: said(service, KEEPER, "backup"), {"backup_of_nobody": "warning", "backup_server": "ok"})
    keeper.write(FILE, line(1))
    keeper.push()
    eventually(lambda: said(service, KEEPER, "backup"), {"backup_server": "ok"})
