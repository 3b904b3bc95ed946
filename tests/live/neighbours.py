"""The module `neighbours` of the examples on a node of the tests: where it writes there, and what it wrote."""

import re
import subprocess
from collections.abc import Iterable, Mapping

from tests.live.puppet_agent import Node

# Below the node's root. A reload adds a line to a file, instead of having a daemon follow.
_PARAMETERS = {
    "exports": {"file": "exports", "reload": "exported"},
    "backuppc": {"file": "backuppc"},
    "icinga": {"file": "icinga.conf", "reload": "watched"},
    "zone": {"file": "db.e2e.test", "reload": "named"},
}
_PATTERNS = {
    "exports": r"^/srv/www((?: [\d.a-f:]+\(rw,sync,no_subtree_check\))+)$",
    "backuppc": r"^(\S+)\t0\tbackuppc$",
    "icinga.conf": r'^object Host "(\S+)" \{$',
    "db.e2e.test": r"^(web\S+ IN A+ \S+)$",
}


def parameters() -> dict[str, str]:
    """What stands in the node's level of Hiera."""
    root = "%{facts.lab_root}"
    return {
        f"neighbours::{name}::{key}": f"{root}/{place}" if key == "file" else f"sh -c 'echo >>{root}/{place}'"
        for name, places in _PARAMETERS.items()
        for key, place in places.items()
    }


def written(node: Node) -> dict[str, list[str]]:
    """Which web servers stand in each file."""
    return {name: re.findall(pattern, node.text(name) or "", re.MULTILINE) for name, pattern in _PATTERNS.items()}


def expected(webs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """What `written` is with these web servers and their addresses."""
    every = [(certname, address) for certname, addresses in webs.items() for address in addresses]
    return {
        "exports": ["".join(f" {address}(rw,sync,no_subtree_check)" for _, address in every)],
        "backuppc": [*webs],
        "icinga.conf": [*webs],
        "db.e2e.test": [f"{one}. IN {'AAAA' if ':' in address else 'A'} {address}" for one, address in every],
    }


def serial(node: Node) -> int:
    """The zone's serial number."""
    (number,) = re.findall(r" hostmaster\.e2e\.test\. \( (\d+) ", node.text("db.e2e.test") or "")
    return int(number)


def reloads(node: Node) -> list[int]:
    """How often NFS, Icinga and BIND were told to follow."""
    return [len((node.text(name) or "").splitlines()) for name in ("exported", "watched", "named")]


def icinga_says(node: Node) -> str:
    """What a real Icinga says of the configuration; its last line says whether it takes it."""
    configuration = node.root / "icinga2.conf"
    plugins = 'const PluginDir = "/usr/lib/nagios/plugins"\ninclude <plugins>\n'
    configuration.write_text(f'include <itl>\n{plugins}include "{node.root}/icinga.conf"\n')
    folders = [f"-D{name}={node.root}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")]
    return subprocess.run(
        ["icinga2", "daemon", "-C", "-c", str(configuration), "-DRunAsUser=root", "-DRunAsGroup=root", *folders],
        capture_output=True, text=True, check=False, timeout=60,
    ).stdout  # fmt: skip
