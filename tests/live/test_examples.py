"""The examples on real software: OpenLDAP takes the directories, libvirt opens the hypervisors."""

import subprocess
from pathlib import Path

import pytest

from tests.examples.reading import Example, example
from tests.live.slapd import Slapd

BOTH = pytest.mark.parametrize("name", ["lab", "platform"])


def domains(file: Path, *options: str) -> set[str]:
    """The names of the domains that virsh lists on a node file."""
    done = subprocess.run(
        ["virsh", "-c", f"test://{file}", "list", "--name", *options],
        capture_output=True, encoding="utf-8", timeout=30, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@BOTH
def test_slapd_takes_the_directory_with_every_value(name: str, tmp_path: Path) -> None:
    estate = example(name)
    with Slapd(tmp_path, base=estate.base, ldif=estate.folder / "directory.ldif") as slapd:
        found = {entry.dn: entry for entry in slapd.search()}
    assert found.keys() == estate.by_dn.keys()
    for record in estate.records:
        held = {attribute.lower(): sorted(values) for attribute, values in found[record.dn].attributes.items()}
        assert held == {attribute: sorted(values) for attribute, values in record.attributes.items()}


@BOTH
def test_the_directory_can_also_be_added_online(name: str, tmp_path: Path) -> None:
    estate = example(name)
    with Slapd(tmp_path, base=estate.base) as slapd:
        slapd.load(estate.folder / "directory.ldif")
        assert len(slapd.search("(objectClass=enclumeHost)", "1.1")) == len(estate.hosts)


@BOTH
def test_libvirt_opens_every_node_file(name: str) -> None:
    """What virsh lists as defined and as running is what the node file says."""
    for node in example(name).nodes.values():
        assert domains(node.file, "--all") == set(node.domains)
        assert domains(node.file, "--state-running") == {d.name for d in node.domains.values() if d.running}


@BOTH
def test_libvirt_keeps_the_pool_and_every_container_in_it(name: str) -> None:
    for node in example(name).nodes.values():
        pool = "vg_containers" if name == "lab" else "containers"
        done = subprocess.run(
            ["virsh", "-c", f"test://{node.file}", "vol-list", pool],
            capture_output=True, encoding="utf-8", timeout=30, check=True,
        )  # fmt: skip
        assert set(node.volumes) <= set(done.stdout.split())


@BOTH
def test_every_guest_of_the_directory_is_found_where_it_should_run(name: str) -> None:
    """Each guest that should run is listed as running on exactly one hypervisor, at its own site."""
    estate = example(name)
    running = {hypervisor: domains(node.file, "--state-running") for hypervisor, node in estate.nodes.items()}
    for guest in estate.guests:
        where = [hypervisor for hypervisor, names in running.items() if estate.domain_name(guest) in names]
        assert len(where) == (0 if guest.all("enclumeIntent") else 1), guest.name
        assert all(at_site(estate, hypervisor) == estate.site(guest) for hypervisor in where)


def at_site(estate: Example, hypervisor: str) -> str:
    return estate.site(estate.hosts[hypervisor])
