# SPDX-License-Identifier: EUPL-1.2
"""The hours that key-holders reported."""

from typing import Final

from alembic import op

revision: Final = "0011"
down_revision: Final = "0009"


def upgrade() -> None:
    """Add the table."""
    op.execute(
        """
        CREATE TABLE reported_hours (
            holder SMALLINT NOT NULL,
            hour TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (holder, hour)
        )
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE reported_hours")
