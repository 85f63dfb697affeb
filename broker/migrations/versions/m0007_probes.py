# SPDX-License-Identifier: EUPL-1.2
"""How many of each agency's signals of a month were probes, as it declared."""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0011"


def upgrade() -> None:
    """Add the table of declared probes."""
    op.execute(
        """
        CREATE TABLE probe_counts (
            agency TEXT NOT NULL,
            purpose TEXT NOT NULL,
            month DATE NOT NULL,
            registered BIGINT NOT NULL,
            withdrawn BIGINT NOT NULL,
            expired BIGINT NOT NULL,
            hit BIGINT NOT NULL,
            probable BIGINT NOT NULL,
            possible BIGINT NOT NULL,
            event_id UUID NOT NULL,
            PRIMARY KEY (agency, purpose, month)
        )
        """
    )
