"""The observatory: the last that each host said of itself, kind by kind."""

from typing import Any

import pytest

from facts.authority import OWN, may_say
from facts.observations import (
    FORMAT,
    KINDS,
    Client,
    Kinds,
    Logs,
    Mirror,
    Mount,
    NfsServer,
    Observed,
    Peer,
    PeerVolume,
    Use,
    Used,
    Volume,
)
from facts.observatory import REMEMBERED, Earlier, HostSeen, Observatory, Synced, merge, permitted
from tests.factories import World, guest, host, kvm, service

ALL = frozenset(Kinds.__struct_fields__)
NFSD = NfsServer(8, {"read": 1})
MOUNTS = (Mount("/srv", "nfs1", "/srv"),)


def said(at: float, problems: tuple[str, ...] = (), **kinds: Any) -> Observed:
    """What a host said; with problems it could read no more than these kinds."""
    return Observed(FORMAT, "nfs1.lab.test", at, Kinds(**kinds), problems, tuple(kinds) if problems else KINDS)


def after(*observations: Observed, allowed: frozenset[str] = ALL, now: float = 1000.0) -> HostSeen:
    known = None
    for observed in observations:
        known = merge(known, observed, allowed, now)
    assert known is not None
    return known


def test_each_kind_is_kept_with_its_time() -> None:
    known = after(said(100.0, nfsd=NFSD, mounts=MOUNTS))
    assert (known.kinds, known.seen_at) == (Kinds(nfsd=NFSD, mounts=MOUNTS), {"nfsd": 100.0, "mounts": 100.0})


def test_a_kind_that_is_left_out_is_there_no_more() -> None:
    known = after(said(100.0, nfsd=NFSD, mounts=MOUNTS), said(160.0, mounts=MOUNTS))
    assert (known.kinds, known.seen_at) == (Kinds(mounts=MOUNTS), {"mounts": 160.0})


def test_a_kind_that_is_not_there_is_absent_until_it_is() -> None:
    story = [said(100.0, nfsd=NFSD), said(160.0, mounts=MOUNTS)]
    assert after(*story).absent["nfsd"] == 160.0
    assert after(said(160.0)).absent["nfsd"] == 160.0
    assert after(*story, said(220.0, ("nfsd: Input/output error",))).absent["nfsd"] == 160.0
    assert "nfsd" not in after(*story, said(220.0, nfsd=NFSD)).absent
    assert after(*story, said(130.0, nfsd=NFSD)).absent["nfsd"] == 160.0, "an older word that arrives late"
    assert "nfsd" not in after(*story, allowed=OWN).absent


def test_a_kind_with_a_problem_is_not_known_to_be_absent() -> None:
    unread = Observed(FORMAT, "nfs1.lab.test", 100.0, Kinds(), ("nfsd: permission denied", "it is odd"))
    assert "nfsd" not in after(unread).absent
    assert after(unread).absent["mirrors"] == 100.0


def test_what_could_not_be_read_stays_and_grows_old() -> None:
    known = after(said(100.0, nfsd=NFSD), said(160.0, ("nfsd: permission denied",), mounts=MOUNTS))
    assert (known.kinds, known.seen_at) == (Kinds(nfsd=NFSD, mounts=MOUNTS), {"nfsd": 100.0, "mounts": 160.0})
    assert known.problems == ("nfsd: permission denied",)


def test_what_was_not_looked_at_stays_too() -> None:
    alone = Observed(FORMAT, "nfs1.lab.test", 160.0, Kinds(mounts=MOUNTS), looked_at=("mounts", "logs"))
    known = after(said(100.0, nfsd=NFSD, logs=Logs(1, remote=True)), alone)
    assert known.kinds == Kinds(nfsd=NFSD, mounts=MOUNTS)


def used(*addresses: str, what: Use = "ldap", name: str = "ldap.test") -> Used:
    return Used(what, name, addresses)


UNRESOLVED = ("uses: 1 names were not resolved within 5 s, or no name server would say, ldap.test among them",)


def test_a_name_that_nobody_resolves_now_keeps_its_addresses_until_somebody_does() -> None:
    here, gone = said(100.0, uses=(used("10.0.0.1"),)), said(160.0, UNRESOLVED, uses=(used(),))
    again = said(220.0, UNRESOLVED, uses=(used(), used("10.0.0.2", name="other.test")))
    assert after(here, gone).kinds.uses == (used("10.0.0.1"),)
    assert after(here, gone).seen_at == {"uses": 160.0}
    assert after(here, gone, again).kinds.uses == (used("10.0.0.1"), used("10.0.0.2", name="other.test"))
    assert after(here, gone, said(280.0, uses=(used(),))).kinds.uses == (used(),)
    assert after(here, gone, said(280.0, uses=(used("10.0.0.3"),))).kinds.uses == (used("10.0.0.3"),)


