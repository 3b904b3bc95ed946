"""A guest with its networks, data and logs as they should be, and what is said of these once they are not."""

from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Logs, Mount
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import GIB, domain, guest, host, kvm, service, service_dn, site, site_dn, uuid_of

KVM, WEB, NFS, MIRROR = "kvm1.lab.test", "web.lab.test", "nfs.lab.test", "mirror.lab.test"
HOME = Mount("/home", NFS, "/srv/home", "4.2", responding=True)


def in_order() -> Scene:
    """A guest of the service web, which requires files; its networks, data and logs are as they should be."""
    scene = Scene(
        site(
            "angers",
            enclumeNetwork=(
                "lan=internal 10.1.0.0/16 lan",
                "dmz=public 192.0.2.0/24 br-dmz",
                "odd=public 198.51.100.0/24",
            ),
        ),
        kvm(KVM, "angers"),
        host(NFS, enclumeAtSite=site_dn("angers"), ipHostNumber="10.1.0.2"),
        host(MIRROR, enclumeAtSite=site_dn("angers"), ipHostNumber="10.1.0.3"),
        guest(WEB, enclumeAtSite=site_dn("angers")),
        service("files", members=(NFS,), enclumeProvides="nfs"),
        service("mirroring", members=(MIRROR,), enclumeProvides="mirror"),
        service("names", members=(NFS,), enclumeProvides="dns"),
        service("web", members=(WEB,), enclumeRequires=(service_dn("names"), service_dn("files"))),
    )
    wired(scene, "lan")
    scene.observe(WEB, mounts=(HOME,), logs=Logs(1000, remote=True))
    return scene


def wired(scene: Scene, *networks: str) -> None:
    scene.see(KVM, domain("web", networks=networks))


def wrong(scene: Scene) -> dict[str, str]:
    return scene.wrong("data", WEB)


def said(scene: Scene, code: str) -> str:
    return sentences(scene.verdicts("data", WEB))[code]


def measure(scene: Scene, **sizes: int) -> None:
    disks = tuple(DiskStatistics(target, gib * GIB) for target, gib in sizes.items())
    uuid = uuid_of("web")
    scene.statistics[KVM] = HypervisorStatistics(NOON, {uuid: DomainStatistics(uuid, NOON, disks)})
