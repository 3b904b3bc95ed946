"""The tables in which Puppet runs are kept, the same on SQLite and on PostgreSQL.

An unchanged run is one row of `runs` and nothing else, since nearly all runs are: what the node ran in (environment,
server, place) is a row of `surroundings` that it shares with thousands of others. Times are seconds since the epoch.

`migrations/versions` makes these tables; a test holds the two to each other. A change here is a new migration and a new
`REVISION`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

REVISION = "0001"
"""The revision of the newest migration: what this program reads and writes."""


class RunId(TypeDecorator[str]):
    """A transaction_uuid as text outside and 16 bytes inside. What is no UUID has one made of it, always the same."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A uuid on PostgreSQL, a blob on SQLite."""
        on_postgresql = dialect.name == "postgresql"
        return dialect.type_descriptor(postgresql.UUID(as_uuid=True) if on_postgresql else LargeBinary(16))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Text, on its way in."""
        if value is None:
            return None
        return as_uuid(value) if dialect.name == "postgresql" else as_uuid(value).bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Text, on its way out."""
        del dialect
        if value is None:
            return None
        return str(value if isinstance(value, UUID) else UUID(bytes=value))


def as_uuid(text: str) -> UUID:
    """The UUID that a run of this name is known by."""
    try:
        return UUID(text)
    except ValueError:
        return uuid5(NAMESPACE_URL, text.encode("utf-8", "backslashreplace").decode())


Big = BigInteger().with_variant(Integer(), "sqlite")
"""Row numbers: only `INTEGER` is SQLite's own row number, whose eight bytes any row has anyway."""
Seconds = Float(53)
NAMES: Mapping[str, str] = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("certname", Text, nullable=False, unique=True),
    # Of its last run: its row, when it ended, and the `facts.puppet.Run` that is made of it, as JSON.
    Column("last_id", Big),
    Column("last_ended", Seconds, nullable=False),
    Column("last_success", Seconds, nullable=False),
    Column("last", Text),
    # The number of a node that was forgotten is nobody else's, ever: other processes may remember it.
    sqlite_autoincrement=True,
)
"""Every node that ever sent a report, with its last run: read whole in no time, however long the history is."""

surroundings = Table(
    "surroundings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("puppet_version", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("hypervisor", Text, nullable=False),
    UniqueConstraint("environment", "puppet_version", "server", "site", "hypervisor", name="uq_surroundings_all"),
)
"""What runs ran in; "" for what is not known. Few rows, which are never removed: `runs` need not be checked for it."""

runs = Table(
    "runs",
    metadata,
    Column("id", Big, primary_key=True),
    Column("started", Seconds, nullable=False),
    Column("ended", Seconds, nullable=False),
    Column("received", Seconds, nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), nullable=False),
    Column("surroundings_id", Integer, nullable=False),
    Column("resources", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("out_of_sync", Integer, nullable=False),
    Column("corrected", Integer, nullable=False),
    Column("retrieval_seconds", REAL, nullable=False),
    Column("format", SmallInteger, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("noop", Boolean, nullable=False),
    Column("noop_pending", Boolean, nullable=False),
    Column("corrective", Boolean, nullable=False),
    Column("completed", Boolean),
    Column("uuid", RunId, nullable=False, unique=True),
    Column("catalog_uuid", RunId),
    Column("status", Text, nullable=False),
    Column("cached_catalog", Text, nullable=False),
    Column("configuration_version", Text, nullable=False),
    Column("code_id", Text, nullable=False),
    Column("metrics", Text),
    Index("ix_runs_node_id_ended", "node_id", "ended"),
    Index("ix_runs_surroundings_id_ended", "surroundings_id", "ended"),
    Index("ix_runs_ended", "ended"),
)
"""One row a run.

`quiet`: it has nothing to say: unchanged, nothing pending, nothing corrective, no event. Nearly all are; the index
`ix_runs_loud` holds the others only, so a question about these says `LOUD` too.
`resources` to `corrected` are its counts, `retrieval_seconds` how long it waited for its catalog. `metrics` is
`reports.rows.Metrics` as JSON: all of its counts, times and events, where it is not quiet.
"""
LOUD = runs.c.quiet == false()
Index("ix_runs_loud", runs.c.status, runs.c.ended, sqlite_where=LOUD, postgresql_where=LOUD)

resources = Table(
    "resources",
    metadata,
    Column("run_id", Big, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("node_id", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("ended", Seconds, nullable=False),
    Column("seconds", Seconds, nullable=False),
    Column("changed", Boolean, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("skipped", Boolean, nullable=False),
    Column("corrective", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("file", Text, nullable=False),
    Index("ix_resources_name_ended", "name", "ended"),
    Index("ix_resources_node_id_ended", "node_id", "ended"),
    Index("ix_resources_ended_seconds", "ended", "seconds"),
    sqlite_with_rowid=False,
)
"""What a run has to say of a resource (`Type[title]`); `node_id` and `ended` are its run's. Questions about the failed
or the drifted ones say `FAILED` or `DRIFTED`, whose indexes hold no others.
"""
FAILED = resources.c.failed == true()
DRIFTED = resources.c.corrective == true()
Index("ix_resources_failed", resources.c.ended, sqlite_where=FAILED, postgresql_where=FAILED)
Index("ix_resources_drifted", resources.c.ended, sqlite_where=DRIFTED, postgresql_where=DRIFTED)

events = Table(
    "events",
    metadata,
    Column("run_id", Big, primary_key=True, autoincrement=False),
    Column("resource", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("time", Seconds, nullable=False),
    Column("corrective", Boolean, nullable=False),
    Column("redacted", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("property", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("desired", Text, nullable=False),
    Column("message", Text, nullable=False),
    ForeignKeyConstraint(["run_id", "resource"], ["resources.run_id", "resources.position"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
"""What happened to one property of a resource: `resource` is its position in `resources`."""

logs = Table(
    "logs",
    metadata,
    Column("run_id", Big, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False),
    Column("time", Seconds, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("file", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Lines of a run's log: warnings and above; of a run that is not quiet, notices too."""
