"""What Ruby's YAML makes of a document: the two readers that Puppet has, each as one child for many documents.

`puppet apply` and agents run under Ruby (Psych on libyaml); Puppet Server runs under JRuby (Psych on SnakeYAML).
"""

import json
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

SCRIPT = Path(__file__).with_name("read_yaml.rb")
RUBY = ("ruby",)
JRUBY = (
    *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens", "java.base/java.io=ALL-UNNAMED"),
    *("-Djruby.home=/usr/share/jruby", "-Djruby.lib=/usr/share/jruby/lib"),
    *("-cp", "/usr/share/jruby/lib/*", "org.jruby.Main"),
)


class Unreadable(Struct, frozen=True):
    """A document that Ruby refused, with Ruby's message."""

    message: str


class RubyObject(Struct, frozen=True):
    """A value of a type that JSON has not: a Symbol, a Date, a String that is no UTF-8."""

    type: str
    text: str


class YamlReader:
    """One Ruby process that reads documents as `Puppet::Util::Yaml.safe_load(text, [Symbol])` does."""

    def __init__(self, command: Sequence[str] = RUBY) -> None:
        self._process = subprocess.Popen([*command, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, documents: Sequence[bytes]) -> list[Any]:
        """Each document's value in Python's types, or an `Unreadable`; `RubyObject` stands for anything else."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack(">I", len(documents)))
        for document in documents:
            self._process.stdin.write(struct.pack(">I", len(document)) + document)
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self._process.args!r} ended with {self._process.wait()} instead of answering"
        return [_answer(answer) for answer in json.loads(line)]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def ruby_yaml(documents: Sequence[bytes]) -> list[Any]:
    """What Ruby (Psych on libyaml) reads in each document: a value, or an `Unreadable`."""
    with YamlReader(RUBY) as reader:
        return reader.read(documents)


def exactly(value: Any) -> str:
    """A text that is equal for equal values of equal types only: `1`, `1.0`, `-0.0`, `true` and `"1"` differ."""
    return json.dumps(value, sort_keys=True, default=repr)


def _answer(answer: dict[str, Any]) -> Any:
    return Unreadable(answer["error"]) if "error" in answer else _value(answer["value"])


def _value(told: Any) -> Any:
    if isinstance(told, list):
        return [_value(item) for item in told]
    if not isinstance(told, dict):
        return told
    if "hash" in told:
        return {_value(key): _value(item) for key, item in told["hash"]}
    if "integer" in told:
        return int(told["integer"])
    if "float" in told:
        return struct.unpack(">d", bytes.fromhex(told["float"]))[0]
    return RubyObject(told["object"], told["text"])
