"""What Alembic runs to reach the database: in the transaction that `schema.migrate` hands over."""

from __future__ import annotations

from alembic import context

from batch_pipelines.ledger.schema import VERSION_TABLE
from batch_pipelines.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
