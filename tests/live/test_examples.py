"""The examples on real software: OpenLDAP takes the directories, libvirt opens the hypervisors."""

import subprocess
from pathlib import Path

import pytest

import settings
from enc.rules import load
from facts.directory import source as directory
from facts.directory.meaning import understand
from facts.inventory import source as inventory
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.join import Seen, join
from facts.puppet import FactSets
from facts.targets import targets_of
from generation.build import Classification, classify_all
from tests.examples import faults
from tests.examples.reading import Example, example
from tests.examples.scenes import scene_of
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


@BOTH
def test_enclume_finds_the_documented_faults_and_answers_everybody_else(name: str, tmp_path: Path) -> None:
    """A broken parameter holds its own host's answer; a dangling member holds nobody's."""
    classified = classification(example(name), tmp_path)
    unanswered = {certname for certname, result in classified.results.items() if result.answer is None}
    assert unanswered == faults.BROKEN_JSON[name]
    about = {finding.certname for finding in classified.findings}
    assert about == faults.BROKEN_JSON[name]


def test_a_guest_on_its_backup_hypervisor_is_answered_as_where_it_runs(tmp_path: Path) -> None:
    answer = classification(example("platform"), tmp_path).results["webmail1.plm.test"].answer
    assert answer is not None
    assert b'"hypervisor":"kvm2.lille.plm.test"' in answer.body


@BOTH
def test_the_verdicts_on_what_libvirt_shows_are_those_of_the_faults(name: str) -> None:
    """Its definitions too: what its test driver makes of the same XML twice is the same."""
    estate = example(name)
    scene = scene_of(estate)
    targets = tuple(HypervisorTarget(hypervisor, f"test://{node.file}") for hypervisor, node in estate.nodes.items())
    for hypervisor, shown in inventory.read_once(targets, deadline=20.0, allow_test=True).items():
        assert isinstance(shown, HypervisorSeen), shown
        assert all(domain.definition for domain in shown.domains)
        scene.hypervisors[hypervisor] = shown
    wrong = [one for one in scene.audit().verdicts() if one.status in ("warning", "critical")]
    about = {one.subject for one in wrong if one.check in ("placement", "data")}
    faulty = (faults.WRONG_HYPERVISOR, faults.ONE_DEFINITION, faults.PUBLIC_WITHOUT_SERVICE, faults.LARGE_DISK)
    assert about == set().union(*(fault[name] for fault in faulty))


def classification(estate: Example, folder: Path) -> Classification:
    """What Enclume makes of an example, read once from a real slapd and libvirt's test driver."""
    with Slapd(folder, base=estate.base, ldif=estate.folder / "directory.ldif") as slapd:
        uris = {hypervisor: f"test://{node.file}" for hypervisor, node in estate.nodes.items()}
        given = settings.parse(
            {
                "directory": {"uri": slapd.uri, "base": estate.base},
                "hypervisors": {"uris": uris, "allow_test": True},
            }
        )
        entries = directory.read_once(given.directory)
    meaning = understand(entries, given.directory)
    targets, _ = targets_of(meaning.declared, given)
    read = inventory.read_once(targets, deadline=20.0, allow_test=True)
    seen = {hypervisor: shown for hypervisor, shown in read.items() if isinstance(shown, HypervisorSeen)}
    assert seen.keys() == uris.keys(), read
    joined = join(Seen(entries, meaning, seen, frozenset(), FactSets({})), given, {})
    return classify_all(joined.estate, load(None), given.answer)