def test_what_could_not_be_read_is_a_problem_until_it_is_looked_at_again() -> None:
    unread, late = "uses: /etc/sssd/sssd.conf cannot be read: Permission denied", "nfsd: not read within 30 s"
    first = said(100.0, (unread, late), mounts=MOUNTS)
    alone = Observed(FORMAT, "nfs1.lab.test", 160.0, Kinds(nfsd=NFSD), (), ("nfsd",))
    assert after(first, alone).problems == (unread,)
    assert after(first, said(160.0, ("uses: no", "mounts: no"))).problems == ("uses: no", "mounts: no", late)
    assert after(first, alone, said(220.0, uses=())).problems == ()


def test_what_is_used_no_more_or_as_something_else_keeps_no_addresses() -> None:
    here = said(100.0, uses=(used("10.0.0.1"), used("10.0.0.2", name="other.test")))
    assert after(here, said(160.0, UNRESOLVED, uses=(used(what="ntp"),))).kinds.uses == (used(what="ntp"),)
    assert after(said(100.0, mounts=MOUNTS), said(160.0, UNRESOLVED, uses=(used(),))).kinds.uses == (used(),)


def test_problems_with_other_things_leave_a_name_that_has_no_address_any_more_without() -> None:
    here = said(100.0, uses=(used("10.0.0.1"),))
    assert after(here, said(160.0, ("mounts: no",), uses=(used(),))).kinds.uses == (used(),)


def test_an_older_observation_that_arrives_late_replaces_nothing() -> None:
    known = after(said(160.0, logs=Logs(1, remote=True)), said(100.0, logs=Logs(2, remote=True), nfsd=NFSD))
    assert known.kinds.logs == Logs(1, remote=True)


def test_a_clock_that_is_ahead_observed_now() -> None:
    assert after(said(9e9, nfsd=NFSD), now=1000.0).seen_at == {"nfsd": 1000.0}


def test_how_far_a_clock_is_ahead_is_told_in_whole_seconds() -> None:
    assert after(said(1300.4, nfsd=NFSD), now=1000.0).ahead == 300.0
    assert after(said(1004.0, nfsd=NFSD), now=1000.0).ahead == 0.0
    assert after(said(1300.0, nfsd=NFSD), said(1000.0, nfsd=NFSD), now=1000.0).ahead == 0.0


def test_the_time_of_the_last_word_is_kept_though_it_says_nothing() -> None:
    known = after(said(100.0, nfsd=NFSD), said(160.0, ("nfsd: permission denied",)), said(90.0))
    assert (known.observed_at, known.seen_at) == (160.0, {"nfsd": 100.0})


def test_the_counters_before_the_last_are_kept_without_their_clients() -> None:
    busy = NfsServer(8, {"read": 1}, clients=(Client("192.0.2.1"),))
    first = after(said(100.0, nfsd=busy))
    assert first.earlier is None
    second = after(said(100.0, nfsd=busy), said(160.0, nfsd=NFSD))
    assert second.earlier == Earlier(NFSD, 100.0)
    assert after(said(100.0, nfsd=busy), said(160.0, nfsd=NFSD), said(160.0, nfsd=NFSD)).earlier == second.earlier
    assert after(said(100.0, nfsd=busy), said(160.0, nfsd=NFSD), said(220.0)).earlier is None


def mirror(connection: str = "Connected", behind: int = 0, disk: str = "UpToDate", resource: str = "r0") -> Mirror:
    peer = Peer("nfs2", connection, "Secondary", (PeerVolume(0, "UpToDate", "Established", behind),))
    return Mirror(resource, "Primary", (Volume(0, disk),), (peer,))


@pytest.mark.parametrize(
    ("seen", "in_sync"),
    [
        (mirror(), True),
        (mirror("Connecting"), False),
        (mirror(behind=4096), False),
        (mirror(disk="Inconsistent"), False),
        (Mirror("r0", "Primary", (Volume(0, "UpToDate"),)), False),
        (Mirror("r0", "Primary", (Volume(0, "UpToDate"),), (Peer("nfs2", "Connected", "Secondary"),)), False),
    ],
)
def test_a_mirror_is_in_sync_when_it_is_connected_and_the_same_everywhere(seen: Mirror, in_sync: bool) -> None:
    assert seen.in_sync is in_sync


