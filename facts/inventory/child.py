"""The inventory child: everything of libvirt, in a process that can be killed.

`python -m facts.inventory.child` reads `Watch` messages on stdin, one a line, and writes `Observed`, `Confirmed` and
`Failed` messages on stdout until its stdin closes. Each hypervisor has a thread of its own.
"""

import os
import sys
import threading

import msgspec

from facts.inventory.child_events import run_event_loop
from facts.inventory.child_outbox import Outbox
from facts.inventory.child_supervisor import Supervisor
from facts.inventory.messages import decode_watch

WRONG_USE = 2


def main() -> int:
    """Obey stdin until it closes; threads that hang in libvirt are not waited for."""
    run_event_loop()
    supervisor = Supervisor(Outbox(sys.stdout.buffer))
    threading.Thread(target=supervisor.run, name="supervisor", daemon=True).start()
    for line in sys.stdin.buffer:
        try:
            supervisor.watch(decode_watch(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            sys.stderr.write(f"facts.inventory.child: stdin: {error}; expected one Watch message a line\n")
            return WRONG_USE
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
