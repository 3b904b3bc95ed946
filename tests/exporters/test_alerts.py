"""The shipped alerts over what is really told of a scene: they fire where its verdicts say that something is wrong, and
nowhere else.
"""

import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from audit.verdict import CODES
from facts.inventory.domains import Disk
from facts.observations import (
    Backup,
    Backups,
    Client,
    ContainerCopy,
    Logs,
    Mirror,
    NfsServer,
    Peer,
    PeerVolume,
    Pool,
    Volume,
)  # fmt: skip
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import NOON, Scene
from tests.exporters.everything import everything
from tests.exporters.telling import told
from tests.exporters.test_rules import GENERIC, OWN, left_out
from tests.factories import domain, guest, host, host_dn, kvm, service, site, site_dn, uuid_of
from tests.live.prometheus import RULES, impatient

WEB, KVM, OTHER, ARCHIVE, NFS, MIRROR = (
    f"{name}.lab.test" for name in ("web", "kvm1", "kvm2", "archive", "nfs1", "mirror1")
)
HOUR, DAY = 3600.0, 86400.0
STEPS = 100
"""A series of promtool begins at the epoch: the scene's instant is the last of so many."""


def firing(at: Scene, folder: Path, expected: dict[str, int], how: str = "count") -> None:
    """Assert that these alerts fire over what is told of a scene, each so many times, and no others."""
    (folder / "rules.yaml").write_text(impatient(RULES.read_text()))
    step = round(at.at) // STEPS
    assert step * STEPS == at.at
    series = [
        {"series": name, "values": f"_x{STEPS} {value}"}
        for name, value in (line.rsplit(" ", 1) for line in told(at).splitlines() if not line.startswith("#"))
    ]
    asked = {
        "expr": f'{how} by (alertname) (ALERTS{{alertstate="firing"}})',
        "eval_time": f"{round(at.at)}s",
        "exp_samples": [
            {"labels": f'{{alertname="{name}"}}', "value": count} for name, count in sorted(expected.items())
        ],
    }
    case = {"interval": f"{step}s", "input_series": series, "promql_expr_test": [asked]}
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{step}s", "tests": [case]}
    (folder / "case.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        ["promtool", "test", "rules", str(folder / "case.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wrong(at: Scene) -> dict[str, int]:
    """How often each rule finds something wrong."""
    return dict(Counter(one.code for one in at.verdicts() if one.status != "ok"))


def scene(*ages: str, intent: str = "running") -> Scene:
    """A guest that is well, with its copy and all its sources."""
    at = {"enclumeAtSite": site_dn("angers")}
    on = {"enclumeProduction": host_dn(KVM), "enclumeBackup": host_dn(OTHER)}
    made = Scene(
        site("angers"), kvm(KVM, "angers"), kvm(OTHER, "angers"), host(ARCHIVE, **at), host(NFS, **at),
        guest(WEB, enclumeIntent=intent, enclumeMaxAge=ages, **on, **at),
        service("backup", members=[ARCHIVE], enclumeProvides="backup"),
    )  # fmt: skip
    disk = Disk("vda", "nfs", "/containers/web.raw", NFS, "/srv/containers")
    off = replace(domain("web", "shutoff", "shutdown", disks=[disk]), autostart=False)
    made.see(KVM, domain("web", disks=[disk]) if intent == "running" else off)
    made.see(OTHER, off)
    made.freshness = {
        SourceKey("directory", made.settings.directory.base): Freshness(NOON),
        **{SourceKey("inventory", name): Freshness(NOON) for name in (KVM, OTHER)},
    }
    for name, told_of in ((KVM, {"containers": ()}), (OTHER, {"containers": ()}), (ARCHIVE, {"backups": Backups()})):
        made.observe(name, **told_of)
    return made


def test_where_nothing_is_wrong_no_alert_fires(tmp_path: Path) -> None:
    at = scene()
    assert wrong(at) == {}
    firing(at, tmp_path, {})


@pytest.mark.parametrize("intent", ["off", "template"])
def test_a_guest_that_is_off_on_purpose_need_neither_observe_itself_nor_run_puppet(intent: str, tmp_path: Path) -> None:
    at = scene(intent=intent)
    at.observe(WEB, at=NOON - 9 * DAY, logs=Logs(2**20, remote=True))
    at.runs[WEB] = Run(certname=WEB, ended_at=NOON - 9 * DAY, last_success=NOON - 10 * DAY, status="failed")
    # That no run of the other four is known is another matter.
    assert wrong(at) == {"run_never": 4}
    firing(at, tmp_path, {"EnclumePuppetNeverRan": 4})


def mirrored(at: Scene, role: str, disk: str, since: float) -> Scene:
    """A mirror of which one end has this role and the other one this disk, seen so since then."""
    at.put(host(MIRROR, enclumeAtSite=site_dn("angers")))
    at.put(service("mirror", members=[NFS, MIRROR], enclumeProvides="mirror"))
    behind = 0 if disk == "UpToDate" else 4096
    for when in (since, at.at):
        for own, peer, roles, disks in (
            (NFS, "mirror1", (role, "Secondary"), ("UpToDate", disk)),
            (MIRROR, "nfs1", ("Secondary", role), (disk, "UpToDate")),
        ):
            theirs = Peer(peer, "Connected", roles[1], (PeerVolume(0, disks[1], "", behind),))
            at.observe(own, at=when, mirrors=(Mirror("r0", roles[0], (Volume(0, disks[0]),), (theirs,)),))
    return at


def test_a_mirror_in_its_first_sync_is_not_behind_until_that_has_taken_too_long(tmp_path: Path) -> None:
    at = mirrored(scene(), "Primary", "Inconsistent", NOON - 60)
    assert wrong(at) == {}
    firing(at, tmp_path, {})
    at = mirrored(scene(), "Primary", "Inconsistent", NOON - 9 * HOUR)
    assert wrong(at) == {"mirror_behind": 1}
    firing(at, tmp_path, {"EnclumeDrbdBehind": 1})


def test_what_has_no_alert_of_its_own_has_that_of_its_status(tmp_path: Path) -> None:
    at = mirrored(scene(), "Secondary", "UpToDate", NOON)
    assert wrong(at) == {"mirror_no_primary": 1}
    firing(at, tmp_path, {"EnclumeVerdictCritical": 1})


def test_a_copy_that_fails_is_told_though_it_is_made_monthly_only(tmp_path: Path) -> None:
    at = scene("container/monthly=768")
    failed = ContainerCopy("web", uuid_of("web"), OTHER, NOON - DAY, NOON - 60, last_attempt_failed=True, verified=True)
    at.observe(KVM, containers=(failed,))
    assert wrong(at) == {"backup_failed": 1}
    firing(at, tmp_path, {"EnclumeBackupFailed": 1})


def test_a_backup_that_is_to_come_is_neither_one_that_was_never_made_nor_one_of_which_nobody_tells(
    tmp_path: Path,
) -> None:
    at = scene("system/daily=26")
    at.observe(ARCHIVE, backups=Backups((Backup(WEB, "system", NOON + DAY, last_attempt=NOON - 60),)))
    assert wrong(at) == {"backup_future": 1}
    firing(at, tmp_path, {"EnclumeVerdictCritical": 1})
    at.observe(ARCHIVE, backups=Backups((Backup(WEB, "system", NOON - 60, last_attempt=NOON - 60),)))
    assert wrong(at) == {}
    firing(at, tmp_path, {})


def test_a_daily_backup_is_no_failure_of_the_monthly_one(tmp_path: Path) -> None:
    at = scene("system/monthly=768")
    at.observe(ARCHIVE, backups=Backups((Backup(WEB, "system", NOON - 60, NOON - DAY, NOON - 9 * DAY, NOON - 60),)))
    assert wrong(at) == {}
    firing(at, tmp_path, {})


def test_what_a_silent_server_keeps_is_unknown_and_not_late(tmp_path: Path) -> None:
    at = scene("system/daily=26")
    old = Backup(WEB, "system", NOON - 60 * HOUR, last_attempt=NOON - 60 * HOUR)
    at.observations.pop(ARCHIVE)
    at.observe(ARCHIVE, at=NOON - 2 * HOUR, backups=Backups((old,)), uses=None)
    assert wrong(at) == {"backup_unknown": 1, "backup_server_silent": 1, "layers_unknown": 1, "observation_late": 1}
    firing(at, tmp_path, {"EnclumeBackupUnknown": 1, "EnclumeVerdictUnknown": 2, "EnclumeObservationOld": 1})
    at.observe(ARCHIVE, backups=Backups((old,)))
    assert wrong(at) == {"backup_late": 1}
    firing(at, tmp_path, {"EnclumeBackupLate": 1, "EnclumeBackupVeryLate": 1})


STRICT: dict[str, float] = {
    "disk_bytes": 1, "local_logs_bytes": 1, "monitor_seconds": 0.1, "vcpus_per_cpu": 0.01, "reserve_bytes": 63 * 2**30,
    "imbalance": 0.001, "copy_seconds": 60, "backup_critical": 1, "backup_shrunk": 1, "nfsd_enqueued": 0,
    "nfsd_renew_seconds": 1, "mirror_warning": 1, "mirror_critical": 2, "run_seconds": 500, "observation_seconds": 40,
    "source_warning": 0.5, "source_critical": 80,
}  # fmt: skip
"""Limits that nearly everything passes."""
LAX: dict[str, float] = {
    "disk_bytes": 2**50, "local_logs_bytes": 2**50, "monitor_seconds": DAY, "vcpus_per_cpu": 1000, "reserve_bytes": 0,
    "imbalance": 1, "copy_seconds": 9 * DAY, "backup_critical": 1000, "backup_shrunk": 0, "nfsd_enqueued": 1,
    "nfsd_renew_seconds": DAY, "mirror_warning": DAY, "mirror_critical": 9 * DAY, "run_seconds": 9 * DAY,
    "observation_seconds": DAY, "source_warning": DAY, "source_critical": 9 * DAY,
}  # fmt: skip
"""Limits that hardly anything passes."""


def alerts_of(at: Scene) -> set[str]:
    """The alerts that must fire over a scene: those of its verdicts."""
    names: set[str] = set()
    for verdict in at.verdicts():
        number = CODES[verdict.status]
        if number and verdict.code in left_out(number):
            # Where there are two, the second is that of a critical one.
            names.update(OWN[verdict.code][: None if verdict.status == "critical" else 1])
        elif number:
            names.add(GENERIC[number])
    return names


def limited(thresholds: Mapping[str, float]) -> Scene:
    """Everything, and what comes close to each limit: judged by these."""
    at = everything()
    at.settings = replace(at.settings, thresholds=replace(at.settings.thresholds, **thresholds))
    client = Client("10.1.0.9", OTHER, "confirmed", 90.0)
    first = NfsServer(8, {"read": 1}, pools=(Pool("0", 100, 100, 100),), clients=(client,))
    then = replace(first, pools=(Pool("0", 1100, 1100, 1050),))
    at.observations.pop(NFS)
    for when, nfsd in ((NOON - 90, first), (NOON - 30, then)):
        at.observe(NFS, at=when, nfsd=nfsd)
    at.observe(OTHER, at=NOON - 60, logs=Logs(2**20, remote=True))
    return at


@pytest.mark.parametrize(
    ("thresholds", "raised"),
    [
        (STRICT, {"EnclumeSourceOld", "EnclumeObservationOld", "EnclumeGuestMonitorBusy", "EnclumeSiteImbalanced",
                  "EnclumeBackupVeryLate", "EnclumeNfsdStarved", "EnclumeNfsdClientSilent", "EnclumePuppetRunLate"}),
        (LAX, {"EnclumeBackupLate"}),
        ({}, {"EnclumeSourceDown", "EnclumeBackupVeryLate", "EnclumePuppetRunLate"}),
    ],
    ids=["strict", "lax", "as they are shipped"],
)  # fmt: skip
def test_whatever_the_limits_the_alerts_over_an_estate_where_much_is_wrong_are_those_of_its_verdicts(
    thresholds: Mapping[str, float], raised: set[str], tmp_path: Path
) -> None:
    at = limited(thresholds)
    names = alerts_of(at)
    assert raised <= names
    firing(at, tmp_path, dict.fromkeys(names, 1), how="group")
