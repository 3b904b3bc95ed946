"""Where guests are, as metrics: only what is known, and nothing that is unknown shown as not there."""

from tests.audit.situations import Scene
from tests.exporters.telling import told, values
from tests.factories import domain, guest, host_dn, kvm, site, site_dn

WEB, KVM1, KVM2 = "web.lab.test", "kvm1.lab.test", "kvm2.lab.test"
BOTH = {"enclumeProduction": host_dn(KVM1), "enclumeBackup": host_dn(KVM2)}


def scene(**stated: str) -> Scene:
    made = Scene(site("angers"), kvm(KVM1, "angers"), kvm(KVM2, "angers"), guest(WEB, **stated))
    made.see(KVM1)
    made.see(KVM2)
    return made


def test_a_guest_that_runs_where_it_should_with_its_copy() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("web"))
    at.see(KVM2, domain("web", "shutoff", "shutdown"))
    text = told(at)
    assert values(text, "guest_expected") == {(WEB, KVM1, "angers"): 1, (WEB, KVM2, "angers"): 0}
    assert values(text, "guest_state", guest=WEB) == {(KVM1, "angers", "running"): 1, (KVM2, "angers", "shutoff"): 1}
    assert values(text, "guest_copy", guest=WEB, site="angers") == {("production", KVM1): 1, ("backup", KVM2): 1}
    assert values(text, "guest_running_instances", guest=WEB, site="angers") == {(): 1}


def test_a_copy_that_is_missing_is_0_and_one_that_cannot_be_known_is_not_told() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("web"))
    assert values(told(at), "guest_copy", guest=WEB, copy="backup", site="angers") == {(KVM2,): 0}
    at.fail(KVM2)
    text = told(at)
    assert values(text, "guest_copy", guest=WEB, copy="backup") == {}
    assert values(text, "guest_placement_unknown", guest=WEB, site="angers") == {(): 1}
    at.see(KVM2, domain("web", "shutoff", "shutdown"))
    text = told(at)
    assert values(text, "guest_copy", guest=WEB, copy="backup", site="angers") == {(KVM2,): 1}
    assert values(text, "guest_placement_unknown", guest=WEB, site="angers") == {(): 0}


def test_instances_on_a_hypervisor_that_cannot_be_read_are_not_counted() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("web"))
    at.see(KVM2, domain("web"))
    assert values(told(at), "guest_running_instances", guest=WEB, site="angers") == {(): 2}
    at.fail(KVM2)
    assert values(told(at), "guest_running_instances", guest=WEB, site="angers") == {(): 1}


def test_only_hypervisors_that_hold_or_should_hold_a_guest_have_series() -> None:
    at = scene(enclumeProduction=host_dn(KVM1))
    at.see(KVM1, domain("web"))
    text = told(at)
    for name in ("guest_expected", "guest_state", "guest_copy"):
        assert values(text, name, hypervisor=KVM2) == {}, name


def test_a_guest_of_shared_storage_is_expected_on_whichever_hypervisor_of_its_site_holds_it() -> None:
    at = Scene(
        site("angers"),
        site("lyon"),
        kvm(KVM1, "angers"),
        kvm(KVM2, "lyon"),
        guest(WEB, enclumeAtSite=site_dn("angers")),
    )
    at.see(KVM2)
    at.see(KVM1, domain("web"))
    assert values(told(at), "guest_expected", guest=WEB, site="angers") == {(KVM1,): 1}
    at.see(KVM1)
    at.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeDomainUUID=domain("web").uuid))
    at.see(KVM2, domain("web"))
    assert values(told(at), "guest_expected", guest=WEB, site="angers") == {(KVM2,): 0}


def test_a_retired_guest_is_expected_nowhere() -> None:
    at = scene(**BOTH, enclumeIntent="retired")
    at.see(KVM1, domain("web"))
    text = told(at)
    assert values(text, "guest_expected", guest=WEB, site="angers") == {(KVM1,): 0, (KVM2,): 0}
    assert values(text, "guest_info", intent="retired", certname=WEB) != {}


def test_a_guest_that_no_hypervisor_shows_still_has_its_series() -> None:
    at = scene(**BOTH)
    text = told(at)
    assert values(text, "guest_info", guest=WEB, site="angers") == {(WEB, "running", ""): 1}
    assert values(text, "guest_running_instances", guest=WEB, site="angers") == {(): 0}
    assert values(text, "guest_copy", guest=WEB, site="angers") == {("production", KVM1): 0, ("backup", KVM2): 0}


CONTRACT = {
    "split_brain", "not_running", "wrong_hypervisor", "missing_backup_copy", "backup_copy_running", "definition_drift",
    "unmanaged", "no_domain", "paused_io_error", "shared_disk", "double_autostart",
}  # fmt: skip


def problems(text: str, name: str = WEB) -> dict[str, float]:
    return {
        problem: value
        for (problem,), value in values(text, "guest_placement_problem", guest=name, site="angers").items()
    }


def test_every_problem_is_always_told_and_turns_with_its_cause() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("web"))
    at.see(KVM2, domain("web", "shutoff", "shutdown"))
    well = problems(told(at))
    assert well.keys() >= CONTRACT
    assert well["not_running"] == well["split_brain"] == 0
    at.see(KVM1, domain("web", "shutoff", "shutdown"))
    assert problems(told(at)) == {**well, "not_running": 1}
    at.see(KVM1, domain("web"))
    at.see(KVM2, domain("web"))
    assert problems(told(at))["split_brain"] == 1
    at.see(KVM2, domain("web", "shutoff", "shutdown"))
    assert problems(told(at)) == well


def test_a_domain_without_an_entry_is_told_by_its_own_name_until_it_has_one() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("web"), domain("stray"))
    text = told(at)
    assert {name for name, value in problems(text, "stray").items() if value} == {"unmanaged"}
    assert values(text, "guest_info", guest="stray", site="angers") == {("", "", domain("stray").uuid): 1}
    assert values(text, "guest_expected", guest="stray", site="angers") == {(KVM1,): 0}
    assert values(text, "guest_state", guest="stray", site="angers") == {(KVM1, "running"): 1}
    assert values(text, "guest_running_instances", guest="stray", site="angers") == {(): 1}
    at.put(guest("stray.lab.test"))
    text = told(at)
    assert problems(text, "stray") == {}
    assert problems(text, "stray.lab.test")["unmanaged"] == 0


def test_a_domain_that_is_named_like_anothers_certname_is_told_by_its_uuid() -> None:
    at = scene(**BOTH, enclumeDomainUUID=domain("web").uuid)
    at.see(KVM1, domain("web"), domain(WEB, uuid=domain("other").uuid))
    assert problems(told(at), domain("other").uuid)["unmanaged"] == 1
    assert problems(told(at))["unmanaged"] == 0


def test_domains_of_one_name_without_an_entry_are_one_guest() -> None:
    at = scene(**BOTH)
    at.see(KVM1, domain("stray"))
    at.see(KVM2, domain("stray", uuid=domain("other").uuid))
    assert values(told(at), "guest_running_instances", guest="stray", site="angers") == {(): 2}


def test_a_strays_site_is_its_hypervisors_and_other_sites_do_not_hear_of_it() -> None:
    at = scene(**BOTH)
    at.put(site("lyon"))
    at.see(KVM1, domain("stray"))
    assert problems(told(at, "angers"), "stray") != {}
    assert "stray" not in told(at, "lyon")
