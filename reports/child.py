"""The intake child: reads the reports that wait in the spool and stores them, in a process of its own.

`python -m reports.child` reads one `Begin` message on stdin, then `"look"` each time that something may be new and
`Forget` for each node that is to be forgotten, and writes `messages.Message` lines on stdout until its stdin closes. It
reads YAML and waits for a database, neither of which the process that answers Puppet may do.
"""

import contextlib
import os
import sys
import threading
from pathlib import Path

import msgspec

from reports.child_archive import Kept
from reports.child_drain import Drain
from reports.child_outbox import Outbox
from reports.child_state import State, tell
from reports.messages import Forget, decode_begin, decode_told
from reports.parse import parse

WRONG_USE, HANGS = 2, 4
_NICE = 10
_FIRST_TO_GO = "500"
"""Where memory ends, the kernel ends this process rather than the one that answers."""
_PATIENCE = 1.5


def main() -> int:
    """Drain until stdin closes."""
    try:
        begin = decode_begin(sys.stdin.buffer.readline())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        sys.stderr.write(f"reports.child: stdin: {error}; expected one Begin message\n")
        return WRONG_USE
    os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    outbox, state = Outbox(sys.stdout.buffer), State()
    drain = Drain(begin, outbox, state, parse, lambda: Kept(begin.database, begin.keep_days))
    threading.Thread(target=tell, args=(state, outbox.say, drain.stopping, _hangs), name="tell", daemon=True).start()
    threading.Thread(target=_listen, args=(drain,), name="listen", daemon=True).start()
    drain.run()
    return 0


def _listen(drain: Drain) -> None:
    """Wake the drain at each line; end with stdin, whatever the drain is waiting for."""
    for line in sys.stdin.buffer:
        told = decode_told(line)
        if isinstance(told, Forget):
            drain.forget(told.forget)
        drain.wake.set()
    drain.stopping.set()
    drain.wake.set()
    threading.Event().wait(_PATIENCE)
    os._exit(0)


def _hangs() -> None:
    sys.stderr.write("reports.child: one thing has taken far too long; it is started again\n")
    sys.stderr.flush()
    os._exit(HANGS)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
