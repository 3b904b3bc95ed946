"""Changes made in memory keep LDAP's rules, and whatever they do not touch."""

import pytest

from errors import LdifError
from facts.directory.apply import apply
from facts.directory.entries import Directory, Entry
from facts.directory.ldif import parse
from tests.facts.directory.contract import BASE, LDIF, NFS, SERVICE, WEB

HOSTS = f"ou=hosts,{BASE}"


@pytest.fixture(scope="module")
def directory() -> Directory:
    return apply(Directory(BASE, {}), parse(LDIF))


def after(directory: Directory, dn: str, change: str) -> Directory:
    return apply(directory, parse(f"dn: {dn}\nchangetype: {change}\n"))


def refusal(directory: Directory, dn: str, change: str) -> str:
    with pytest.raises(LdifError) as caught:
        after(directory, dn, change)
    assert caught.value.dn == dn
    return caught.value.reason


def test_an_empty_directory_takes_a_whole_one(directory: Directory) -> None:
    assert len(directory.entries) == LDIF.count("dn: ")
    assert "userpassword" not in directory.entries[WEB].attributes
    assert "audio" not in directory.entries[WEB].attributes
    assert directory.entries[WEB].spelling["puppetclass"] == "puppetClass"


def test_what_is_not_touched_stays_the_same_object_and_the_old_directory_as_it_was(directory: Directory) -> None:
    before = dict(directory.entries)
    changed = after(directory, WEB, "modify\nadd: puppetClass\npuppetClass: new")
    assert dict(directory.entries) == before
    assert all(changed.entries[key] is before[key] for key in before if key != WEB)
    assert changed.entries[WEB].values("puppetclass") == ("base", "profile::web", "new")
    assert changed.entries[WEB].csn == ""


def test_attribute_names_match_without_case_and_keep_their_spelling(directory: Directory) -> None:
    changed = after(directory, WEB, "modify\nreplace: PUPPETCLASS\npuppetclass: only")
    assert changed.entries[WEB].values("puppetclass") == ("only",)
    assert changed.entries[WEB].spelling["puppetclass"] == "puppetClass"


def test_values_match_as_their_schema_says(directory: Directory) -> None:
    assert "has the value 'BASE' already" in refusal(directory, WEB, "modify\nadd: puppetClass\npuppetClass: BASE")
    shouted = WEB.upper().replace(",", " , ")
    assert "already" in refusal(directory, SERVICE, f"modify\nadd: member\nmember: {shouted}")
    assert "no value 'GUEST'" in refusal(directory, WEB, "modify\ndelete: enclumeKind\nenclumeKind: GUEST")
    changed = after(directory, SERVICE, f"modify\ndelete: member\nmember: {shouted}")
    assert not changed.entries[SERVICE].values("member")


def test_a_binary_value_and_a_password_change_nothing_that_is_seen(directory: Directory) -> None:
    changed = after(
        directory, WEB, "modify\nreplace: audio\naudio:: /w==\n-\ndelete: userPassword\n-\nadd: audio\naudio:: /g=="
    )
    assert changed.entries[WEB].attributes == directory.entries[WEB].attributes


def test_every_number_of_an_attribute_grows(directory: Directory) -> None:
    first = after(directory, WEB, "modify\nadd: enclumeEpoch\nenclumeEpoch: 7")
    assert after(first, WEB, "modify\nincrement: enclumeEpoch\nenclumeEpoch: 2").entries[WEB].values(
        "enclumeepoch"
    ) == ("9",)
    assert "no enclumeEpoch" in refusal(directory, WEB, "modify\nincrement: enclumeEpoch\nenclumeEpoch: 2")
    assert "whole number" in refusal(first, WEB, "modify\nincrement: enclumeEpoch\nenclumeEpoch: x")
    assert "whole number" in refusal(first, WEB, "modify\nincrement: puppetClass\npuppetClass: 1")


