"""The errors' one root: everything that Enclume raises on purpose is an `EnclumeError`.

A message says what was wrong, where, and what to do; the data stands on attributes.
"""


class EnclumeError(Exception):
    """Anything that Enclume reports as a sentence rather than as a traceback."""


class SettingsError(EnclumeError):
    """A settings or rules file that cannot be used: which file, which key, what was expected."""

    def __init__(self, file: str, key: str, expected: str) -> None:
        self.file, self.key, self.expected = file, key, expected
        super().__init__(f"{file}: {key}: {expected}" if key else f"{file}: {expected}")


class SourceError(EnclumeError):
    """An outside system that could not be read: which one, why, what to do."""

    def __init__(self, target: str, reason: str, advice: str = "") -> None:
        self.target, self.reason, self.advice = target, reason, advice
        super().__init__(f"{target}: {reason}" + (f"; {advice}" if advice else ""))


class SpoolError(EnclumeError):
    """A report that was not taken: why, and what to do. `is_busy`: it may be taken in a moment."""

    def __init__(self, reason: str, *, is_busy: bool = False) -> None:
        self.reason, self.is_busy = reason, is_busy
        super().__init__(reason)


class LdifError(EnclumeError):
    """An LDIF record that cannot be read or applied: which line, which DN, why."""

    def __init__(self, line: int, dn: str, reason: str) -> None:
        self.line, self.dn, self.reason = line, dn, reason
        super().__init__(f"line {line}: {dn}: {reason}" if dn else f"line {line}: {reason}")


class StateError(EnclumeError):
    """A file in the state folder that cannot be read or written: which file, why."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file}: {reason}")


class ReportError(EnclumeError):
    """A report that cannot be read: what is wrong with it, and where."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class HistoryError(EnclumeError):
    """The history that cannot be read or written: where it is (never with a password), why, what to do.

    `kind` tells what may pass by itself (unreachable, locked, slow, full) from what may not (newer, older, corrupt,
    settings), and from what was refused for its content (data).
    """

    def __init__(self, where: str, kind: str, reason: str, advice: str) -> None:
        self.where, self.kind, self.reason, self.advice = where, kind, reason, advice
        super().__init__(f"{where}: {reason}; {advice}")


class FactsError(EnclumeError):
    """A document of facts that makes no sense; the message is what is wrong with it."""
