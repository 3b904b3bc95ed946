"""The generation: every node's answer, under one number, and what the guard holds back."""

from collections.abc import Mapping

from msgspec import Struct

from enc.answer import Answer
from enc.topology import UNDEFINED, Definitions

Answers = Mapping[str, Answer]


class Hold(Struct, frozen=True):
    """A newer generation's answers that wait for approval.

    `changes` gives each held node's new answer, None for a node that would lose its answer; `entries` is the size of
    the directory that they come from, and `definitions` what services and sites are there; `reasons` has a sentence
    for each rule of the guard that holds something; `since` in seconds since the epoch.
    """

    number: int
    since: float
    reasons: Mapping[str, str]
    entries: int
    changes: Mapping[str, Answer | None]
    definitions: Definitions = UNDEFINED


class Recent(Struct, frozen=True):
    """What the guard let pass since `since` (seconds since the epoch): `lost` gives the old answers of nodes that lost
    something, `entries` and `nodes` are the most that there were since then.
    """

    since: float = 0.0
    entries: int = 0
    nodes: int = 0
    lost: Answers = {}


class Generation(Struct, frozen=True):
    """The answers that are served. `number` grows when an answer's bytes change, or what services and sites are;
    `counter` is the last number given away.

    `entries` is how many entries the directory had when it last passed the guard; `built_at` in seconds since the
    epoch.
    """

    number: int
    counter: int
    built_at: float
    entries: int
    answers: Answers
    hold: Hold | None = None
    recent: Recent = Recent()
    definitions: Definitions = UNDEFINED


NONE = Generation(0, 0, 0.0, 0, {})
