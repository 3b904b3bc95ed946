"""Run by alembic within the transaction of `reports.migrate`, which hands its connection over.

alembic's way asks that it works as it is loaded.
"""

from alembic import context

from reports import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    # SQLite rolls CREATE and ALTER back like all else, and the transaction is the caller's.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