def test_when_a_mirror_was_last_in_sync_is_remembered_for_a_week_after_it_is_gone() -> None:
    story = [
        said(100.0, mirrors=(mirror(),)),
        said(160.0, mirrors=(mirror("Connecting"), mirror(behind=1, resource="r1"))),
    ]
    known = after(*story)
    assert known.synced == {"r0": Synced(100.0, 100.0), "r1": Synced(160.0)}
    gone = [*story, said(220.0, mirrors=(mirror(),)), said(280.0, mirrors=(mirror(),))]
    assert after(*gone).synced == {"r0": Synced(100.0, 280.0), "r1": Synced(160.0, gone=220.0)}
    both = after(*gone, said(340.0))
    assert both.synced == {"r0": Synced(100.0, 280.0, gone=340.0), "r1": Synced(160.0, gone=220.0)}
    back = said(400.0, mirrors=(mirror("Connecting"),))
    assert merge(both, back, ALL, 1000.0).synced["r0"] == Synced(100.0, 280.0)
    late = said(220.0 + REMEMBERED)
    assert merge(both, late, ALL, 1e9).synced == {"r0": Synced(100.0, 280.0, gone=340.0)}
    assert merge(both, late, OWN, 1e9).synced == {}
    assert after(*story, said(220.0, ("drbdsetup: not found",))).synced == after(*story).synced


def test_of_mirrors_that_are_gone_the_last_few_are_remembered() -> None:
    names = [f"r{number:03}" for number in range(200)]
    story = [said(float(at), mirrors=(mirror(resource=name),)) for at, name in enumerate(names, 100)]
    assert sorted(after(*story).synced) == names[-65:]


def test_a_kind_that_is_refused_is_not_taken_and_the_others_are() -> None:
    known = after(said(100.0, nfsd=NFSD, mounts=MOUNTS), allowed=frozenset({"mounts"}))
    assert known.kinds == Kinds(mounts=MOUNTS)


def test_what_a_host_may_say_no_longer_is_dropped() -> None:
    first = after(said(100.0, nfsd=NFSD, mounts=MOUNTS))
    known = merge(first, said(160.0, nfsd=NFSD, mounts=MOUNTS), frozenset({"mounts"}), 1000.0)
    assert (known.kinds, known.seen_at) == (Kinds(mounts=MOUNTS), {"mounts": 160.0})


def test_of_a_host_that_went_silent_what_it_may_say_no_longer_does_not_count() -> None:
    known = after(said(100.0, nfsd=NFSD, mounts=MOUNTS))
    assert permitted(known, ALL) is known
    assert permitted(known, OWN).kinds == Kinds(mounts=MOUNTS)
    assert permitted(known, OWN).seen_at == {"mounts": 100.0}
    assert permitted(known, OWN).absent == {"nfs": 100.0, "uses": 100.0, "logs": 100.0}


def test_the_observatory_tells_what_changed_and_takes_from_disk_what_nobody_was_faster_with() -> None:
    told: list[HostSeen] = []
    observatory = Observatory(told.append)
    observatory.observed(said(100.0, nfsd=NFSD), ALL, 1000.0)
    other = after(said(50.0, mounts=MOUNTS))
    observatory.restore({"nfs1.lab.test": other, "nfs2.lab.test": other})
    assert told[0].kinds.nfsd == NFSD
    assert observatory.hosts()["nfs1.lab.test"].kinds == Kinds(nfsd=NFSD)


def test_an_older_document_replaces_no_newer_words_of_the_observer() -> None:
    known = after(said(160.0, mounts=MOUNTS), said(100.0, ("old news",), mounts=MOUNTS))
    assert known.problems == ()


def test_what_another_instance_wrote_at_its_end_is_taken_where_it_is_newer() -> None:
    observatory = Observatory()
    observatory.observed(said(100.0, nfsd=NFSD), ALL, 1000.0)
    observatory.restore({"nfs1.lab.test": after(said(50.0, mounts=MOUNTS))})
    assert observatory.hosts()["nfs1.lab.test"].kinds == Kinds(nfsd=NFSD)
    observatory.restore({"nfs1.lab.test": after(said(160.0, mounts=MOUNTS))})
    assert observatory.hosts()["nfs1.lab.test"].kinds == Kinds(mounts=MOUNTS)


def test_a_host_that_is_gone_is_forgotten_once_it_was_silent_for_long() -> None:
    observatory = Observatory()
    observatory.observed(said(100.0, nfsd=NFSD), ALL, 1000.0)
    assert observatory.forget({"nfs1.lab.test"}, since=200.0) == ()
    assert observatory.forget(set(), since=50.0) == ()
    assert observatory.forget(set(), since=200.0) == ("nfs1.lab.test",)
    assert observatory.hosts() == {}


def test_who_may_say_what() -> None:
    world = World(
        kvm("kvm1.lab.test"),
        host("nfs1.lab.test"),
        host("save.lab.test"),
        guest("web.lab.test"),
        service("files", members=("nfs1.lab.test",), enclumeProvides="nfs"),
        service("backup", members=("save.lab.test",), enclumeProvides="backup"),
    )
    nodes = world.estate().nodes
    extra = {name: sorted(may_say(node) - OWN) for name, node in nodes.items()}
    assert extra == {
        "kvm1.lab.test": ["containers"],
        "nfs1.lab.test": ["mirrors", "nfsd"],
        "save.lab.test": ["backups"],
        "web.lab.test": [],
    }
