# SPDX-License-Identifier: EUPL-1.2
"""Canaries: who hears of a signal, and which tags are about nobody. Unusual use: what was said once stays said."""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Add what is needed; of the signals that stand already none is a canary."""
    op.execute("ALTER TABLE signals ADD COLUMN told TEXT")
    op.execute("UPDATE signals SET told = agency")
    op.execute("ALTER TABLE signals ALTER COLUMN told SET NOT NULL")
    op.execute("ALTER TABLE tags ADD COLUMN canary BOOLEAN NOT NULL DEFAULT false")
    op.execute(
        """
        CREATE TABLE unusual (
            agency TEXT NOT NULL,
            purpose TEXT NOT NULL,
            reason TEXT NOT NULL,
            day DATE NOT NULL,
            event_id UUID NOT NULL,
            PRIMARY KEY (agency, purpose, reason, day)
        )
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE unusual")
    op.execute("ALTER TABLE tags DROP COLUMN canary")
    op.execute("ALTER TABLE signals DROP COLUMN told")
