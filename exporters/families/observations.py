"""When hosts last spoke of themselves.

enclume_observation_timestamp_seconds{site="angers",host="web.lab.test",kind="logs"} 1764244800
"""

from collections.abc import Iterator, Mapping

from audit.picture import Picture
from exporters.around import Around
from exporters.family import escape, gauge, number

FAMILIES = (
    gauge(
        "observation_timestamp_seconds",
        "site",
        "host",
        "kind",
        tells="When enclume-observe last delivered this kind of observation of the host.",
    ),
)


_OF_EVERY_HOST = ("logs", "mounts", "nfs", "uses")
"""What every host tells, mostly all at once: the oldest of them stands for the others, of which none is older."""


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host that is meant to run; what is off on purpose, a template or retired need not go on."""
    if picture.own is None or picture.node.host.intent != "running":
        return ("",)
    of = f'{{site="{escape(picture.site)}",host="{escape(picture.name)}"'
    return (
        "".join(
            f'enclume_observation_timestamp_seconds{of},kind="{kind}"}} {number(at)}\n'
            for kind, at in _told(picture.own.seen_at)
        ),
    )


def _told(seen_at: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """The kinds that are told, each with its time."""
    common = [(at, kind) for kind in _OF_EVERY_HOST if (at := seen_at.get(kind))]
    oldest = min(common)[1] if common else ""
    for kind, at in sorted(seen_at.items()):
        if kind == oldest or kind not in _OF_EVERY_HOST:
            yield kind, at
