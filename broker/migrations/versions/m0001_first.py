# SPDX-License-Identifier: EUPL-1.2
"""The first schema. A migration is never changed once a broker ran it; ``tables.py`` says what the schema is."""

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

TAG_PARTITIONS: Final = 8
_STATEMENTS: Final = (
    """
    CREATE TABLE signals (
        id UUID NOT NULL,
        agency TEXT NOT NULL,
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        grounds TEXT[] NOT NULL,
        basis TEXT NOT NULL,
        case_token BYTEA NOT NULL,
        urgency TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        informed TEXT NOT NULL,
        review_on DATE,
        supersedes UUID,
        key_id TEXT NOT NULL,
        signature BYTEA NOT NULL,
        part_digests JSONB NOT NULL,
        digest BYTEA NOT NULL,
        state TEXT NOT NULL,
        event_id UUID NOT NULL,
        ended_event_id UUID,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX signals_live ON signals (expires_at) WHERE state = 'live'
    """,
    """
    CREATE TABLE tags (
        tag BYTEA NOT NULL,
        signal_id UUID NOT NULL,
        role TEXT NOT NULL,
        kind TEXT NOT NULL,
        agency TEXT NOT NULL,
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        case_hash BIGINT NOT NULL,
        contact_wrap BYTEA,
        content_wrap BYTEA,
        PRIMARY KEY (tag, signal_id, role)
    )
     PARTITION BY HASH (tag)
    """,
    """
    CREATE INDEX tags_signal ON tags (signal_id)
    """,
    """
    CREATE TABLE parts (
        signal_id UUID NOT NULL,
        name TEXT NOT NULL,
        ciphertext BYTEA NOT NULL,
        PRIMARY KEY (signal_id, name)
    )
    """,
    """
    CREATE TABLE hits (
        first_signal UUID NOT NULL,
        second_signal UUID NOT NULL,
        id UUID NOT NULL,
        first_agency TEXT NOT NULL,
        second_agency TEXT NOT NULL,
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        quality TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (first_signal, second_signal)
    )
    """,
    """
    CREATE INDEX hits_second ON hits (second_signal)
    """,
    """
    CREATE TABLE known_pairs (
        first_token BYTEA NOT NULL,
        second_token BYTEA NOT NULL,
        first_agency TEXT NOT NULL,
        second_agency TEXT NOT NULL,
        purpose TEXT NOT NULL,
        hit_id UUID NOT NULL,
        PRIMARY KEY (first_token, second_token, first_agency, second_agency, purpose)
    )
    """,
    """
    CREATE TABLE notices (
        agency TEXT NOT NULL,
        seq BIGINT NOT NULL,
        type TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        event_id UUID NOT NULL,
        my_signal UUID NOT NULL,
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        hit_id UUID,
        their_signal UUID,
        quality TEXT,
        level TEXT,
        urgency TEXT,
        agreed JSONB,
        rule TEXT,
        reason TEXT,
        kind TEXT,
        signals BIGINT,
        PRIMARY KEY (agency, seq),
        CONSTRAINT notices_once UNIQUE (agency, hit_id, type)
    )
    """,
    """
    CREATE TABLE notice_counters (
        agency TEXT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (agency)
    )
    """,
    """
    CREATE TABLE muted_tags (
        tag BYTEA NOT NULL,
        agency TEXT NOT NULL,
        event_id UUID NOT NULL,
        PRIMARY KEY (tag, agency)
    )
    """,
    """
    CREATE TABLE match_queue (
        id UUID NOT NULL,
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        signals UUID[] NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE events (
        id UUID NOT NULL,
        log_index BIGINT,
        leaf BYTEA NOT NULL,
        record TEXT NOT NULL,
        record_salt BYTEA NOT NULL,
        subject TEXT NOT NULL,
        subject_salt BYTEA NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (log_index)
    )
    """,
    """
    CREATE INDEX events_unnumbered ON events (id) WHERE log_index IS NULL
    """,
    """
    CREATE TABLE log_tiles (
        level SMALLINT NOT NULL,
        n BIGINT NOT NULL,
        hashes BYTEA NOT NULL,
        PRIMARY KEY (level, n)
    )
    """,
    """
    CREATE TABLE log_head (
        origin TEXT NOT NULL,
        size BIGINT NOT NULL,
        frontier BYTEA NOT NULL,
        note TEXT NOT NULL,
        published_size BIGINT NOT NULL,
        published_note TEXT,
        PRIMARY KEY (origin)
    )
    """,
    """
    CREATE TABLE checkpoints (
        size BIGINT NOT NULL,
        note TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (size)
    )
    """,
    """
    CREATE TABLE cosignatures (
        size BIGINT NOT NULL,
        witness TEXT NOT NULL,
        line TEXT NOT NULL,
        PRIMARY KEY (size, witness)
    )
    """,
    """
    CREATE TABLE idempotency (
        agency TEXT NOT NULL,
        key TEXT NOT NULL,
        digest BYTEA NOT NULL,
        results JSONB NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (agency, key)
    )
    """,
    """
    CREATE TABLE requests (
        id UUID NOT NULL,
        key_id TEXT NOT NULL,
        base BYTEA NOT NULL,
        signature BYTEA NOT NULL,
        body_digest BYTEA NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE nonces (
        party TEXT NOT NULL,
        nonce TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (party, nonce)
    )
    """,
    """
    CREATE TABLE key_statements (
        purpose TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        holder SMALLINT NOT NULL,
        statement TEXT NOT NULL,
        event_id UUID NOT NULL,
        PRIMARY KEY (purpose, epoch, holder)
    )
    """,
    """
    CREATE TABLE covenants (
        sha256 TEXT NOT NULL,
        event_id UUID NOT NULL,
        PRIMARY KEY (sha256)
    )
    """,
)


def upgrade() -> None:
    """Make every table."""
    for statement in _STATEMENTS:
        op.execute(statement)
    for number in range(TAG_PARTITIONS):
        op.execute(
            f"CREATE TABLE tags_{number} PARTITION OF tags "
            f"FOR VALUES WITH (MODULUS {TAG_PARTITIONS}, REMAINDER {number})"
        )
    # Sealed parts and wraps are random bytes: trying to compress them only costs time.
    op.execute("ALTER TABLE parts ALTER COLUMN ciphertext SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Refuse: the first schema has nothing to go back to."""
    raise NotImplementedError("restore a backup instead")
