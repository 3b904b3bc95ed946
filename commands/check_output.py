"""What the plugin prints: pure text from the body of `GET /verdicts`.

The form is that of the Monitoring Plugins' guidelines, as Icinga 2 reads it: whatever follows a `|` is taken for
performance data, a label may hold no `=` and no `'`, `::` in one begins another plugin's name, thresholds are plain
numbers.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any
from unicodedata import combining, normalize

from commands.unjudged import WHY

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATUSES = {"ok": OK, "warning": WARNING, "critical": CRITICAL, "unknown": UNKNOWN}
WORST_FIRST = ("critical", "unknown", "warning", "ok")
"""What is unknown may be critical, so it is worse than a warning."""

TELLING = ("enc", "sources")
"""The checks whose verdicts tell themselves that the directory was not read for too long."""

MOST_LINES = 50
MOST_PERFDATA = 100
_LONGEST_LINE = 1000
_LONGEST_LABEL = 120
_UNITS = ("", "s", "B", "%")
_STRANGE = "it answered with what is no list of verdicts: is it Enclume, and of this version?"

_Row = tuple[Mapping[str, Any], str, Mapping[str, Any]]
"""A verdict, and the label of one of its measures with that measure."""

# Web interfaces show as HTML what looks like it: descriptions from LDAP shall be text.
_HARMLESS = str.maketrans({"|": "\u00a6", "<": "\u2039", ">": "\u203a"})


def safe(text: str) -> str:
    """Text on one line that ends in no performance data, moves no cursor, and is no HTML."""
    line = "".join(one if one.isprintable() else " " for one in text).translate(_HARMLESS)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "\u2026"


def render(check: str, body: bytes, filters: str, max_age: float) -> tuple[int, str]:
    """The exit status and the text for a reply of the service. `filters` are in words what was asked for."""
    try:
        return _render(check, json.loads(body), filters, max_age)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return UNKNOWN, f"{check.upper()} UNKNOWN - {_STRANGE}\n"


def render_service(check: str, body: bytes, filters: str, max_age: float) -> tuple[int, str]:
    """The same for the service itself: whether its verdicts can be relied on, whatever they are."""
    try:
        reply = json.loads(body)
        reason = _unreliable(reply, max_age)
        if reason is not None:
            return UNKNOWN, f"{check.upper()} UNKNOWN - {safe(reason)}\n"
        age, total = float(reply["age"]), sum(int(number) for number in reply["counts"].values())
        about = (
            f"{total} verdicts{' on ' if filters else ''}{filters}, {age:.0f} s old, generation {reply['generation']}"
        )
        return OK, f"{check.upper()} OK - {safe(about)} | age={_plain(age)}s;;{_plain(max_age)} verdicts={total}\n"
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return UNKNOWN, f"{check.upper()} UNKNOWN - {_STRANGE}\n"


def _render(check: str, reply: Mapping[str, Any], filters: str, max_age: float) -> tuple[int, str]:
    counts = {status: int(reply["counts"][status]) for status in WORST_FIRST}
    verdicts = [one for one in reply["verdicts"] if one["status"] in STATUSES]
    reason = _unreliable(reply, max_age) or (None if check in TELLING else reply["outdated"])
    if reason is None and not sum(counts.values()):
        reason = _nothing(check, filters)
    if reason is not None:
        return UNKNOWN, "\n".join([f"{check.upper()} UNKNOWN - {safe(reason)}", *_lines(verdicts, counts)]) + "\n"
    worst = next(status for status in WORST_FIRST if counts[status])
    head, *more = _told(verdicts, counts, worst)
    first = f"{check.upper()} {worst.upper()} - {head} | {' '.join(perfdata(verdicts, counts))}"
    return STATUSES[worst], "\n".join([first, *more]) + "\n"


def _nothing(check: str, filters: str) -> str:
    if not filters and check in WHY:
        return WHY[check]
    named = re.match(r"(host|site) (?!-)([^,\s]+)", filters)
    if named:
        what, name = named.groups()
        return f"nothing is known of {filters}: `enclume audit --{what} {name}` says whether there is such a {what}"
    return f"nothing is known{' of ' if filters else ''}{filters}: `enclume audit {check} --all` lists what is"


def _unreliable(reply: Mapping[str, Any], max_age: float) -> str | None:
    """Why the verdicts say nothing about now; None when they do."""
    if reply["problem"] is not None:
        return str(reply["problem"])
    age = float(reply["age"])
    if not age <= max_age:
        return f"the verdicts are {age:.0f} s old, more than {max_age:g} s: see the service's log"
    return None


def _told(verdicts: Sequence[Mapping[str, Any]], counts: Mapping[str, int], worst: str) -> list[str]:
    """The first line's words, and the further lines."""
    total = sum(counts.values())
    if worst == "ok" and total > 1:
        return [f"all {total} are ok", *_lines(verdicts, counts)]
    if not verdicts:
        return [f"{counts[worst]} of {total}: the service told no more"]
    return [_sentence(verdicts[0]), *_lines(verdicts[1:], {**counts, worst: counts[worst] - 1})]


