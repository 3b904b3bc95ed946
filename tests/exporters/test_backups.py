"""How fresh backups are, as metrics: only of what is expected, and "never" only where it is known."""

from typing import Any

from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, BackupPool, Backups, ContainerCopy
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import samples, told, values
from tests.factories import domain, guest, host, host_dn, kvm, service, site, site_dn, uuid_of

WEB, KVM, OTHER, ARCHIVE = "web.lab.test", "kvm1.lab.test", "kvm2.lab.test", "archive.lab.test"
DAY = 86400.0
AT = {"site": "angers", "host": WEB}


def scene(*ages: str) -> Scene:
    at = {"enclumeAtSite": site_dn("angers")}
    made = Scene(
        site("angers"), kvm(KVM, "angers"), kvm(OTHER, "angers"), host(ARCHIVE, **at),
        guest(WEB, enclumeProduction=host_dn(KVM), enclumeBackup=host_dn(OTHER), enclumeMaxAge=ages, **at),
        service("backup", members=[ARCHIVE], enclumeProvides="backup"),
    )  # fmt: skip
    made.see(KVM, domain("web"))
    made.see(OTHER, domain("web", "shutoff", "shutdown"))
    return made


def keep(at: Scene, *backups: Backup) -> None:
    at.observe(ARCHIVE, backups=Backups(backups))


def system(**more: Any) -> Backup:
    stated = {
        "last_success": NOON - 3600,
        "last_full": NOON - 2 * DAY,
        "kept_full": NOON - 9 * DAY,
        "last_attempt": NOON - 60,
    }
    return Backup(WEB, "system", **(stated | more))


def last(text: str, kind: str = "system") -> dict[tuple[str, ...], float]:
    return values(text, "backup_last_success_timestamp_seconds", kind=kind, **AT)


def test_each_schedule_has_its_own_last_success_and_age() -> None:
    at = scene("system/daily=26", "system/weekly=192", "system/monthly=768")
    keep(at, system())
    text = told(at)
    assert last(text) == {("daily",): NOON - 3600, ("weekly",): NOON - 2 * DAY, ("monthly",): NOON - 9 * DAY}
    ages = values(text, "backup_max_age_seconds", kind="system", **AT)
    assert ages == {("daily",): 26 * 3600, ("weekly",): 192 * 3600, ("monthly",): 768 * 3600}
    assert values(text, "backup_expected", kind="system", **AT) == dict.fromkeys(ages, 1)


def test_what_is_a_kinds_stands_once_with_its_most_frequent_schedule() -> None:
    at = scene("system/monthly=768", "system/weekly=192")
    keep(at, system(last_duration_seconds=60.5, last_size_bytes=7, last_errors=2))
    text = told(at)
    for name, value in (
        ("last_attempt_timestamp_seconds", NOON - 60), ("last_duration_seconds", 60.5), ("last_size_bytes", 7),
        ("last_errors", 2),
    ):  # fmt: skip
        assert values(text, f"backup_{name}", kind="system", **AT) == {("weekly",): value}
    at.at += 60
    keep(at, system(last_attempt=NOON, last_errors=0))
    assert values(told(at), "backup_last_errors") == {}


def test_what_is_not_expected_has_no_series() -> None:
    at = scene("system/daily=26")
    keep(at, system(), Backup(WEB, "data", NOON))
    assert 'kind="data"' not in told(at)
    assert set(last(told(at))) == {("daily",)}


def test_never_is_0_once_those_who_would_know_have_spoken() -> None:
    at = scene("system/daily=26")
    assert last(told(at)) == {}
    assert values(told(at), "backup_expected", kind="system", **AT) == {("daily",): 1}
    keep(at)
    assert last(told(at)) == {("daily",): 0}
    at.at += 7200
    assert last(told(at)) == {}
    keep(at, system())
    assert last(told(at)) == {("daily",): NOON - 3600}


def test_when_one_was_made_that_is_said_to_be_to_come_is_not_told_and_not_never() -> None:
    at = scene("system/daily=26")
    keep(at, system(last_success=NOON + DAY))
    assert last(told(at)) == {}
    keep(at, system())
    assert last(told(at)) == {("daily",): NOON - 3600}


def test_what_a_silent_server_once_said_is_not_told_until_it_speaks_again() -> None:
    at = scene("system/daily=26")
    keep(at, system(running=True, last_attempt_failed=True))
    assert last(told(at)) == {("daily",): NOON - 3600}
    at.at += 7200
    assert at.wrong("backup", f"{WEB} system/daily") == {"backup_unknown": "unknown"}
    text = told(at)
    names = {name for name, labels in samples(text) if "backup" in name and ("host", WEB) in labels}
    assert names == {"enclume_backup_expected", "enclume_backup_max_age_seconds"}
    keep(at, system())
    assert last(told(at)) == {("daily",): NOON - 3600}


