"""When hosts last spoke of themselves.

enclume_observation_timestamp_seconds{site="angers",host="web.lab.test",kind="logs"} 1764244800
"""

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


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host that is meant to run; what is off on purpose, a template or retired need not go on."""
    if picture.own is None or picture.node.host.intent != "running":
        return ("",)
    of = f'{{site="{escape(picture.site)}",host="{escape(picture.name)}"'
    return (
        "".join(
            f'enclume_observation_timestamp_seconds{of},kind="{kind}"}} {number(at)}\n'
            for kind, at in sorted(picture.own.seen_at.items())
        ),
    )
