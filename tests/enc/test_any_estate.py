"""Any directory and any inventory: for every node an answer or a finding that holds, and never another node's data."""

import random
from collections.abc import Mapping

import hypothesis
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from enc.answer import Result, answer
from enc.preview import preview
from enc.why import why
from facts.directory.entries import Entry
from facts.estate import Estate, Remembered
from tests.enc.estates import CASES, CLIENT, DIRECTORIES, OWN, RULES, Case, attributes
from tests.factories import shows

# Each example is a whole estate.
FEW = hypothesis.settings(max_examples=50)


def tag(one: Entry) -> str:
    """What only one host states."""
    return f"own-{one.uuid}-own"


def tagged(one: Entry) -> Entry:
    """A host with a parameter and a variable of its own."""
    stated = dict(one.attributes)
    stated["enclumeparameter"] = (*stated.get("enclumeparameter", ()), f'own::tag="{tag(one)}"')
    stated["enclumeoffer"] = (*stated.get("enclumeoffer", ()), f'tag="{tag(one)}"')
    return replace(one, attributes=stated)


def shuffled(case: Case, chance: random.Random) -> Case:
    """The same with entries, values and hypervisors in another order."""

    def values(one: Entry) -> Entry:
        mixed = {name: tuple(chance.sample(given, len(given))) for name, given in one.attributes.items()}
        return replace(one, attributes=dict(chance.sample(list(mixed.items()), len(mixed))))

    legacy = case.settings.directory.legacy
    mixed = [one if legacy else values(one) for one in chance.sample(case.entries, len(case.entries))]
    hypervisors = dict(chance.sample(list(case.hypervisors.items()), len(case.hypervisors)))
    return replace(case, entries=mixed, hypervisors=hypervisors)


def told(results: Mapping[str, Result]) -> dict[str, tuple[bytes, bytes] | None]:
    return {name: (one.answer.body, one.answer.parameters) if one.answer else None for name, one in results.items()}


@FEW
@given(CASES)
def test_every_node_has_an_answer_or_a_finding_that_holds(case: Case) -> None:
    estate = case.joined()
    for name, result in case.answers(estate).items():
        assert (result.answer is None) == any(finding.holds for finding in result.findings)
        assert all(finding.message and finding.where for finding in result.findings)
        assert all(finding.certname in (name, "") for finding in result.findings)
        if result.answer is not None:
            document = msgspec.json.decode(result.answer.body)
            assert set(document) - {"environment"} == {"classes", "parameters"}
            assert list(document["parameters"]["enclume"]) == sorted(
                ["site", "kind", "layer", "hypervisor", "services", "providers", "networks", "storage"]
            )
            assert all(type(of) is dict for of in document["classes"].values())
        reasons = why(estate, name, RULES)
        assert reasons is not None
        msgspec.json.encode(reasons)


@FEW
@given(CASES)
def test_no_answer_holds_what_another_host_states(case: Case) -> None:
    legacy = case.settings.directory.legacy
    mine = replace(case, entries=[tagged(one) if "ou=hosts" in one.key else one for one in case.entries])
    estate = mine.joined()
    tags = {tag(one): one.key for one in mine.entries}
    for name, result in mine.answers(estate).items():
        if result.answer is None or legacy:
            continue
        text = (result.answer.body + result.answer.parameters).decode()
        own = tag(mine_entry(estate, name))
        assert [one for one in tags if one in text and one != own] == []
        assert "enclumeOffer" not in text


def mine_entry(estate: Estate, name: str) -> Entry:
    """The entry of a node."""
    return estate.directory.entries[estate.nodes[name].host.key]


@FEW
@given(CASES, st.randoms(use_true_random=False))
def test_the_order_in_which_anything_is_told_changes_no_answer(case: Case, chance: random.Random) -> None:
    other = shuffled(case, chance)
    one, two = case.joined(), other.joined()
    assert told(case.answers(one)) == told(other.answers(two))
    assert one.remembered == two.remembered
    assert one.targets == two.targets


