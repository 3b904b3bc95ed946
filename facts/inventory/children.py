"""The service's side of the inventory child: which program it is, and what is said between them."""

from collections.abc import Callable, Sequence

from facts.children import Child
from facts.inventory.messages import Message, Watch, decode_message, encode
from facts.pipes import running

COMMAND = running("facts.inventory.child")


class InventoryChild(Child):
    """Keeps one inventory child running until stopped.

    `receive` is called with each message, in this object's own thread; `troubled` with a sentence, when the child
    ends again and again. Neither may block.
    """

    def __init__(self, receive: Callable[[Message], None], troubled: Callable[[str], None]) -> None:
        super().__init__("inventory", lambda line: receive(decode_message(line)), troubled)
        self._watch = Watch((), 5.0, 2.0)

    def command(self) -> Sequence[str]:
        """The inventory child."""
        return COMMAND

    def greeting(self, ends: int) -> bytes:  # noqa: ARG002 - it begins as ever
        """What to watch."""
        return encode(self._watch)

    def watch(self, watch: Watch) -> None:
        """Observe exactly these hypervisors from now on; returns at once."""
        self._watch = watch
        self.say(encode(watch))
