# SPDX-License-Identifier: EUPL-1.2
"""What Alembic runs around a migration: always on a connection that ``broker/migrate.py`` opened."""

from alembic import context

from broker import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.SignalTable.metadata)
with context.begin_transaction():
    context.run_migrations()