@FEW
@given(CASES, CASES)
def test_an_estate_joined_onto_another_is_as_if_joined_alone(first: Case, second: Case) -> None:
    before = first.joined()
    after = second.joined(before.remembered, before if first.settings is second.settings else None)
    alone = second.joined(before.remembered)
    assert told(second.answers(after)) == told(second.answers(alone))
    assert after.findings == alone.findings
    assert repr(after.nodes) == repr(alone.nodes)


def stepped(case: Case, other: Case, chance: random.Random) -> Case:
    """The case with something of another one's, or without something."""
    match chance.randrange(6):
        case 0 if other.entries:
            entry = chance.choice(other.entries)
            # Where it stands already it is replaced there, as a server's change does.
            at = next((place for place, one in enumerate(case.entries) if one.key == entry.key), len(case.entries))
            return replace(case, entries=[*case.entries[:at], entry, *case.entries[at + 1 :]])
        case 1 if case.entries:
            gone = chance.randrange(len(case.entries))
            return replace(case, entries=[one for place, one in enumerate(case.entries) if place != gone])
        case 2:
            return replace(case, unreadable=other.unreadable)
        case 3:
            return replace(case, facts=case.facts | dict(list(other.facts.items())[:1]))
        case 4:
            left = dict(list(case.hypervisors.items())[1:])
            return replace(case, hypervisors=left)
        case _:
            taken = chance.choice([*other.hypervisors.items(), *case.hypervisors.items(), ("kvm1", shows())])
            return replace(case, hypervisors=case.hypervisors | dict([taken]))


@FEW
@given(CASES, CASES, st.integers(0, 2**32))
def test_what_is_joined_step_by_step_is_what_is_joined_alone(case: Case, other: Case, seed: int) -> None:
    chance = random.Random(seed)
    remembered: Mapping[str, Remembered] = case.remembered
    before = case.onto(None, remembered)
    for _ in range(20):
        case = stepped(case, other, chance)
        after, alone = case.onto(before, remembered), case.onto(None, remembered)
        one, two = after.joined.estate, alone.joined.estate
        assert repr(dict(sorted(one.nodes.items()))) == repr(dict(sorted(two.nodes.items())))
        assert (one.findings, one.remembered, one.targets, one.fleet) == (
            two.findings,
            two.remembered,
            two.targets,
            two.fleet,
        )
        if chance.random() < 0.9:
            before, remembered = after, one.remembered


@FEW
@given(CASES, DIRECTORIES)
def test_any_change_can_be_previewed(case: Case, entries: list[Entry]) -> None:
    before = case.joined()
    results = case.answers(before)
    after = replace(case, entries=entries).joined(before.remembered, before)
    differences = preview(before, results, after, case.answers(after))
    msgspec.json.encode(differences)
    changed = {one.certname for one in differences if one.differs}
    fresh = {name: answer(node, RULES, case.settings.answer) for name, node in after.nodes.items()}
    for name in before.nodes.keys() & after.nodes.keys():
        old, new = results[name], fresh[name]
        # An entry that only stands elsewhere is another one, and nobody is told where it stands.
        stays = before.nodes[name].host.key == after.nodes[name].host.key
        if old.answer and new.answer and stays:
            assert (old.answer.digest != new.answer.digest) == (name in changed)


@FEW
@given(CASES, attributes(OWN), st.randoms(use_true_random=False))
def test_what_one_host_states_of_itself_touches_nobody_else(
    case: Case, stated: dict[str, tuple[str, ...]], chance: random.Random
) -> None:
    """In an old directory others inherit from hosts, so that this is about ours."""
    hosts = [one for one in case.entries if one.values("objectclass") == CLIENT and "ou=hosts" in one.key]
    if not hosts or case.settings.directory.legacy:
        return
    chosen = chance.choice(hosts)
    other = replace(chosen, attributes={**chosen.attributes, **{name.lower(): stated[name] for name in stated}})
    changed = replace(case, entries=[other if one is chosen else one for one in case.entries])
    before, after = case.joined(), changed.joined()
    others = {name for name, node in before.nodes.items() if node.host.key != chosen.key}
    was, becomes = told(case.answers(before)), told(changed.answers(after))
    assert {name: was[name] for name in others} == {name: becomes[name] for name in others}