def test_what_a_silent_server_said_does_not_hide_what_another_one_says() -> None:
    at = scene("system/daily=26")
    at.put(
        host("other.lab.test", enclumeAtSite=site_dn("angers")),
        service("backup", members=[ARCHIVE, "other.lab.test"], enclumeProvides="backup"),
    )
    keep(at, system(last_success=NOON - 60))
    at.at += 7200
    at.observe("other.lab.test", backups=Backups((system(),)))
    assert last(told(at)) == {("daily",): NOON - 3600}


def test_a_last_attempt_that_failed_is_told_until_one_succeeds_whatever_the_schedule() -> None:
    at = scene("container/monthly=768")
    failed = ContainerCopy("web", uuid_of("web"), OTHER, NOON - DAY, NOON - 60, last_attempt_failed=True)
    at.observe(KVM, containers=(failed,))
    at.observe(OTHER, containers=())
    assert values(told(at), "backup_failed", **AT) == {("container",): 1}
    assert at.wrong("backup", WEB) == {"backup_failed": "warning"}
    at.at += 60
    at.observe(KVM, containers=(ContainerCopy("web", uuid_of("web"), OTHER, NOON, NOON),))
    assert values(told(at), "backup_failed") == {}


def test_an_attempt_after_the_last_full_backup_is_no_failure() -> None:
    at = scene("system/monthly=768")
    keep(at, system())
    assert values(told(at), "backup_last_attempt_timestamp_seconds", **AT) == {("system", "monthly"): NOON - 60}
    assert values(told(at), "backup_failed") == {}


def test_a_copy_of_a_container_that_a_hypervisor_in_the_dark_may_have_is_not_told() -> None:
    at = scene("container/monthly=768")
    at.observe(KVM, containers=())
    at.observe(OTHER, containers=())
    assert last(told(at), "container") == {("monthly",): 0}
    at.fail(OTHER)
    assert last(told(at), "container") == {}
    at.see(OTHER, domain("web", "shutoff", "shutdown"))
    at.observe(KVM, containers=(ContainerCopy("web", uuid_of("web"), OTHER, NOON - DAY, NOON - DAY),), at=at.at + 1)
    assert last(told(at), "container") == {("monthly",): NOON - DAY}


def test_a_backup_that_runs_is_told_while_it_does() -> None:
    at = scene("system/daily=26")
    keep(at, system(running=True))
    assert values(told(at), "backup_running", **AT) == {("system",): 1}
    at.at += 60
    keep(at, system())
    assert values(told(at), "backup_running", **AT) == {}


def test_the_pools_of_a_site_are_told_by_name() -> None:
    at = scene()
    at.observe(ARCHIVE, backups=Backups((), (BackupPool("main", 10), BackupPool("cold", 5))))
    assert values(told(at), "backup_pool_size_bytes", site="angers") == {("main",): 10, ("cold",): 5}
    assert values(told(at, "lyon"), "backup_pool_size_bytes") == {}
    at.put(service("backup", members=(), enclumeProvides="backup"))
    assert values(told(at), "backup_pool_size_bytes") == {}, "it may not say that any more"


def statistics(scene: Scene, hypervisor: str, name: str, read: int, busy: float = 0.0) -> None:
    figures = DomainStatistics(uuid_of(name), NOON, (DiskStatistics("vda", 0, read, 2 * read),))
    scene.statistics[hypervisor] = HypervisorStatistics(NOON, {uuid_of(name): figures}, {}, {uuid_of(name): busy})


def test_what_a_guest_moves_is_told_by_what_holds_its_disks() -> None:
    at = scene()
    at.see(KVM, domain("web", disks=[Disk("vda", "lvm", "/dev/vg0/web")]))
    statistics(at, KVM, "web", 700, busy=31.5)
    text = told(at)
    assert values(text, "guest_storage_read_bytes_total", guest=WEB) == {("angers", "lvm"): 700}
    assert values(text, "guest_storage_written_bytes_total", guest=WEB) == {("angers", "lvm"): 1400}
    assert values(text, "guest_monitor_busy_seconds", guest=WEB) == {(KVM, "angers"): 31.5}


def test_for_how_long_a_monitor_was_busy_is_told_while_that_is_of_now() -> None:
    at = scene()
    statistics(at, KVM, "web", 700, busy=31.5)
    at.at = NOON + 100
    assert values(told(at), "guest_monitor_busy_seconds", guest=WEB) == {(KVM, "angers"): 31.5}
    at.at += 1
    assert values(told(at), "guest_monitor_busy_seconds") == {}


def test_figures_of_a_guest_that_runs_there_no_more_are_left_out() -> None:
    at = scene()
    statistics(at, KVM, "web", 700)
    at.see(KVM, domain("web", "shutoff", "shutdown"))
    assert values(told(at), "guest_monitor_busy_seconds") == {}
    assert values(told(at), "guest_storage_read_bytes_total") == {}


def test_a_domain_without_an_entry_is_told_by_its_own_name() -> None:
    at = scene()
    at.see(KVM, domain("stray", disks=[Disk("vda", "file", "/x")]))
    statistics(at, KVM, "stray", 5)
    assert values(told(at), "guest_storage_read_bytes_total") == {("stray", "angers", "file"): 5}
