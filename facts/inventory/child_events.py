"""libvirt's event loop, in a thread of its own, and which of its events mean that a domain is not as it was."""

import threading
from collections.abc import Callable

import libvirt  # type: ignore[import-untyped]

# Suspending and resuming change a domain's state, not its XML.
STATE_ONLY = frozenset({libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_RESUMED})
CHANGES = (
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
    libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
)

# Called with the UUID of a domain whose XML changed, or None when it is enough to look at the states.
Changed = Callable[[str | None], None]


def run_event_loop() -> None:
    """Register libvirt's event loop and run it for the life of the process; call once, before any connection."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run, name="libvirt-events", daemon=True).start()


def _run() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def subscribe(connection: libvirt.virConnect, changed: Changed) -> list[int]:
    """Have `changed` called at every event, as far as the driver has events; what `unsubscribe` needs."""

    def lifecycle(_conn: object, domain: libvirt.virDomain, event: int, _detail: int, _opaque: object) -> None:
        changed(None if event in STATE_ONLY else domain.UUIDString())

    def change(_conn: object, domain: libvirt.virDomain, *_details: object) -> None:
        changed(domain.UUIDString())

    wanted = [(libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle), *((event, change) for event in CHANGES)]
    numbers = []
    for event, callback in wanted:
        try:
            numbers.append(connection.domainEventRegisterAny(None, event, callback, None))
        except libvirt.libvirtError:
            # A driver without this event: the polls see the change.
            continue
    return numbers


def unsubscribe(connection: libvirt.virConnect, numbers: list[int]) -> None:
    """Let go of the callbacks, so that the connection can be freed."""
    for number in numbers:
        try:
            connection.domainEventDeregisterAny(number)
        except libvirt.libvirtError:
            # The line is already gone, and its callbacks with it.
            continue
