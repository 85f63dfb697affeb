# SPDX-License-Identifier: EUPL-1.2
"""Events whose openings are sealed under keys outside the database, what they are found by, and keyed handles."""

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """Add what is needed. There was no release: a database that holds events already cannot be taken along."""
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT 1 FROM events) THEN
                RAISE EXCEPTION 'this database holds a log of a version before the first release; begin a new one';
            END IF;
        END $$
        """
    )
    op.execute("ALTER TABLE events DROP COLUMN record, DROP COLUMN record_salt, DROP COLUMN subject")
    op.execute("ALTER TABLE events DROP COLUMN subject_salt")
    op.execute(
        """
        ALTER TABLE events
            ADD COLUMN at TIMESTAMP WITH TIME ZONE NOT NULL,
            ADD COLUMN kind SMALLINT NOT NULL,
            ADD COLUMN agency TEXT,
            ADD COLUMN recipient TEXT,
            ADD COLUMN concerns TEXT,
            ADD COLUMN agencies TEXT[],
            ADD COLUMN purpose TEXT,
            ADD COLUMN decision TEXT,
            ADD COLUMN canary BOOLEAN NOT NULL,
            ADD COLUMN record BYTEA NOT NULL,
            ADD COLUMN subject BYTEA,
            ADD COLUMN erased_by UUID
        """
    )
    op.execute(
        """
        CREATE TABLE event_handles (
            handle BIGINT NOT NULL,
            event_id UUID NOT NULL,
            PRIMARY KEY (handle, event_id)
        )
        """
    )
    op.execute("CREATE INDEX event_handles_event ON event_handles (event_id)")


def downgrade() -> None:
    """Go back; the log is lost."""
    op.execute("DROP TABLE event_handles")
    op.execute("DELETE FROM events")
    op.execute(
        """
        ALTER TABLE events
            DROP COLUMN at, DROP COLUMN kind, DROP COLUMN agency, DROP COLUMN recipient, DROP COLUMN concerns,
            DROP COLUMN agencies, DROP COLUMN purpose, DROP COLUMN decision, DROP COLUMN canary, DROP COLUMN record,
            DROP COLUMN subject, DROP COLUMN erased_by
        """
    )
    op.execute(
        """
        ALTER TABLE events
            ADD COLUMN record TEXT NOT NULL, ADD COLUMN record_salt BYTEA NOT NULL,
            ADD COLUMN subject TEXT NOT NULL, ADD COLUMN subject_salt BYTEA NOT NULL
        """
    )
