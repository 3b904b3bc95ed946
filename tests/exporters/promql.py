"""Which metrics and labels a PromQL expression names: enough of its grammar for our own rules and dashboards."""

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_METRIC = re.compile(r"\b((?:enclume_|puppet_|up\b|\w+:enclume_)[\w:]*)\s*(?:\{([^}]*)\})?")


def metrics_of(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric that is named, with the labels that its matchers name."""
    text = _GROUPING.sub("", _STRING.sub('""', expression))
    return [(name, set(re.findall(r"(\w+)\s*[=!]", matchers))) for name, matchers in _METRIC.findall(text)]