def _lines(verdicts: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> list[str]:
    """One line for each: what is wrong, or, where nothing is, what is ok. The last one says how many were left out."""
    wrong = sum(number for status, number in counts.items() if status != "ok")
    told = [one for one in verdicts if not wrong or one["status"] != "ok"][:MOST_LINES]
    lines = [f"[{one['status'].upper()}] {_sentence(one)}" for one in told]
    left_out = (wrong or counts["ok"]) - len(told)
    if left_out > 0:
        lines.append(f"({left_out} more: see `enclume audit`)")
    if wrong and counts["ok"]:
        lines.append(f"({counts['ok']} ok)")
    return lines


def _sentence(verdict: Mapping[str, Any]) -> str:
    """The verdict's sentence, which begins with what it is about."""
    subject, sentence = safe(str(verdict["subject"])), safe(str(verdict["sentence"]))
    return sentence if re.split(r"[ /]", subject)[0] in sentence else safe(f"{subject}: {sentence}")


def perfdata(verdicts: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> list[str]:
    """How many there are of each status, then the verdicts' measures: bounded, each label once.

    `'label'=value[unit];[warning];[critical]`; a value that is not known, of what never happened, is left out.
    """
    rows = [
        (one, str(measure["label"]), measure)
        for one in verdicts
        for measure in one["measures"]
        if _number(measure["value"]) and measure["unit"] in _UNITS
    ]
    rows = _once(rows)
    shown = rows[: MOST_PERFDATA - len(STATUSES) - 1]
    labels = _unique([(label, str(one["subject"]), str(one["code"])) for one, label, _ in shown], taken=STATUSES)
    values = [f"{status}={_plain(counts[status])}" for status in STATUSES]
    values += [f"'{label}'={_value(row[2])}" for label, row in zip(labels, shown, strict=True)]
    if len(rows) > len(shown):
        values.append(f"left_out={len(rows) - len(shown)}")
    return values


def _once(rows: Sequence[_Row]) -> list[_Row]:
    """Without what two verdicts of one subject both measured: a graph keeps its label when something goes wrong."""
    return list(
        {
            (one["subject"], one["site"], label, repr(measure)): (one, label, measure) for one, label, measure in rows
        }.values()
    )


def _unique(named: Sequence[tuple[str, str, str]], taken: Iterable[str]) -> list[str]:
    """A label for each (label, subject, code): the label alone where it is the only one of its kind, else with its
    subject, else with its code too; a number tells apart what is left.
    """
    used = {*taken, "left_out"}
    plain = [_label(label) for label, _, _ in named]
    found = []
    for (label, subject, code), alone in zip(named, plain, strict=True):
        choices = [_label(f"{subject} {label}"), _label(f"{subject} {code} {label}")]
        if plain.count(alone) == 1:
            choices.insert(0, alone)
        numbered = (f"{choices[-1]} {number}" for number in range(2, len(named) + len(used) + 2))
        found.append(next(one for one in (*choices, *numbered) if one not in used))
        used.add(found[-1])
    return found


def _label(text: str) -> str:
    """A label without what ends one, and of ASCII alone: not every store of graphs takes more."""
    letters = "".join(one for one in normalize("NFKD", text.replace("\u2192", "to")) if not combining(one))
    plain = safe(letters).encode("ascii", "replace").decode()
    label = re.sub(r"['=?]|::+", "_", plain).strip()
    return label[:_LONGEST_LABEL].rstrip() or "_"


def _value(measure: Mapping[str, Any]) -> str:
    limits = [_plain(limit) if _number(limit) else "" for limit in (measure["warning"], measure["critical"])]
    return f"{_plain(measure['value'])}{measure['unit']};{';'.join(limits)}".rstrip(";")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _plain(value: Any) -> str:
    """A number without an exponent."""
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return "0" if text == "-0" else text
