"""The last Puppet run of each node.

enclume_puppet_last_run_timestamp_seconds{site="angers",certname="web.lab.test"} 1764244200
enclume_puppet_last_success_timestamp_seconds{site="angers",certname="web.lab.test"} 1764244200
enclume_puppet_max_age_seconds{site="angers",certname="web.lab.test"} 7200
enclume_puppet_last_run_duration_seconds{site="angers",certname="web.lab.test"} 14.5
enclume_puppet_run_status{site="angers",certname="web.lab.test",status="changed"} 1
enclume_puppet_resources{site="angers",certname="web.lab.test",outcome="changed"} 2
enclume_puppet_cached_catalog{site="angers",certname="mail.lab.test"} 1
"""

from audit.picture import Picture
from exporters.around import Around
from exporters.family import escape, gauge, number
from facts.puppet import Run

_OF = ("site", "certname")

FAMILIES = (
    gauge("puppet_last_run_timestamp_seconds", *_OF, tells="When Puppet last ran on the node; 0: never."),
    gauge("puppet_last_success_timestamp_seconds", *_OF, tells="When Puppet last ran without a failure; 0: never."),
    gauge("puppet_max_age_seconds", *_OF, tells="How long ago the node's last Puppet run may be."),
    gauge("puppet_last_run_duration_seconds", *_OF, tells="How long the last Puppet run took."),
    gauge("puppet_run_status", *_OF, "status", tells="How the last Puppet run ended: changed, unchanged or failed."),
    gauge("puppet_resources", *_OF, "outcome", tells="Resources of the last Puppet run by outcome, where not 0."),
    gauge("puppet_cached_catalog", *_OF, tells="1 where the last Puppet run got no catalog and applied an old one."),
)

NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, around: Around) -> tuple[str, ...]:
    """The samples of a node, by family; none while nobody tells of runs at all, and none of what is off on purpose, a
    template or retired: it runs nothing. That a node never ran is not said while reports are not read.
    """
    if not picture.reporting or picture.node.host.intent != "running":
        return NOTHING
    if picture.run is None and picture.runs_unread:
        return NOTHING
    of = f'{{site="{escape(picture.site)}",certname="{escape(picture.name)}"'
    run = picture.run
    allowed = around.thresholds.of(picture.site, picture.name).run_seconds
    last = (
        f"enclume_puppet_last_run_timestamp_seconds{of}}} {number(run.ended_at if run else 0)}\n",
        f"enclume_puppet_last_success_timestamp_seconds{of}}} {number(run.last_success if run else 0)}\n",
        f"enclume_puppet_max_age_seconds{of}}} {number(allowed)}\n",
    )
    if run is None:
        return (*last, "", "", "", "")
    return (
        *last,
        f"enclume_puppet_last_run_duration_seconds{of}}} {number(run.duration)}\n",
        f'enclume_puppet_run_status{of},status="{escape(run.status)}"}} 1\n',
        "".join(
            f'enclume_puppet_resources{of},outcome="{escape(outcome)}"}} {count}\n'
            for outcome, count in sorted(run.resources.items())
            if _tells_more(outcome, count, run)
        ),
        f"enclume_puppet_cached_catalog{of}}} 1\n" if run.cached_catalog else "",
    )


def _tells_more(outcome: str, count: int, run: Run) -> bool:
    """Whether an outcome's count tells what the others do not: most of what was out of sync was changed."""
    if outcome == "out_of_sync" and count == run.resources.get("changed", 0):
        return False
    return bool(count) or outcome == "total"
