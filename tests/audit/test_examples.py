"""The example estates as they come: nobody observes anything in them, so that their backups and mirrors are unknown."""

from collections import Counter

import pytest

from facts.directory.apply import apply
from facts.directory.entries import Directory
from facts.directory.ldif import parse
from facts.observations import Backup, Backups
from facts.source import SourceKey
from facts.upkeep import Freshness
from settings import parse as parse_settings
from tests.audit.situations import NOON, Scene
from tests.examples.reading import example
from tests.factories import domain


def scene_of(name: str) -> Scene:
    """An example with its directory and its hypervisors read."""
    known = example(name)
    made = Scene(settings=parse_settings({"directory": {"uri": "ldapi://x", "base": known.base}}))
    ldif = (known.folder / "directory.ldif").read_text(encoding="utf-8")
    made.entries = dict(apply(Directory(known.base, {}), parse(ldif)).entries)
    made.freshness[SourceKey("directory", known.base)] = Freshness(NOON)
    for hypervisor, node in known.nodes.items():
        defined = [
            domain(one.name, "running" if one.running else "shutoff", uuid=one.uuid) for one in node.domains.values()
        ]
        made.see(hypervisor, *defined)
        made.freshness[SourceKey("inventory", hypervisor)] = Freshness(NOON)
    return made


def saved(guest: str) -> Backup:
    """A guest's full backup of an hour ago."""
    last = NOON - 3600
    return Backup(f"{guest}.plm.test", last_success=last, last_full=last, kept_full=last)


@pytest.mark.parametrize("name", ["lab", "platform"])
def test_what_nobody_observes_is_unknown_and_never_called_critical(name: str) -> None:
    found = [one for one in scene_of(name).verdicts() if one.check in ("backup", "storage", "mirror", "puppet")]
    assert {one.status for one in found} == {"unknown"}
    assert all("install enclume-observe there" in one.sentence for one in found)


def test_the_laboratory_is_otherwise_in_order() -> None:
    found = scene_of("lab").verdicts()
    assert {one.status for one in found if one.check in ("enc", "sources")} == {"ok"}


def test_the_platforms_faults_are_found() -> None:
    scene = scene_of("platform")
    assert scene.wrong("enc") == {"answer_none": "critical", "directory_finding": "warning"}
    assert scene.wrong("enc", "compute2.plm.test") == {"answer_none": "critical"}
    (stray,) = [one for one in scene.verdicts("enc") if one.code == "directory_finding"]
    assert "lists-old.plm.test" in stray.sentence


def test_once_a_backup_server_speaks_its_sites_hosts_are_known() -> None:
    scene = scene_of("platform")
    guests = ("rp-bordeaux", *(f"web{number:02}" for number in range(1, 8)))
    scene.observe("mirror.bordeaux.plm.test", backups=Backups(tuple(map(saved, guests))))
    at_bordeaux = [one for one in scene.verdicts("backup") if one.site == "bordeaux" and one.kind == "system"]
    assert Counter((one.code, one.status) for one in at_bordeaux) == {
        ("backup", "ok"): 3 * len(guests),
        ("backup_missing", "critical"): 3 * (13 - len(guests) + 4),
    }
