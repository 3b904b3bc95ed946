"""The exposition: what did not change keeps its text, what is gone disappears, and nobody is held up."""

import threading

from audit.all import Audited
from audit.picture import Picture
from exporters.around import Around
from exporters.counts import Counts
from exporters.exposition import Exposition
from exporters.families import placement
from exporters.family import gauge
from exporters.scrape import Scrape
from exporters.texts import Texts
from facts.puppet import Run
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import samples, scrape, told, values
from tests.factories import domain, guest, host, host_dn, kvm, site, site_dn

WEB, MAIL, LYON = "web.lab.test", "mail.lab.test", "git.lab.test"
KVM1, KVM2 = "kvm1.lab.test", "kvm2.lab.test"


def scene() -> Scene:
    made = Scene(
        site("angers"), site("lyon"), kvm(KVM1, "angers"), kvm(KVM2, "lyon"),
        *(guest(name, enclumeProduction=host_dn(KVM1)) for name in (WEB, MAIL)),
        guest(LYON, enclumeProduction=host_dn(KVM2)),
    )  # fmt: skip
    made.see(KVM1, domain("web"), domain("mail"))
    made.see(KVM2, domain("git"))
    return made


def quiet() -> Exposition:
    return Exposition(breathe=lambda: None)


class Renderer:
    """Renders the names of hosts, and remembers which."""

    FAMILY = gauge("host", "name", tells="A host.")

    def __init__(self) -> None:
        self.rendered: list[str] = []

    def __call__(self, picture: Picture, _around: Around) -> tuple[str, ...]:
        self.rendered.append(picture.name)
        return (self.FAMILY.line(1, picture.name),)


def refreshed(kept: Texts, at: Scene) -> Texts:
    audited = at.audit()
    assert audited.view is not None
    estate = audited.view.situation.now.estate
    assert estate is not None
    kept.refresh(audited, Around({}, at.settings.thresholds), lambda: None)
    return kept


def test_only_a_host_that_changed_is_rendered_again() -> None:
    at, renderer = scene(), Renderer()
    kept = refreshed(Texts([((Renderer.FAMILY,), renderer)]), at)
    before = kept.hosts[MAIL].texts
    renderer.rendered.clear()
    at.see(KVM1, domain("web", "shutoff", "shutdown"), domain("mail"))
    refreshed(kept, at)
    assert renderer.rendered == [WEB]
    assert kept.hosts[MAIL].texts is before


def test_a_run_alone_renders_its_host_and_no_other() -> None:
    at, renderer = scene(), Renderer()
    at.runs[WEB] = Run(certname=WEB, ended_at=at.at - 60, last_success=at.at - 60, status="unchanged")
    kept = refreshed(Texts([((Renderer.FAMILY,), renderer)]), at)
    renderer.rendered.clear()
    at.runs[WEB] = Run(certname=WEB, ended_at=at.at, last_success=at.at, status="unchanged")
    refreshed(kept, at)
    assert renderer.rendered == [WEB]


def test_a_host_that_is_gone_disappears_at_once() -> None:
    at, exposition = scene(), quiet()
    assert WEB in told(at, exposition=exposition)
    at.drop(host_dn(WEB))
    assert values(told(at, exposition=exposition), "guest_info", guest=WEB) == {}


def test_one_site_is_told_without_the_others() -> None:
    text = told(scene(), site="lyon")
    named = {dict(labels).get("site") for _, labels in samples(text)}
    assert named == {"lyon", "", None}
    assert values(text, "generation") == {(): 1.0}


def test_a_host_at_no_site_is_told_to_everybody() -> None:
    at = scene()
    at.put(host("roaming.lab.test"))
    at.runs["roaming.lab.test"] = Run(certname="roaming.lab.test", ended_at=NOON, last_success=NOON, status="changed")
    for asked in ("", "lyon", "angers"):
        found = values(told(at, site=asked), "puppet_last_run_timestamp_seconds", site="")
        assert found == {("roaming.lab.test",): NOON}, asked


def test_before_the_first_estate_there_is_nothing_to_tell() -> None:
    nothing = Scrape(audited=Audited(), freshness={}, counts=Counts(), version="", libvirt="")
    assert quiet().pieces(nothing) is None


def test_a_family_stands_in_one_piece_whatever_the_number_of_hosts() -> None:
    at = Scene(*(guest(f"vm{number}.lab.test") for number in range(1500)))
    text = told(at)
    assert text.count("# TYPE enclume_guest_info gauge") == 1
    assert len(values(text, "guest_info")) == 1500


def test_whoever_scrapes_lets_others_go_first() -> None:
    at, breaths = Scene(*(guest(f"vm{number}.lab.test") for number in range(100))), list[int]()
    exposition = Exposition(breathe=lambda: breaths.append(1))
    told(at, exposition=exposition)
    rendering = len(breaths)
    told(at, exposition=exposition)
    assert rendering > len(breaths) - rendering >= len(placement.FAMILIES)


def test_two_scrapes_at_once_render_once_and_tell_the_same() -> None:
    at, told_by = scene(), list[bytes]()
    one = scrape(at)
    begun, go_on = threading.Event(), threading.Event()

    def breathe() -> None:
        begun.set()
        go_on.wait(5)

    exposition = Exposition(breathe=breathe)

    def read() -> None:
        pieces = exposition.pieces(one)
        assert pieces is not None
        told_by.append(b"".join(pieces))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    go_on.set()
    for thread in threads:
        thread.join()
    assert told_by[0] == told_by[1]


def test_a_guest_that_moves_changes_its_site_label_in_all_families() -> None:
    at, exposition = scene(), quiet()
    told(at, exposition=exposition)
    at.put(guest(WEB, enclumeAtSite=site_dn("lyon"), enclumeProduction=host_dn(KVM2)))
    text = told(at, exposition=exposition)
    assert {dict(labels)["site"] for _, labels in samples(text) if dict(labels).get("guest") == WEB} == {"lyon"}
