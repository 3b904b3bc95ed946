"""Capacity: of any small estate, a loss is called survived only if there is a way."""

from itertools import product

import hypothesis
from hypothesis import strategies as st

from facts.inventory.domains import Domain
from tests.audit.carrying import KVM1, KVM2, KVM3, anywhere, details, pair, placed, vm

guests = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from((KVM1, KVM2, KVM3)), st.sampled_from((KVM1, KVM2, KVM3, "any"))),
    max_size=6,
)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(guests)
def test_a_loss_is_never_called_survived_unless_there_is_a_way(drawn: list[tuple[int, str, str]]) -> None:
    """Against every possible distribution of the guests over the hypervisors that are left."""
    hypervisors = (KVM1, KVM2, KVM3)
    scene = pair(hypervisors=hypervisors, reserve_bytes=0)
    shown: dict[str, list[Domain]] = {name: [] for name in hypervisors}
    for number, (gib, home, backup) in enumerate(drawn):
        name = f"vm{number}"
        scene.put(anywhere(name) if backup == "any" else placed(name, home, backup))
        shown[home].append(vm(name, gib, 1))
        if backup not in ("any", home):
            shown[backup].append(vm(name, gib, 1, on=False))
    for name, domains in shown.items():
        scene.see(name, *domains)
    loads = details(scene).hypervisors
    for lost in hypervisors:
        if loads[lost].survives:
            assert _some_way(drawn, lost, [name for name in hypervisors if name != lost])


def _some_way(drawn: list[tuple[int, str, str]], lost: str, left: list[str]) -> bool:
    fixed = {name: sum(gib for gib, home, _ in drawn if home == name) for name in left}
    moving = [(gib, backup) for gib, home, backup in drawn if home == lost]
    for where in product(left, repeat=len(moving)):
        allowed = all(backup in ("any", lost, name) for (_, backup), name in zip(moving, where, strict=True))
        added = {
            name: fixed[name] + sum(gib for (gib, _), to in zip(moving, where, strict=True) if to == name)
            for name in left
        }
        if allowed and all(added[name] <= 64 for name in set(where)):
            return True
    return False
