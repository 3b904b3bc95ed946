"""The first tables: nodes with their last runs, runs, what they ran in, what they have to say."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SECONDS = sa.Float(precision=53)
_UUID = sa.LargeBinary(16).with_variant(postgresql.UUID(), "postgresql")


def upgrade() -> None:
    _nodes()
    _surroundings()
    _runs()
    _resources()
    _events()
    _logs()


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("certname", sa.Text(), nullable=False),
        sa.Column("last_id", _BIG, nullable=True),
        sa.Column("last_ended", _SECONDS, nullable=False),
        sa.Column("last_success", _SECONDS, nullable=False),
        sa.Column("last", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
        sa.UniqueConstraint("certname", name="uq_nodes_certname"),
        sqlite_autoincrement=True,
    )


def _surroundings() -> None:
    op.create_table(
        "surroundings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("puppet_version", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("hypervisor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_surroundings"),
        sa.UniqueConstraint(
            "environment", "puppet_version", "server", "site", "hypervisor", name="uq_surroundings_all"
        ),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("started", _SECONDS, nullable=False),
        sa.Column("ended", _SECONDS, nullable=False),
        sa.Column("received", _SECONDS, nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("surroundings_id", sa.Integer(), nullable=False),
        sa.Column("resources", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("out_of_sync", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.Column("retrieval_seconds", sa.REAL(), nullable=False),
        sa.Column("format", sa.SmallInteger(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("noop", sa.Boolean(), nullable=False),
        sa.Column("noop_pending", sa.Boolean(), nullable=False),
        sa.Column("corrective", sa.Boolean(), nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=True),
        sa.Column("uuid", _UUID, nullable=False),
        sa.Column("catalog_uuid", _UUID, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cached_catalog", sa.Text(), nullable=False),
        sa.Column("configuration_version", sa.Text(), nullable=False),
        sa.Column("code_id", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name="fk_runs_node_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("uuid", name="uq_runs_uuid"),
    )
    op.create_index("ix_runs_ended", "runs", ["ended"])
    op.create_index(
        "ix_runs_loud",
        "runs",
        ["status", "ended"],
        sqlite_where=sa.text("quiet = 0"),
        postgresql_where=sa.text("quiet = false"),
    )
    op.create_index("ix_runs_node_id_ended", "runs", ["node_id", "ended"])
    op.create_index("ix_runs_surroundings_id_ended", "runs", ["surroundings_id", "ended"])


def _logs() -> None:
    op.create_table(
        "logs",
        sa.Column("run_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("time", _SECONDS, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_logs_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_logs"),
        sqlite_with_rowid=False,
    )


def _resources() -> None:
    op.create_table(
        "resources",
        sa.Column("run_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("ended", _SECONDS, nullable=False),
        sa.Column("seconds", _SECONDS, nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("skipped", sa.Boolean(), nullable=False),
        sa.Column("corrective", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_resources_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_resources"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_resources_drifted",
        "resources",
        ["ended"],
        sqlite_where=sa.text("corrective = 1"),
        postgresql_where=sa.text("corrective = true"),
    )
    op.create_index("ix_resources_ended_seconds", "resources", ["ended", "seconds"])
    op.create_index(
        "ix_resources_failed",
        "resources",
        ["ended"],
        sqlite_where=sa.text("failed = 1"),
        postgresql_where=sa.text("failed = true"),
    )
    op.create_index("ix_resources_name_ended", "resources", ["name", "ended"])
    op.create_index("ix_resources_node_id_ended", "resources", ["node_id", "ended"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("run_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("resource", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", _SECONDS, nullable=False),
        sa.Column("corrective", sa.Boolean(), nullable=False),
        sa.Column("redacted", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("property", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "resource"],
            ["resources.run_id", "resources.position"],
            name="fk_events_run_id_resource",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "resource", "position", name="pk_events"),
        sqlite_with_rowid=False,
    )
