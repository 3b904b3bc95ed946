"""The observatory: the last that each host said of itself, kind by kind."""

from typing import Any

from facts.authority import OWN, may_say
from facts.observations import FORMAT, Kinds, Logs, Mount, NfsServer, Observed
from facts.observatory import HostSeen, Observatory, merge
from tests.factories import World, guest, host, kvm, service

ALL = frozenset(Kinds.__struct_fields__)
NFSD = NfsServer(8, {"read": 1})
MOUNTS = (Mount("/srv", "nfs1", "/srv"),)


def said(at: float, problems: tuple[str, ...] = (), **kinds: Any) -> Observed:
    return Observed(FORMAT, "nfs1.lab.test", at, Kinds(**kinds), problems)


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


def test_what_could_not_be_read_stays_and_grows_old() -> None:
    known = after(said(100.0, nfsd=NFSD), said(160.0, ("nfsd: permission denied",), mounts=MOUNTS))
    assert (known.kinds, known.seen_at) == (Kinds(nfsd=NFSD, mounts=MOUNTS), {"nfsd": 100.0, "mounts": 160.0})
    assert known.problems == ("nfsd: permission denied",)


def test_an_older_observation_that_arrives_late_replaces_nothing() -> None:
    known = after(said(160.0, logs=Logs(1, remote=True)), said(100.0, logs=Logs(2, remote=True), nfsd=NFSD))
    assert known.kinds.logs == Logs(1, remote=True)


def test_a_clock_that_is_ahead_observed_now() -> None:
    assert after(said(9e9, nfsd=NFSD), now=1000.0).seen_at == {"nfsd": 1000.0}


def test_a_kind_that_is_refused_is_not_taken_and_the_others_are() -> None:
    known = after(said(100.0, nfsd=NFSD, mounts=MOUNTS), allowed=frozenset({"mounts"}))
    assert known.kinds == Kinds(mounts=MOUNTS)


def test_the_observatory_tells_what_changed_and_takes_from_disk_what_nobody_was_faster_with() -> None:
    told: list[HostSeen] = []
    observatory = Observatory(told.append)
    observatory.observed(said(100.0, nfsd=NFSD), ALL, 1000.0)
    other = after(said(50.0, mounts=MOUNTS))
    observatory.restore({"nfs1.lab.test": other, "nfs2.lab.test": other})
    assert told[0].kinds.nfsd == NFSD
    assert observatory.hosts()["nfs1.lab.test"].kinds == Kinds(nfsd=NFSD)


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
