# SPDX-License-Identifier: EUPL-1.2
"""Requests for more among what is counted of a month."""

from typing import Final

from alembic import op

revision: Final = "0016"
down_revision: Final = "0015"


def upgrade() -> None:
    """Add their numbers; of months that were counted before it stays none, which is never shown."""
    for measure in ("asked", "given", "declined", "undecided"):
        op.execute(f"ALTER TABLE monthly_counts ADD COLUMN {measure} BIGINT NOT NULL DEFAULT 0")
