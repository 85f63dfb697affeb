# SPDX-License-Identifier: EUPL-1.2
"""Cosignatures of agencies, checkpoints that our own key signed and our tree denies, and how far each witness is."""

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """Add what is needed."""
    op.execute("CREATE INDEX cosignatures_of_witness ON cosignatures (witness, size)")
    op.execute(
        """
        CREATE TABLE agency_cosignatures (
            witness TEXT NOT NULL PRIMARY KEY,
            size BIGINT NOT NULL,
            root BYTEA NOT NULL,
            line TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE log_contradictions (
            size BIGINT NOT NULL,
            root BYTEA NOT NULL,
            note TEXT NOT NULL,
            shown_by TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (size, root)
        )
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE log_contradictions")
    op.execute("DROP TABLE agency_cosignatures")
    op.execute("DROP INDEX cosignatures_of_witness")
