# SPDX-License-Identifier: EUPL-1.2
"""Requests for more than a hit tells, the sealed pieces of their answers, and the notices about them."""

from typing import Final

from alembic import op

revision: Final = "0012"
down_revision: Final = "0014"


def upgrade() -> None:
    """Add the tables of disclosures, and what a notice of one refers to."""
    op.execute(
        """
        CREATE TABLE disclosures (
            id UUID PRIMARY KEY,
            hit_id UUID NOT NULL,
            asker TEXT NOT NULL,
            owner TEXT NOT NULL,
            asker_signal UUID NOT NULL,
            owner_signal UUID NOT NULL,
            purpose TEXT NOT NULL,
            epoch BIGINT NOT NULL,
            state TEXT NOT NULL,
            canary BOOLEAN NOT NULL,
            requested_at TIMESTAMPTZ NOT NULL,
            due_at TIMESTAMPTZ NOT NULL,
            fetch_by TIMESTAMPTZ,
            body_digest BYTEA NOT NULL,
            event_id UUID NOT NULL,
            why_digest BYTEA NOT NULL,
            wanted BYTEA,
            wanted_digest BYTEA NOT NULL,
            key_id TEXT NOT NULL,
            signature BYTEA NOT NULL,
            approver TEXT,
            answer JSONB,
            answer_digest TEXT,
            refusal JSONB
        )
        """
    )
    op.execute("CREATE INDEX disclosures_asker_signal ON disclosures (asker_signal)")
    op.execute("CREATE INDEX disclosures_owner_signal ON disclosures (owner_signal)")
    op.execute(
        "CREATE INDEX disclosures_live ON disclosures (due_at) WHERE state IN ('requested', 'approved', 'granted')"
    )
    op.execute(
        """
        CREATE TABLE disclosure_chunks (
            disclosure_id UUID NOT NULL,
            answer_id UUID NOT NULL,
            place SMALLINT NOT NULL,
            digest BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL,
            PRIMARY KEY (disclosure_id, answer_id, place)
        )
        """
    )
    op.execute("ALTER TABLE notices ADD COLUMN disclosure_id UUID")
    op.execute("ALTER TABLE notices ADD COLUMN act_event_id UUID")
