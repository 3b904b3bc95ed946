"""What real libvirts said, read whole: states of a bulk call, and the domains of a test driver's node."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from facts.inventory.states import words
from facts.inventory.xml import Surroundings, parse_domain

FIXTURES = Path(__file__).parents[2] / "fixtures" / "libvirt"


def test_the_states_of_a_bulk_call() -> None:
    told = json.loads((FIXTURES / "getAllDomainStats.json").read_text())
    states = {one["name"]: words(one["stats"]["state.state"], one["stats"]["state.reason"]) for one in told}
    assert states == {"tiny-hv1": ("running", "unpaused"), "disk1": ("running", "booted")}


def test_every_domain_of_a_test_drivers_node() -> None:
    root = ET.parse(FIXTURES / "test-driver-node10.xml").getroot()  # noqa: S314 - our own fixture
    domains = root.findall("domain")
    read = [parse_domain(ET.tostring(one, encoding="unicode"), Surroundings()) for one in domains]
    assert [(one.memory, one.vcpus) for one in read] == [(2**30, 2)] * 10
    assert [(len(one.disks), len(one.interfaces)) for one in read] == [(1, 2)] * 10
