# SPDX-License-Identifier: EUPL-1.2
"""Indexes by which entries of the log are read: by who acted, was told or is concerned, by kind, purpose and place."""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0006"


def upgrade() -> None:
    """Add them. Only numbered entries can be read, so that an event costs each index one row and not two; what else a
    search looks at goes along, so that rows are read for a page only.
    """
    op.execute(
        "CREATE INDEX events_of_agency ON events (agency, kind, purpose, log_index) INCLUDE (at) "
        "WHERE log_index IS NOT NULL AND record IS NOT NULL AND agency IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX events_told ON events (recipient, kind, purpose, log_index) INCLUDE (at) "
        "WHERE log_index IS NOT NULL AND record IS NOT NULL AND recipient IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX events_concerning ON events (concerns, kind, purpose, log_index) INCLUDE (at) "
        "WHERE log_index IS NOT NULL AND record IS NOT NULL AND concerns IS NOT NULL AND NOT canary"
    )
    op.execute(
        "CREATE INDEX events_of_kind ON events (kind, purpose, log_index) INCLUDE (at, agency, recipient, agencies) "
        "WHERE log_index IS NOT NULL AND record IS NOT NULL"
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("events_of_kind", "events_concerning", "events_told", "events_of_agency"):
        op.execute(f"DROP INDEX {name}")
