"""`enclume layers`: the paths, the cold start and what is left, for people; and what its exit status says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from commands.layers import status_of
from commands.layers_text import lines_of
from commands.wrapping import ENDLESS
from facts.observations import Used
from tests.audit.situations import Scene
from tests.commands.lab import Done, enclume
from tests.commands.scripted import Scripted, http
from tests.examples.reading import example
from tests.examples.scenes import scene_of
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn
from tests.web.test_layers import get

KVM, NFS, NS = "kvm1.lab.test", "nfs.lab.test", "ns.lab.test"


def scene(*more: Any, provides: str = "dns") -> Scene:
    """A hypervisor and an NFS server at Angers, and a guest that serves names to the hypervisor."""
    world = Scene(
        site("angers"),
        kvm(KVM, "angers", enclumeRequires=service_dn("names")),
        host(NFS, enclumeAtSite=site_dn("angers")),
        guest(NS, enclumeProduction=host_dn(KVM)),
        service("names", members=[NS], enclumeProvides=provides),
        *more,
    )
    world.see(KVM, domain("ns"))
    world.observe(NFS, uses=())
    return world


def told(world: Scene, query: str = "") -> Any:
    return get(world.audit(), query).json


def lines(found: Any, width: int = ENDLESS) -> list[str]:
    return [click.unstyle(line) for line in lines_of(found, width)]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


def run(scripted: Scripted, folder: Path, found: Any, *arguments: str, status: int = 200) -> Done:
    """The command, with a service that answers this."""
    scripted.reply = http(status, json.dumps(found).encode())
    config = folder / "enclume.yaml"
    listen = scripted.url.removeprefix("http://")
    config.write_text(yaml.safe_dump({"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": listen}))
    return enclume(config, "layers", *arguments)


def test_a_path_is_told_with_its_effect_and_the_ground_of_each_step() -> None:
    assert lines(told(scene())) == [
        "Layer 1 uses layer 2",
        f"  blocks boot     {KVM} → names → guest {NS} → {KVM}",
        f"                  {KVM} uses names of {NS}, declared: {host_dn(KVM)} enclumeRequires",
        "Only guests provide",
        f"  blocks boot     angers: names: {NS}; needed by {KVM}",
        "Cold start: angers",
        f"  0  hosts     {KVM} and {NFS}",
        f"     guests    {NS}",
        f"     services  names ({NS})",
        f"     comes up only by hand: {KVM} → names on {NS} → {NS} → {KVM}",
        "With every guest off: angers",
        f"  is lost            names ({NS})",
        f"  does not boot      {KVM}",
        f"  is fine            {NFS}",
    ]


def test_on_a_terminal_lines_are_wrapped_and_each_service_has_its_own() -> None:
    world = scene(service("files", members=[NFS], enclumeProvides="nfs"), service("time", members=[NFS]))
    found = lines(told(world), 60)
    assert found[found.index(f"  goes on            files ({NFS})") + 1] == f"                     time ({NFS})"
    assert found[1:5] == [
        f"  blocks boot     {KVM} → names → guest {NS}",
        f"                  → {KVM}",
        f"                  {KVM} uses names of {NS},",
        "                  declared:",
    ]
    assert all(len(line) <= 60 for line in found if " " in line.strip())


def test_the_cold_start_and_what_is_left_are_told_for_each_site() -> None:
    world = scene()
    world.put(kvm(KVM, "angers"), service("files", members=[NFS], enclumeProvides="nfs"))
    world.observe(KVM, uses=())
    assert lines(told(world)) == [
        "Layer 1 uses nothing of layer 2.",
        "Cold start: angers",
        f"  0  hosts     {KVM} and {NFS}",
        f"  1  guests    {NS}",
        f"     services  files ({NFS})",
        f"  2  services  names ({NS})",
        "With every guest off: angers",
        f"  goes on            files ({NFS})",
        f"  is lost            names ({NS})",
        f"  is fine            {KVM} and {NFS}",
    ]


def test_cycles_what_is_unknown_and_what_is_outside_are_told() -> None:
    world = scene(
        service("people", members=[NFS], enclumeProvides="ldap", enclumeRequires=service_dn("files")),
        service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("people")),
    )
    world.observe(NFS, uses=(Used("ntp", "ntp.example.org", ("198.51.100.1",)),))
    world.fail(KVM)
    found = lines(told(world))
    cycle = f"files on {NFS} → people on {NFS} → files on {NFS}"
    assert found[found.index("Nothing starts these") + 1] == f"  angers: {cycle}"
    assert found[found.index("Not known") + 1].startswith(f"  angers: {KVM} cannot be read")
    assert "1 use of what is no host of the estate (--json tells which)." in found
    assert any(line.startswith("     comes up only by hand: ") for line in found)


def test_a_list_of_many_names_is_cut() -> None:
    names = [f"vm{number:02d}.lab.test" for number in range(30)]
    world = scene(*(guest(name, enclumeProduction=host_dn(KVM)) for name in names))
    (guests,) = [line for line in lines(told(world)) if "guests    vm00.lab.test" in line]
    assert guests.endswith("vm10.lab.test, vm11.lab.test and 18 more")


def test_text_of_the_directory_stays_on_its_line() -> None:
    world = scene(service("bad\x1b[2Jname\n", members=[NFS]))
    assert not any("\x1b" in line or "\n" in line for line in lines(told(world)))


@pytest.mark.parametrize(("provides", "status"), [("dns", 1), ("log", 0), ("puppet", 0)])
def test_the_exit_status_says_whether_something_keeps_layer_1_from_booting(provides: str, status: int) -> None:
    assert status_of(told(scene(provides=provides))) == status


def test_the_exit_status_says_when_it_cannot_be_known() -> None:
    world = scene(provides="log")
    world.fail(KVM)
    assert status_of(told(world)) == 3


def test_a_cycle_keeps_layer_1_from_booting_too() -> None:
    world = scene(provides="log")
    world.put(service("people", members=[NFS], enclumeProvides="ldap", enclumeRequires=service_dn("files")))
    world.put(service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("people")))
    assert status_of(told(world)) == 1


def test_the_command_asks_for_one_site_and_prints_what_it_hears(scripted: Scripted, tmp_path: Path) -> None:
    found = get(scene_of(example("platform")).audit(), "?site=lille").json
    done = run(scripted, tmp_path, found, "--site", "lille")
    assert (done.status, done.err) == (1, "")
    assert scripted.asked.startswith(b"GET /layers?site=lille HTTP/1.1\r\n")
    assert "kvm1.lille.plm.test → dns → guest ns-lille.plm.test → kvm2.lille.plm.test (and 2 more paths)" in done.out


def test_as_json_it_is_what_the_service_said(scripted: Scripted, tmp_path: Path) -> None:
    found = get(scene_of(example("lab")).audit()).json
    done = run(scripted, tmp_path, found, "--json")
    assert (done.status, done.json) == (0, found)
    assert scripted.asked.startswith(b"GET /layers HTTP/1.1\r\n")


def test_a_site_that_is_not_there_is_no(scripted: Scripted, tmp_path: Path) -> None:
    done = run(scripted, tmp_path, {"error": "there is no site 'x'; there are larema"}, "--site", "x", status=404)
    assert (done.status, done.err) == (1, "enclume: there is no site 'x'; there are larema\n")
