# SPDX-License-Identifier: EUPL-1.2
"""What erasing leaves: entries without a record, notices without a signal, months that are gone."""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"


def upgrade() -> None:
    """Make room for what is gone."""
    op.execute("ALTER TABLE events ALTER COLUMN record DROP NOT NULL")
    op.execute("ALTER TABLE events ADD COLUMN key_gone BOOLEAN NOT NULL DEFAULT false")
    op.execute("CREATE INDEX events_erased ON events (id) WHERE erased_by IS NOT NULL AND record IS NOT NULL")
    op.execute("ALTER TABLE notices ALTER COLUMN my_signal DROP NOT NULL")
    op.execute("CREATE TABLE erased_months (month TEXT PRIMARY KEY, event_id UUID NOT NULL, last BIGINT NOT NULL)")


def downgrade() -> None:
    """Go back, as far as nothing was erased yet."""
    op.execute("DROP TABLE erased_months")
    op.execute("DELETE FROM notices WHERE my_signal IS NULL")
    op.execute("ALTER TABLE notices ALTER COLUMN my_signal SET NOT NULL")
    op.execute("DROP INDEX events_erased")
    op.execute("ALTER TABLE events DROP COLUMN key_gone")
    op.execute("ALTER TABLE events ALTER COLUMN record SET NOT NULL")
