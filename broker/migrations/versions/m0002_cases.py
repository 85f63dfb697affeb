# SPDX-License-Identifier: EUPL-1.2
"""An index of live signals by case: when a signal ends, the case's other signals are matched again."""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX signals_case ON signals (case_token) WHERE state = 'live'")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX signals_case")
