"""The service's side of the intake child: which program it is, and what is said between them."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from facts.children import Child
from facts.pipes import running
from reports.messages import LOOK, Begin, Forget, Message, decode_message, encode

COMMAND = running("reports.child")


class IntakeChild(Child):
    """Keeps one intake child running until stopped.

    `receive` is called with each message, in this object's own thread; `troubled` with a sentence, when the child
    ends again and again. Neither may block.
    """

    def __init__(self, begin: Begin, receive: Callable[[Message], None], troubled: Callable[[str], None]) -> None:
        super().__init__("intake", lambda line: receive(decode_message(line)), troubled)
        self._begin = begin

    def command(self) -> Sequence[str]:
        """The intake child."""
        return COMMAND

    def greeting(self, ends: int) -> bytes:
        """What to read into where."""
        return encode(replace(self._begin, ends=ends))

    def look(self) -> None:
        """There is something new in the spool; returns at once."""
        self.say(LOOK)

    def forget(self, certname: str) -> None:
        """The history is to forget this node; returns at once."""
        self.say(encode(Forget(certname)))
