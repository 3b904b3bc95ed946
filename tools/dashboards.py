"""Writes Grafana's dashboards from `tools/dashboards.yaml`. Usage: `make dashboards`."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

SOURCE = Path(__file__).with_suffix(".yaml")
FOLDER = Path(__file__).parents[1] / "exporters" / "prometheus"
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_HEIGHT = {"stat": 4}
_WHOLE = 24


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A panel; `queries` are expressions by their legends."""

    title: str
    form: str = "timeseries"
    unit: str = "short"
    width: int = 12
    queries: dict[str, str] = {}


class Dashboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dashboard; a panel is a list of its fields, or names them."""

    title: str
    panels: list[Panel | list[Any]]


def dashboards() -> dict[str, str]:
    """Each dashboard's JSON, by its name."""
    listed = msgspec.convert(yaml.safe_load(SOURCE.read_text()), dict[str, Dashboard])
    return {name: json.dumps(_dashboard(name, one), indent=1) + "\n" for name, one in listed.items()}


def _dashboard(name: str, described: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"enclume-{name}",
        "title": described.title,
        "tags": ["enclume"],
        "timezone": "",
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "schemaVersion": 38,
        "version": 1,
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": _placed([one if isinstance(one, Panel) else Panel(*one) for one in described.panels]),
    }


def _variables() -> list[dict[str, Any]]:
    sites = "label_values(enclume_verdict_worst, site)"
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "site",
            "type": "query",
            "label": "Site",
            "datasource": _DATASOURCE,
            "definition": sites,
            "query": {"query": sites, "refId": "sites"},
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _placed(panels: list[Panel]) -> list[dict[str, Any]]:
    """The panels from left to right, in rows."""
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _WHOLE:
            x, y, row = 0, y + row, 0
        height = _HEIGHT.get(panel.form, 8)
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": height}))
        x, row = x + panel.width, max(row, height)
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    now = panel.form in ("stat", "table")
    targets = [
        {
            "refId": chr(ord("A") + position),
            "datasource": _DATASOURCE,
            "expr": expanded(expression),
            "legendFormat": legend or "__auto",
            "instant": now,
            "range": not now,
            **({"format": "table"} if panel.form == "table" else {}),
        }
        for position, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "title": panel.title,
        "type": panel.form,
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": targets,
    }


def expanded(expression: str) -> str:
    """An expression with what its short words stand for."""
    return re.sub(r"\bONE\(", "max without (instance) (", expression).replace("SITE", 'site=~"$site"')


if __name__ == "__main__":
    for name, text in dashboards().items():
        (FOLDER / f"{name}.json").write_text(text)
