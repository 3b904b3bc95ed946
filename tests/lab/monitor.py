"""QEMU's own control channel (QMP, JSON lines on a unix socket)."""

import json
import re
import socket
from pathlib import Path
from typing import Any

FORWARDED = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)")


class Monitor:
    """Speaks to the QEMU whose QMP socket is at `path`, on a connection of its own for each command."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def execute(self, command: str, **arguments: Any) -> Any:
        """What a command returns."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self._path))
            with connection.makefile("rwb") as channel:
                channel.readline()
                self._ask(channel, "qmp_capabilities", {})
                return self._ask(channel, command, arguments)

    def forwarded_port(self) -> int:
        """The port of this machine's loopback address that leads to the node's ssh: the kernel chose it."""
        said = self.execute("human-monitor-command", **{"command-line": "info usernet"})
        found = FORWARDED.search(said)
        assert found, said
        return int(found[1])

    def set_cable(self, name: str, *, plugged: bool) -> None:
        """Plug a network card's cable in, or pull it out."""
        self.execute("set_link", name=name, up=plugged)

    def _ask(self, channel: Any, command: str, arguments: dict[str, Any]) -> Any:
        channel.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        channel.flush()
        while True:
            answer = json.loads(channel.readline())
            if "error" in answer:
                raise RuntimeError(f"{command} {arguments}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
