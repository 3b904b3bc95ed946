"""A real DRBD 8.4 pair on the lab's two nodes: the resource `r0` on their second disks."""

import re

from tests.lab.nodes import Node
from tests.waiting import until

RESOURCE = "r0"
DEVICE = "/dev/drbd0"
# A cut is noticed within two seconds instead of ten. DRBD wants `timeout` (tenths) below both intervals (seconds).
CONFIGURATION = f"""resource {RESOURCE} {{
  device {DEVICE}; disk /dev/vdb; meta-disk internal;
  net {{ protocol C; timeout 9; ping-timeout 9; ping-int 1; connect-int 1; }}
  {{ends}}
}}
"""


def create(primary: Node, secondary: Node) -> None:
    """Make the pair: connected, both sides up to date without a first sync, since both are empty."""
    nodes = (primary, secondary)
    ends = " ".join(f"on {node.name} {{ address {node.address}:7789; }}" for node in nodes)
    for node in nodes:
        node.write("/etc/drbd.d/r0.res", CONFIGURATION.replace("{ends}", ends).encode())
        node.run(f"modprobe drbd; drbdadm create-md --force {RESOURCE}; drbdadm up {RESOURCE}")
    until_connection("Connected", *nodes)
    primary.run(f"drbdadm -- --clear-bitmap new-current-uuid {RESOURCE}/0; drbdadm primary {RESOURCE}")
    until_in_sync(*nodes)


def stop(*nodes: Node) -> None:
    """Take the pair down on these nodes, and DRBD with it: all is as after a boot at which it did not start."""
    for node in nodes:
        node.run(f"drbdadm down {RESOURCE}; rmmod drbd")


def start(primary: Node, secondary: Node) -> None:
    """Bring the pair up again."""
    for node in (primary, secondary):
        node.run(f"modprobe drbd; drbdadm up {RESOURCE}")
    until_connection("Connected", primary, secondary)
    promote(primary)
    until_in_sync(primary, secondary)


def write(node: Node, *, kilobytes: int, offset: int = 0) -> None:
    """Write random blocks of 64 KiB to the device of a primary, so many KiB from its start on."""
    blocks, skipped = kilobytes // 64, offset // 64
    node.run(f"dd if=/dev/urandom of={DEVICE} bs=64k count={blocks} seek={skipped} oflag=direct")


def promote(node: Node) -> None:
    """Make a node primary, as an administrator does who believes the other one dead."""
    node.run(f"drbdadm primary {RESOURCE}")


def demote(node: Node) -> None:
    """Make a node secondary again."""
    node.run(f"drbdadm secondary {RESOURCE}")


def allow_two_primaries(*nodes: Node, allowed: bool) -> None:
    """Whether both ends may be primary at one time, as a cluster's file system needs it."""
    for node in nodes:
        node.run(f"drbdadm net-options --allow-two-primaries={'yes' if allowed else 'no'} {RESOURCE}")


def detach(node: Node) -> None:
    """Take a node's disk away from the mirror, which goes on with the other's."""
    node.run(f"drbdadm detach {RESOURCE}")


def attach(node: Node) -> None:
    """Give the disk back."""
    node.run(f"drbdadm attach {RESOURCE}")


def give_up(node: Node) -> None:
    """End a split brain on the side whose changes are thrown away; the other side then needs `reconnect`."""
    node.run(f"drbdadm secondary {RESOURCE}; drbdadm connect --discard-my-data {RESOURCE}")


def reconnect(node: Node) -> None:
    """End a split brain on the side whose changes stay."""
    node.run(f"drbdadm connect {RESOURCE}")


def mend(keeper: Node, other: Node) -> None:
    """Whatever happened, bring the pair back in order: `keeper` alone is primary, and its data win."""
    keeper.plug_cable()
    for node in (keeper, other):
        if disks(node).startswith("Diskless/"):
            attach(node)
    if connection(keeper) == "StandAlone" or connection(other) == "StandAlone":
        for node in (keeper, other):
            node.run(f"drbdadm disconnect {RESOURCE} || true")
        give_up(other)
        reconnect(keeper)
    until_in_sync(keeper, other)
    if roles(other).startswith("Primary/"):
        demote(other)
    if roles(keeper).startswith("Secondary/"):
        promote(keeper)
    allow_two_primaries(keeper, other, allowed=False)


def until_connection(state: str, *nodes: Node) -> None:
    """Wait until each node says this of its connection (/proc/drbd's word for it)."""
    for node in nodes:
        until(lambda node=node: connection(node) == state, 60, f"{node.name}'s mirror to be {state}")  # type: ignore[misc]


def until_in_sync(*nodes: Node) -> None:
    """Wait until both sides are up to date, as each node sees it."""
    until_connection("Connected", *nodes)
    for node in nodes:
        until(lambda node=node: disks(node) == "UpToDate/UpToDate", 60, f"{node.name}'s mirror to be in sync")  # type: ignore[misc]


def connection(node: Node) -> str:
    """Connected, WFConnection, StandAlone…"""
    return _field(node, "cs")


def disks(node: Node) -> str:
    """Its own disk and the peer's, for example UpToDate/DUnknown."""
    return _field(node, "ds")


def roles(node: Node) -> str:
    """Its own role and the peer's, for example Primary/Secondary."""
    return _field(node, "ro")


def _field(node: Node, name: str) -> str:
    """Of /proc/drbd, which is far quicker to ask than drbdadm."""
    found = re.search(rf"\b{name}:(\S+)", node.run("cat /proc/drbd"))
    return found[1] if found else ""
