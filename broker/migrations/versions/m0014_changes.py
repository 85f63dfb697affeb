# SPDX-License-Identifier: EUPL-1.2
"""Signals that are restricted or were extended, and who carried out what it was told."""

from typing import Final

from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"


def upgrade() -> None:
    """Add what changes of a signal leave, and let a hit be restricted more than once."""
    op.execute("ALTER TABLE signals ADD COLUMN restricted_by UUID")
    op.execute("ALTER TABLE signals ADD COLUMN extensions SMALLINT NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE notices ADD COLUMN acknowledged_by UUID")
    op.execute("ALTER TABLE notices DROP CONSTRAINT notices_once")
    op.execute(
        """CREATE UNIQUE INDEX notices_once ON notices (agency, hit_id, type)
           WHERE type IN ('hit', 'withdrawn', 'late', 'doubted')"""
    )
    op.execute("CREATE INDEX notices_of_hit ON notices (agency, hit_id)")