@pytest.mark.parametrize(
    ("dn", "change", "reason"),
    [
        (WEB, "add\nobjectClass: device\ncn: web01.lab.test", "exists already"),
        (f"cn=x,ou=none,{BASE}", "add\nobjectClass: device", f"no entry ou=none,{BASE} for it to stand below"),
        (f"cn=x,{HOSTS}", "add\ncn: x", "needs an objectClass"),
        (f"cn=x,{HOSTS}", "add\nobjectClass: device\ncn: x\ncn: X", "has the value 'X' already"),
        ("no name", "add\nobjectClass: device", "no distinguished name"),
        (f"cn=none,{HOSTS}", "modify\nreplace: description", "no such entry"),
        (f"cn=none,{HOSTS}", "delete", "no such entry"),
        (f"cn=none,{HOSTS}", "modrdn\nnewrdn: cn=x\ndeleteoldrdn: 1", "no such entry"),
        (WEB, "modify\ndelete: environment", "the entry has no environment"),
        (WEB, "modify\ndelete: puppetClass\npuppetClass: none", "puppetClass has no value 'none'"),
        (WEB, "modify\nreplace: cn\ncn: other", "rename the entry"),
        (WEB, "modify\ndelete: objectClass", "needs an objectClass"),
        (HOSTS, "delete", "other entries stand below"),
        (WEB, f"modrdn\nnewrdn: {NFS.partition(',')[0]}\ndeleteoldrdn: 1", "exists already"),
        (WEB, "modrdn\nnewrdn: cn=a,cn=b\ndeleteoldrdn: 1", "no single name"),
        (WEB, "modrdn\nnewrdn: web02\ndeleteoldrdn: 1", "no distinguished name"),
        (WEB, f"modrdn\nnewrdn: cn=a\ndeleteoldrdn: 1\nnewsuperior: ou=none,{BASE}", "no entry ou=none"),
        (HOSTS, f"modrdn\nnewrdn: ou=a\ndeleteoldrdn: 1\nnewsuperior: {WEB}", "below itself"),
    ],
)
def test_what_ldap_refuses_is_refused(directory: Directory, dn: str, change: str, reason: str) -> None:
    assert reason in refusal(directory, dn, change)


def test_a_new_entry_has_the_values_of_its_name(directory: Directory) -> None:
    dn = rf"cn=a\2Cb+serialNumber=7,{HOSTS}"
    entry = after(directory, dn, "add\nobjectClass: device").entries[rf"cn=a\,b+serialnumber=7,{HOSTS}"]
    assert entry.values("cn") == ("a,b",)
    assert entry.values("serialnumber") == ("7",)


def test_a_rename_changes_the_values_of_the_name(directory: Directory) -> None:
    renamed = after(directory, NFS, "modrdn\nnewrdn: cn=files\ndeleteoldrdn: 1").entries[f"cn=files,{HOSTS}"]
    assert renamed.values("cn") == ("files",)
    assert renamed.dn == f"cn=files,{HOSTS}"
    kept = after(directory, NFS, "modrdn\nnewrdn: cn=files\ndeleteoldrdn: 0").entries[f"cn=files,{HOSTS}"]
    assert set(kept.values("cn")) == {"files", "nfs.lab.test"}


def test_a_rename_moves_what_stands_below_and_leaves_those_who_name_it(directory: Directory) -> None:
    moved = after(directory, HOSTS, f"modrdn\nnewrdn: ou=Machines\ndeleteoldrdn: 1\nnewsuperior: ou=people,{BASE}")
    web = moved.entries[f"cn=web01.lab.test,ou=machines,ou=people,{BASE}"]
    assert web.dn == f"cn=web01.lab.test,ou=Machines,ou=people,{BASE}"
    assert not [key for key in moved.entries if key.endswith(HOSTS)]
    assert moved.entries[SERVICE].values("member") == (WEB,)
    emptied = apply(moved, parse("\n".join(
        f"dn: cn={name}.lab.test,ou=machines,ou=people,{BASE}\nchangetype: delete\n" for name in ("web01", "nfs")
    )))  # fmt: skip
    assert f"ou=machines,ou=people,{BASE}" not in after(emptied, f"ou=machines,ou=people,{BASE}", "delete").entries


def test_a_name_may_only_change_its_case(directory: Directory) -> None:
    renamed = after(directory, NFS, "modrdn\nnewrdn: cn=NFS.lab.test\ndeleteoldrdn: 1").entries[NFS]
    assert renamed.dn == f"cn=NFS.lab.test,{HOSTS}"
    assert renamed.values("cn") == ("NFS.lab.test",)


def test_a_change_further_down_that_is_refused_names_its_own_line(directory: Directory) -> None:
    text = f"dn: {WEB}\nchangetype: modify\nadd: puppetClass\npuppetClass: x\n-\ndelete: environment\n-\n"
    with pytest.raises(LdifError) as caught:
        apply(directory, parse(text))
    assert caught.value.line == 6


def test_a_part_of_a_directory_can_be_changed_though_its_base_is_not_there() -> None:
    part = Directory(BASE, {HOSTS: Entry(HOSTS, HOSTS, "", "", {"objectclass": ("organizationalUnit",)})})
    assert f"ou=new,{BASE}" in after(part, f"ou=new,{BASE}", "add\nobjectClass: organizationalUnit").entries


def test_dumps_name_identities_which_are_kept() -> None:
    dump = f"dn: {BASE}\nobjectClass: domain\ndc: lab\nentryUUID: 6f1c\nentryCSN: 2026#1\ncreatorsName: cn=admin\n"
    (entry,) = apply(Directory(BASE, {}), parse(dump)).entries.values()
    assert (entry.uuid, entry.csn) == ("6f1c", "2026#1")
    assert set(entry.attributes) == {"objectclass", "dc"}
