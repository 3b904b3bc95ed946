"""`enclume layers` on a real slapd and the real service: the laboratory's resolver goes into a guest, and back."""

from collections.abc import Iterator

import pytest

from tests.commands.lab import LAB, SERVICES, Laboratory
from tests.live.slapd import Slapd
from tests.waiting import until

GUEST, HYPERVISOR = "tonton.lab.test", "coquille1.lab.test"
HUITRE, NACRE, TONTON = (f"cn={name}.lab.test,ou=hosts,dc=lab,dc=test" for name in ("huitre", "nacre", "tonton"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("layers")
    with Slapd(folder / "ldap", ldif=LAB / "directory.ldif") as slapd, Laboratory(folder / "lab", slapd) as lab:
        lab.start()
        until(lambda: lab.run("layers").status == 0, 20, "the verdicts")
        yield lab


def resolvers(served: Laboratory, *members: str) -> None:
    """Give the service `dns` these members."""
    values = "\n".join(f"member: {dn}" for dn in members)
    served.slapd.modify(f"dn: cn=dns,{SERVICES}\nchangetype: modify\nreplace: member\n{values}\n")


def test_a_resolver_in_a_guest_is_found_at_once_and_gone_when_it_is_physical_again(served: Laboratory) -> None:
    assert "Layer 1 uses nothing of layer 2.\n" in served.run("layers", "--site", "larema").out
    resolvers(served, TONTON)
    until(lambda: served.run("layers").status == 1, 20, "the path into the guest")
    done = served.run("layers")
    assert f"coquille2.lab.test → dns → guest {GUEST} → {HYPERVISOR}" in done.out
    assert "comes up only by hand: " in done.out
    assert served.run("audit", "layers").status == 1
    resolvers(served, HUITRE, NACRE)
    until(lambda: served.run("layers").status == 0, 20, "nothing wrong again")
    assert served.run("audit", "layers").status == 0


def test_a_site_that_is_not_there_is_no(served: Laboratory) -> None:
    done = served.run("layers", "--site", "nantes")
    assert (done.status, done.err) == (1, "enclume: there is no site 'nantes'; there are larema\n")
