"""What the commands about runs share: their options, and the question that is made of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import click

from commands import elsewhere
from commands.elsewhere import Elsewhere
from commands.times import Instant
from reports.wanted import MOST, USUAL

F = TypeVar("F", bound=Callable[..., Any])
Given = Mapping[str, Any]

_OPTIONS = {
    "host": click.option("--host", metavar="CERTNAME", multiple=True, help="Only of this node; or of several."),
    "site": click.option("--site", metavar="SITE", multiple=True, help="Only at this site at the time; the same."),
    "hypervisor": click.option(
        "--hypervisor", metavar="CERTNAME", multiple=True, help="Only on this hypervisor at the time; the same."
    ),
    "status": click.option(
        "--status",
        type=click.Choice(("failed", "changed", "unchanged")),
        multiple=True,
        help="Only runs that ended so; the same.",
    ),
    "resource": click.option("--resource", metavar="TYPE[TITLE]", help="Only of this resource."),
    "until": click.option("--until", metavar="TIME", type=Instant(), help="Until then; default: now."),
    "limit": click.option(
        "--limit", metavar="N", type=click.IntRange(1, MOST), default=USUAL, show_default=True, help="At most so many."
    ),
    "json": click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON."),
}
_PLACES = ("host", "site", "hypervisor")


def asking(*names: str, since: str = "") -> Callable[[F], F]:
    """The options of these names, those about the place first; `since` describes the default of `--since`."""

    def decorate(function: F) -> F:
        made = elsewhere.options(function)
        chosen = [_OPTIONS[name] for name in (*_PLACES, *names, "limit", "json")]
        if since:
            words = f"How long ago (90min, 12h, 2d) or when (2026-11-26T02:10, UTC) it begins; default: {since}."
            chosen.insert(-2, click.option("--since", metavar="TIME", type=Instant(), help=words))
        for option in reversed(chosen):
            made = option(made)
        return made

    return decorate


def service_of(config: str | None, given: Given) -> Elsewhere:
    """The service that is asked."""
    return elsewhere.named(config, {name: given[name] for name in ("url", "cert", "key", "ca")})


def path(endpoint: str, given: Given, *names: str) -> str:
    """The path of a question: of what was given, the parameters of these names."""
    pairs: list[tuple[str, str]] = []
    for name in names:
        value = given.get(name)
        values: Sequence[Any] = value if isinstance(value, tuple | list) else [] if value is None else [value]
        pairs += [(name, f"{one:.3f}" if isinstance(one, float) else str(one)) for one in values]
    return f"{endpoint}?{urlencode(pairs)}" if pairs else endpoint
