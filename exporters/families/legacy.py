"""Puppet runs under the names of Puppet's own reporter for Prometheus, for dashboards that know those.

https://github.com/voxpupuli/puppet-prometheus_reporter

puppet_report{environment="production",host="web.lab.test"} 1764244200
puppet_report_resources{name="Changed",environment="production",host="web.lab.test"} 2
puppet_report_time{name="Config retrieval",environment="production",host="web.lab.test"} 2.5
puppet_report_changes{name="Total",environment="production",host="web.lab.test"} 2
puppet_report_events{name="Success",environment="production",host="web.lab.test"} 2
puppet_status{state="failed",environment="production",host="web.lab.test"} 0
puppet_transaction_completed{environment="production",host="web.lab.test"} 1
puppet_cache_catalog_status{state="not_used",environment="production",host="web.lab.test"} 1
"""

from collections.abc import Mapping

from audit.picture import Picture
from exporters.around import Around
from exporters.family import Family, escape, number

_OF = ("environment", "host")


def _old(name: str, *labels: str, tells: str) -> Family:
    return Family(name, "gauge", tells, (*labels, *_OF))


FAMILIES = (
    _old("puppet_report", tells="Unix timestamp of the last puppet run"),
    _old("puppet_report_resources", "name", tells="Resources broken down by their state"),
    _old("puppet_report_time", "name", tells="Resource apply times"),
    _old("puppet_report_changes", "name", tells="Changed resources in the last puppet run"),
    _old("puppet_report_events", "name", tells="Resource application events"),
    _old("puppet_status", "state", tells="the status of the client run"),
    _old("puppet_transaction_completed", tells="transaction completed status of the last puppet run"),
    _old(
        "puppet_cache_catalog_status",
        "state",
        tells="whether a cached catalog was used in the run, and if so, the reason that it was used",
    ),
)

NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a node, by family; none of one that never ran."""
    run = picture.run
    if run is None:
        return NOTHING
    of = f'environment="{escape(run.environment)}",host="{escape(picture.name)}"'
    cached = "on_failure" if run.cached_catalog else "not_used"
    return (
        f"puppet_report{{{of}}} {number(run.ended_at)}\n",
        _named("puppet_report_resources", run.resources, of),
        _named("puppet_report_time", {"total": run.duration, **run.times}, of),
        _named("puppet_report_changes", {} if run.changes is None else {"total": run.changes}, of),
        _named("puppet_report_events", run.events, of),
        _states("puppet_status", ("failed", "changed", "unchanged"), run.status, of),
        "" if run.completed is None else f"puppet_transaction_completed{{{of}}} {1 if run.completed else 0}\n",
        _states("puppet_cache_catalog_status", ("not_used", "explicitly_requested", "on_failure"), cached, of),
    )


def _named(family: str, values: Mapping[str, float], of: str) -> str:
    """Under the names that a report shows: `out_of_sync` is "Out of sync" there."""
    words = {name.replace("_", " ").capitalize(): value for name, value in values.items()}
    return "".join(f'{family}{{name="{escape(name)}",{of}}} {number(value)}\n' for name, value in sorted(words.items()))


def _states(family: str, states: tuple[str, ...], current: str, of: str) -> str:
    return "".join(f'{family}{{state="{state}",{of}}} {1 if state == current else 0}\n' for state in states)
