# SPDX-License-Identifier: EUPL-1.2
"""Signals that wait for a counterpart, the notice that it is overdue, and counts of closed months."""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Add what is needed; signals that stand already wait for nobody."""
    op.execute("ALTER TABLE signals ADD COLUMN awaited_since TIMESTAMP WITH TIME ZONE")
    op.execute("CREATE INDEX signals_awaited ON signals (purpose, awaited_since) WHERE awaited_since IS NOT NULL")
    op.execute("ALTER TABLE notices ADD COLUMN due_since TIMESTAMP WITH TIME ZONE")
    op.execute("CREATE UNIQUE INDEX notices_overdue_once ON notices (agency, my_signal) WHERE type = 'overdue'")
    op.execute(
        """
        CREATE TABLE monthly_counts (
            purpose TEXT NOT NULL,
            month DATE NOT NULL,
            kind TEXT NOT NULL,
            registered BIGINT NOT NULL,
            withdrawn BIGINT NOT NULL,
            expired BIGINT NOT NULL,
            hit BIGINT NOT NULL,
            probable BIGINT NOT NULL,
            possible BIGINT NOT NULL,
            PRIMARY KEY (purpose, month, kind)
        )
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE monthly_counts")
    op.execute("DROP INDEX notices_overdue_once")
    op.execute("ALTER TABLE notices DROP COLUMN due_since")
    op.execute("DROP INDEX signals_awaited")
    op.execute("ALTER TABLE signals DROP COLUMN awaited_since")
