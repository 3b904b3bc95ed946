"""libvirt's words for a domain's state and for why it is in it, by libvirt's numbers.

The words are the constants' own (VIR_DOMAIN_PAUSED_STARTING_UP is "starting-up"):
https://libvirt.org/html/libvirt-libvirt-domain.html
"""

from facts.inventory.domains import State

STATES: tuple[State, ...] = (
    "nostate",
    "running",
    "blocked",
    "paused",
    "shutdown",
    "shutoff",
    "crashed",
    "pmsuspended",
)
REASONS: dict[State, tuple[str, ...]] = {
    "nostate": ("unknown",),
    "running": (
        "unknown", "booted", "migrated", "restored", "from-snapshot", "unpaused", "migration-canceled",
        "save-canceled", "wakeup", "crashed", "postcopy", "postcopy-failed",
    ),
    "blocked": ("unknown",),
    "paused": (
        "unknown", "user", "migration", "save", "dump", "ioerror", "watchdog", "from-snapshot", "shutting-down",
        "snapshot", "crashed", "starting-up", "postcopy", "postcopy-failed", "api-error",
    ),
    "shutdown": ("unknown", "user"),
    "shutoff": (
        "unknown", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot", "daemon",
    ),
    "crashed": ("unknown", "panicked"),
    "pmsuspended": ("unknown",),
}  # fmt: skip


def words(state: int, reason: int) -> tuple[State, str]:
    """The state and its reason in words; numbers of a newer libvirt are "nostate" and "unknown"."""
    name = STATES[state] if 0 <= state < len(STATES) else "nostate"
    reasons = REASONS[name]
    return name, reasons[reason] if 0 <= reason < len(reasons) else "unknown"
