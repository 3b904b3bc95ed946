"""The reasons of an answer (`enc.why.why`) as lines for people."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from commands.common import duration, shown, table

Reasons = Mapping[str, Any]
Place = Mapping[str, str]


def of_class(reasons: Reasons, name: str) -> dict[str, Any]:
    """The reasons of one class: where it comes from, its parameters', and the levels to tell them by."""
    parameters = {key: value for key, value in reasons["parameters"].items() if key.rpartition("::")[0] == name}
    return {
        "certname": reasons["certname"],
        "classes": {name: reasons["classes"][name]},
        "parameters": parameters,
        "levels": reasons["levels"],
    }


def lines_of(reasons: Reasons) -> Iterable[str]:
    """Everything that is known, line by line; parts that are not there are left out."""
    yield from _head(reasons)
    if "enclume" in reasons:
        yield from _joined(reasons["enclume"])
    level_of = {where: level["level"] for level in reasons["levels"] for where in level["where"]}
    yield from _section("classes", _classes(reasons["classes"], level_of))
    yield from _section("parameters", _outcomes(reasons["parameters"], level_of))
    yield from _section("variables", _outcomes(reasons.get("variables", {}), level_of))
    if reasons.get("environment"):
        yield from _section("environment", _outcomes({"": reasons["environment"]}, level_of))
    yield from _section("findings", _findings(reasons.get("findings", ())))


def _head(reasons: Reasons) -> Iterable[str]:
    name = click.style(reasons["certname"], bold=True)
    yield f"{name}  {reasons['dn']}" if "dn" in reasons else name
    answer = reasons.get("answer")
    if answer:
        number = f"generation {answer['generation']}, " if answer["generation"] else ""
        yield f"  answer: {answer['state']} ({number}as read {duration(answer['age'])} ago)"


def _section(title: str, lines: list[str]) -> Iterable[str]:
    if lines:
        yield click.style(title, bold=True)
        yield from lines


def _joined(joined: Reasons) -> Iterable[str]:
    rows = [(f"  {word}", _plain(joined[word]["value"]), _because(joined[word])) for word in ("kind", "site", "layer")]
    rows.append(("  hypervisor", _plain(joined["hypervisor"]["value"]), _because(joined["hypervisor"])))
    rows += [("  service", name, dn) for name, dn in joined["services"].items()]
    rows += [("  provider", f"{what}: {', '.join(names)}", "") for what, names in joined["providers"].items()]
    rows += [("  fact", f"{name} = {shown(value)}", "") for name, value in joined["facts"].items()]
    if told := joined.get("facts_told"):
        rows.append(("  facts", f"gathered {duration(told['age'])} ago", f"as {told['by']} says"))
    width = max(len(value) for _, value, because in rows if because)
    for word, value, because in rows:
        yield f"{word:<13}  {value:<{width}}  {because}".rstrip()


def _plain(value: Any) -> str:
    return "not known" if value is None else str(value)


def _because(reason: Reasons) -> str:
    because = f"because {reason['because']}"
    if reason.get("domain"):
        because += f" (domain {reason['domain']}"
        on = ", ".join(f"{name} {uri or ''}".strip() for name, uri in reason["defined_on"].items())
        because += f" on {on})" if on else ")"
    return because


def _classes(classes: Mapping[str, list[Place]], level_of: Mapping[str, str]) -> list[str]:
    return table(
        (
            (name if first == 0 else "", f"<- {_place(place, level_of)}")
            for name, places in classes.items()
            for first, place in enumerate(places)
        ),
        "  ",
    )


def _outcomes(outcomes: Mapping[str, Reasons], level_of: Mapping[str, str]) -> list[str]:
    lines = []
    for name, outcome in outcomes.items():
        lines.append(f"  {name} = {shown(outcome['value'])}" if name else f"  {outcome['value']}")
        lines += [f"    <- {_place(place, level_of)}" for place in outcome["from"]]
        lines += [
            f"    beats {shown(place['value'])} of {_place(place, level_of)}" for place in outcome.get("beats", ())
        ]
    return lines


def _place(place: Place, level_of: Mapping[str, str]) -> str:
    level = level_of.get(place["where"], "")
    csn = f" ({place['entryCSN']})" if place.get("entryCSN") else ""
    what = f'"{place["what"]}"' if level == "rule" else place["what"]
    return f"{level} {place['where']} {what}{csn}".strip()


def _findings(findings: Iterable[Reasons]) -> list[str]:
    return [
        f"  {click.style(finding['code'], fg='red' if finding['holds'] else 'yellow')}  {finding['where']}"
        f"{' ' + finding['what'] if finding['what'] else ''}: {finding['message']}"
        for finding in findings
    ]
