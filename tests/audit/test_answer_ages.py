"""The age of answers: told of whom it concerns while a source is not read, and good again once it is."""

from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import BASE, domain, guest, host_dn, kvm, site

LDAP, KVM1, KVM2 = (
    SourceKey("directory", BASE),
    SourceKey("inventory", "kvm1.lab.test"),
    SourceKey("inventory", "kvm2.lab.test"),
)


def scene() -> Scene:
    made = Scene(
        site("angers"),
        kvm("kvm1.lab.test", "angers"),
        kvm("kvm2.lab.test", "angers"),
        guest("web.lab.test", enclumeProduction=host_dn("kvm1.lab.test")),
    )
    made.see("kvm1.lab.test", domain("web"))
    made.see("kvm2.lab.test")
    made.freshness = dict.fromkeys((LDAP, KVM1, KVM2), Freshness(NOON))
    return made


def test_an_answer_grows_old_with_its_hypervisor_and_is_young_again_when_that_is_read() -> None:
    made = scene()
    assert made.wrong("enc") == {}
    made.at = NOON + 120
    made.freshness |= {LDAP: Freshness(made.at), KVM2: Freshness(made.at)}
    assert made.wrong("enc") == {"answers_old": "warning"}
    said = sentences(made.verdicts("enc"))["answers_old"]
    assert said.startswith("1 answer rests on kvm1.lab.test, which was last read ")
    made.at = NOON + 1000
    made.freshness |= {LDAP: Freshness(made.at), KVM2: Freshness(made.at)}
    assert made.wrong("enc") == {"answers_old": "critical"}
    made.freshness[KVM1] = Freshness(made.at)
    assert made.wrong("enc") == {}


def test_every_answer_rests_on_the_directory() -> None:
    made = scene()
    made.at = NOON + 120
    made.freshness |= {KVM1: Freshness(made.at), KVM2: Freshness(made.at)}
    assert sentences(made.verdicts("enc"))["answers_old"].startswith(f"3 answers rest on {BASE}, which was last read ")
