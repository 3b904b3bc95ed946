"""Where a guest runs, from what hypervisors show, what was known, and what is declared."""

import itertools

import pytest

from facts.estate import Placement, Remembered
from facts.fleet import Found, muster
from facts.inventory.domains import Disk, State
from facts.placement import hardware, place
from tests.factories import GIB, domain, shows

NOBODY: frozenset[str] = frozenset()
KNOWN = Remembered("guest", "kvm9")


def found(**states: str) -> tuple[Found, ...]:
    """One domain on several hypervisors, each as `state/reason`."""
    return tuple(Found(name, domain("vm", *_state(state))) for name, state in sorted(states.items()))


def _state(text: str) -> tuple[State, str]:
    state, _, reason = text.partition("/")
    return state, reason or "unknown"  # type: ignore[return-value]


def test_a_guest_is_where_it_runs() -> None:
    placement = place(found(kvm1="shutoff", kvm2="running"), KNOWN, "kvm3", NOBODY)
    assert placement == Placement("kvm2", "its domain runs on kvm2", ("kvm1", "kvm2"), established=True)


NOWHERE = "no hypervisor that was read runs its domain"


@pytest.mark.parametrize("state", ["running", "blocked", "paused/user", "paused/ioerror", "shutdown", "pmsuspended"])
def test_a_domain_with_its_memory_here_runs_here(state: str) -> None:
    assert place(found(kvm1=state), None, None, NOBODY).established


@pytest.mark.parametrize("state", ["shutoff/migrated", "crashed", "nostate", "paused/migration", "paused/starting-up"])
def test_a_domain_that_is_off_or_under_way_runs_nowhere(state: str) -> None:
    placement = place(found(kvm1=state), KNOWN, "kvm3", NOBODY)
    assert (placement.hypervisor, placement.established) == ("kvm9", False)


def test_while_it_runs_twice_the_last_unambiguous_hypervisor_counts() -> None:
    placement = place(found(kvm1="running", kvm2="running"), KNOWN, "kvm3", NOBODY)
    assert (placement.hypervisor, placement.established) == ("kvm9", False)
    assert placement.because == "its domain runs on kvm1 and kvm2; it last ran alone on kvm9"


def test_an_incoming_migration_is_no_split_brain() -> None:
    placement = place(found(kvm1="running/booted", kvm2="paused/migration"), None, None, NOBODY)
    assert (placement.hypervisor, placement.established) == ("kvm1", True)


def test_after_the_switch_of_a_migration_it_is_where_it_arrived() -> None:
    placement = place(found(kvm1="paused/postcopy", kvm2="running/migrated"), KNOWN, None, NOBODY)
    assert (placement.hypervisor, placement.established) == ("kvm2", True)


@pytest.mark.parametrize(
    ("known", "production", "hypervisor", "because"),
    [
        (KNOWN, "kvm3", "kvm9", f"{NOWHERE}; it last ran alone on kvm9"),
        (None, "kvm3", "kvm3", f"{NOWHERE}; its enclumeProduction is kvm3"),
        (Remembered("guest"), "kvm3", "kvm3", f"{NOWHERE}; its enclumeProduction is kvm3"),
        (None, None, None, f"{NOWHERE}, and it has no enclumeProduction"),
    ],
)
@pytest.mark.parametrize("shown", [{}, {"kvm1": "shutoff"}])
def test_a_guest_that_runs_nowhere_is_where_it_last_was_then_where_it_should_be(
    known: Remembered | None, production: str | None, hypervisor: str | None, because: str, shown: dict[str, str]
) -> None:
    placement = place(found(**shown), known, production, NOBODY)
    assert (placement.hypervisor, placement.because, placement.established) == (hypervisor, because, False)
    assert placement.observed_on == tuple(shown)


def test_readable_evidence_beats_unreadable() -> None:
    placement = place(found(kvm1="running", kvm2="running"), KNOWN, None, frozenset({"kvm1"}))
    assert placement == Placement("kvm2", "its domain runs on kvm2", ("kvm1", "kvm2"), established=True)


def test_what_an_unreadable_hypervisor_last_showed_counts_where_no_other_runs_the_guest() -> None:
    placement = place(found(kvm1="running", kvm2="shutoff"), KNOWN, None, frozenset({"kvm1"}))
    assert (placement.hypervisor, placement.established) == ("kvm1", True)
    assert "cannot be read now" in placement.because


def test_two_unreadable_hypervisors_settle_nothing() -> None:
    placement = place(found(kvm1="running", kvm2="running"), KNOWN, None, frozenset({"kvm1", "kvm2"}))
    assert (placement.hypervisor, placement.established) == ("kvm9", False)


def test_the_order_in_which_hypervisors_are_named_changes_nothing() -> None:
    seen = {name: shows(domain("vm", "running" if name == "c" else "shutoff")) for name in "abc"}
    fleets = [muster(dict(order), ()) for order in itertools.permutations(seen.items())]
    assert all(fleet == fleets[0] for fleet in fleets)


def test_hardware_is_as_defined_where_the_guest_is() -> None:
    here, there = domain("vm", memory=GIB), domain("vm", "shutoff", memory=2 * GIB)
    shown = (Found("kvm1", there), Found("kvm2", here))
    for name, memory in (("kvm2", GIB), ("kvm1", 2 * GIB), ("elsewhere", 2 * GIB), (None, 2 * GIB)):
        seen = hardware(shown, name)
        assert seen is not None
        assert seen.memory == memory


def test_a_guest_that_no_hypervisor_defines_has_no_hardware() -> None:
    assert hardware((), "kvm1") is None


def test_storage_is_named_once_by_export_or_path_in_one_order() -> None:
    disks = [
        Disk("vda", "nfs", "/mnt/vm.qcow2", "nfs1", "/srv/vms"),
        Disk("vdb", "nfs", "/mnt/data.qcow2", "nfs1", "/srv/vms"),
        Disk("vdc", "lvm", "/dev/vg/vm"),
    ]
    for order in itertools.permutations(disks):
        seen = hardware((Found("kvm1", domain("vm", disks=order)),), "kvm1")
        assert seen is not None
        assert [(one.kind, one.server, one.path) for one in seen.storage] == [
            ("lvm", None, "/dev/vg/vm"),
            ("nfs", "nfs1", "/srv/vms"),
        ]
