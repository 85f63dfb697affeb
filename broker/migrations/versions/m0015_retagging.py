# SPDX-License-Identifier: EUPL-1.2
"""A live signal registered anew for the next epoch, beside what it was sealed as for the last."""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final = "0012"


def upgrade() -> None:
    """Give parts their epoch, and keep the signature over those of an earlier one."""
    op.execute("ALTER TABLE parts ADD COLUMN epoch BIGINT")
    op.execute("UPDATE parts SET epoch = s.epoch FROM signals s WHERE s.id = parts.signal_id")
    op.execute("DELETE FROM parts WHERE epoch IS NULL")
    op.execute("ALTER TABLE parts ALTER COLUMN epoch SET NOT NULL")
    op.execute("ALTER TABLE parts DROP CONSTRAINT parts_pkey")
    op.execute("ALTER TABLE parts ADD PRIMARY KEY (signal_id, epoch, name)")
    op.execute(
        """
        CREATE TABLE earlier_registrations (
            signal_id UUID NOT NULL,
            epoch BIGINT NOT NULL,
            key_id TEXT NOT NULL,
            signature BYTEA NOT NULL,
            part_digests JSONB NOT NULL,
            retired BOOLEAN NOT NULL DEFAULT false,
            PRIMARY KEY (signal_id, epoch)
        )
        """
    )
    op.execute("CREATE INDEX earlier_registrations_left ON earlier_registrations (epoch) WHERE NOT retired")
