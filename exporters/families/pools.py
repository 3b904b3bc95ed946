"""How large the pools of the backup servers are.

enclume_backup_pool_size_bytes{site="angers",pool="main"} 966367641600
"""

from exporters.family import Rendered, gauge
from exporters.scrape import Seen

SIZE = gauge("backup_pool_size_bytes", "site", "pool", tells="The size of a backup server's pool.")

FAMILIES = (SIZE,)


def lines(seen: Seen) -> Rendered:
    """The samples; pools of one name at one site are told together."""
    sizes: dict[tuple[str, str], int] = {}
    for kept in seen.view.pictures.archive.values():
        site = kept.node.site.name if kept.node.site else ""
        if seen.wants(site):
            for pool in kept.pools:
                sizes[site, pool.pool] = sizes.get((site, pool.pool), 0) + pool.size_bytes
    return {SIZE: "".join(SIZE.line(size, *labels) for labels, size in sorted(sizes.items()))}
