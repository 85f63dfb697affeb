# SPDX-License-Identifier: EUPL-1.2
"""How far each agency is with each hit that it was told of."""

from typing import Final

from alembic import op

revision: Final = "0013"
down_revision: Final = "0007"


def upgrade() -> None:
    """Add the table of follow-ups. Hits told of before have none: nobody is late by a rule that came after."""
    op.execute(
        """
        CREATE TABLE follow_ups (
            agency TEXT NOT NULL,
            hit_id UUID NOT NULL,
            my_signal UUID NOT NULL,
            their_signal UUID NOT NULL,
            purpose TEXT NOT NULL,
            epoch BIGINT NOT NULL,
            state TEXT NOT NULL,
            outcome TEXT,
            due_at TIMESTAMPTZ NOT NULL,
            late BOOLEAN NOT NULL,
            PRIMARY KEY (agency, hit_id)
        )
        """
    )
    op.execute("CREATE INDEX follow_ups_due ON follow_ups (due_at) WHERE state = 'open' AND NOT late")
