# SPDX-License-Identifier: EUPL-1.2
"""The broker's tables. Pseudonyms, sealed content and policy facts; never a name, never a key.

Rules from the first day, so that the same schema spreads over machines with Citus: every primary or unique key holds
its table's distribution column, there is no foreign key, and every id is made in Python. Distribution columns: tags
``tag`` (one machine: hash-partitioned by it); signals and parts the signal's id; hits ``first_signal``; notices
``agency``; events and the log's tables stay on one machine.
Not here: the SQL that fills them (``postgres/``) and how they came to be (``migrations/``).
"""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

TAG_PARTITIONS: Final = 8
"""Partitions of the tag rows on one machine: keeps each index small without making a batch visit many."""

_TIME: Any = DateTime(timezone=True)
_UUID: Any = postgresql.UUID(as_uuid=True)


class Table(SQLModel, registry=registry()):
    """What every table of this file is; a registry of its own keeps these tables apart from other roles' tables."""


class SignalTable(Table, table=True):
    """A signal without its keys and parts; it stays after its end, as the trace of what was."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("signals_live", "expires_at", postgresql_where=text("state = 'live'")),
        Index("signals_case", "case_token", postgresql_where=text("state = 'live'")),
        Index("signals_awaited", "purpose", "awaited_since", postgresql_where=text("awaited_since IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True, sa_type=_UUID)
    agency: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    grounds: list[str] = Field(sa_type=ARRAY(Text))
    basis: str = Field(sa_type=Text)
    case_token: bytes = Field(sa_type=LargeBinary)
    urgency: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=_TIME)
    informed: str = Field(sa_type=Text)
    review_on: date | None = None
    supersedes: UUID | None = Field(default=None, sa_type=_UUID)
    key_id: str = Field(sa_type=Text)
    signature: bytes = Field(sa_type=LargeBinary)
    part_digests: dict[str, str] = Field(sa_type=JSONB)
    digest: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the signal as sent: the same id with other content is refused."""
    state: str = Field(sa_type=Text)
    event_id: UUID = Field(sa_type=_UUID)
    ended_event_id: UUID | None = Field(default=None, sa_type=_UUID)
    awaited_since: datetime | None = Field(default=None, sa_type=_TIME)
    restricted_by: UUID | None = Field(default=None, sa_type=_UUID)
    """The event that restricted it, while it is restricted: neither matched nor shown."""
    extensions: int = Field(default=0, sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    """How often it was given a new end."""
    told: str = Field(sa_type=Text)
    """Who hears of it: its agency, or of a canary the supervisor that planted it under that agency's name."""
    """When it was registered, while it waits for a counterpart that the purpose awaits; none once told or met."""


class TagTable(Table, table=True):
    """One match key of a live signal. Holds what matching needs, so that matching reads no other table by tag."""

    __tablename__ = "tags"
    __table_args__ = (Index("tags_signal", "signal_id"), {"postgresql_partition_by": "HASH (tag)"})

    tag: bytes = Field(primary_key=True, sa_type=LargeBinary)
    signal_id: UUID = Field(primary_key=True, sa_type=_UUID)
    role: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    agency: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    case_hash: int = Field(sa_type=BigInteger)
    """First 8 bytes of the case token, to count different cases; two cases of one agency that collide count as one."""
    contact_wrap: bytes | None = Field(default=None, sa_type=LargeBinary)
    content_wrap: bytes | None = Field(default=None, sa_type=LargeBinary)
    canary: bool = Field(default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")})
    """Of a signal about nobody: it never counts among its agency's uses of a value."""


class PartTable(Table, table=True):
    """A sealed part of a live signal."""

    __tablename__ = "parts"

    signal_id: UUID = Field(primary_key=True, sa_type=_UUID)
    epoch: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    name: str = Field(primary_key=True, sa_type=Text)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class EarlierRegistrationTable(Table, table=True):
    """What a live signal's sender signed for an epoch that is passing, beside the signal's own row for the newest."""

    __tablename__ = "earlier_registrations"
    __table_args__ = (Index("earlier_registrations_left", "epoch", postgresql_where=text("NOT retired")),)

    signal_id: UUID = Field(primary_key=True, sa_type=_UUID)
    epoch: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    key_id: str = Field(sa_type=Text)
    signature: bytes = Field(sa_type=LargeBinary)
    part_digests: dict[str, str] = Field(sa_type=JSONB)
    retired: bool = Field(default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")})
    """Whether its epoch is over: tags and parts of it are gone, the signature stays as long as the signal's row."""


class HitTable(Table, table=True):
    """An unordered pair of signals that agree, stored with the lower id first: unique whatever came first."""

    __tablename__ = "hits"
    __table_args__ = (Index("hits_second", "second_signal"),)

    first_signal: UUID = Field(primary_key=True, sa_type=_UUID)
    second_signal: UUID = Field(primary_key=True, sa_type=_UUID)
    id: UUID = Field(sa_type=_UUID)
    first_agency: str = Field(sa_type=Text)
    second_agency: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    quality: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME)


class KnownPairTable(Table, table=True):
    """Two cases whose agencies were told of each other by a hit; told once while that hit stands."""

    __tablename__ = "known_pairs"

    first_token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    second_token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    first_agency: str = Field(primary_key=True, sa_type=Text)
    second_agency: str = Field(primary_key=True, sa_type=Text)
    purpose: str = Field(primary_key=True, sa_type=Text)
    hit_id: UUID = Field(sa_type=_UUID)


class FollowUpTable(Table, table=True):
    """How far an agency is with a hit that it was told of, and until when it has to follow it up."""

    __tablename__ = "follow_ups"
    __table_args__ = (Index("follow_ups_due", "due_at", postgresql_where=text("state = 'open' AND NOT late")),)

    agency: str = Field(primary_key=True, sa_type=Text)
    hit_id: UUID = Field(primary_key=True, sa_type=_UUID)
    my_signal: UUID = Field(sa_type=_UUID)
    their_signal: UUID = Field(sa_type=_UUID)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)
    outcome: str | None = Field(default=None, sa_type=Text)
    due_at: datetime = Field(sa_type=_TIME)
    late: bool = Field(sa_type=Boolean)
    """Whether it was told that it is late: once."""


class NoticeTable(Table, table=True):
    """What one agency is told, numbered without gaps. Sealed content is read from tags and parts when it is fetched, so
    that what was withdrawn is not given out again.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "notices_once",
            *("agency", "hit_id", "type"),
            unique=True,
            postgresql_where=text("type IN ('hit', 'withdrawn', 'late', 'doubted')"),
        ),
        Index("notices_of_hit", "agency", "hit_id"),
        Index("notices_overdue_once", "agency", "my_signal", unique=True, postgresql_where=text("type = 'overdue'")),
    )

    agency: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    type: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME)
    event_id: UUID = Field(sa_type=_UUID)
    my_signal: UUID | None = Field(default=None, sa_type=_UUID)
    """None when what was told is erased: the number stays."""
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    hit_id: UUID | None = Field(default=None, sa_type=_UUID)
    their_signal: UUID | None = Field(default=None, sa_type=_UUID)
    quality: str | None = Field(default=None, sa_type=Text)
    level: str | None = Field(default=None, sa_type=Text)
    urgency: str | None = Field(default=None, sa_type=Text)
    agreed: list[list[str]] | None = Field(default=None, sa_type=JSONB)
    """[kind, my role, their role] of each key that agreed."""
    rule: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    kind: str | None = Field(default=None, sa_type=Text)
    signals: int | None = Field(default=None, sa_type=BigInteger)
    due_since: datetime | None = Field(default=None, sa_type=_TIME)
    acknowledged_by: UUID | None = Field(default=None, sa_type=_UUID)
    """The event by which its agency said that it carried out what this tells."""
    disclosure_id: UUID | None = Field(default=None, sa_type=_UUID)
    act_event_id: UUID | None = Field(default=None, sa_type=_UUID)
    """Of a request for more: the event of what happened to it."""


class DisclosureTable(Table, table=True):
    """A request for more than a hit tells. What is asked and given is sealed; it goes when the request is over."""

    __tablename__ = "disclosures"
    __table_args__ = (
        Index("disclosures_asker_signal", "asker_signal"),
        Index("disclosures_owner_signal", "owner_signal"),
        Index("disclosures_live", "due_at", postgresql_where=text("state IN ('requested', 'approved', 'granted')")),
    )

    id: UUID = Field(primary_key=True, sa_type=_UUID)
    hit_id: UUID = Field(sa_type=_UUID)
    asker: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    asker_signal: UUID = Field(sa_type=_UUID)
    owner_signal: UUID = Field(sa_type=_UUID)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)
    canary: bool = Field(sa_type=Boolean)
    requested_at: datetime = Field(sa_type=_TIME)
    due_at: datetime = Field(sa_type=_TIME)
    fetch_by: datetime | None = Field(default=None, sa_type=_TIME)
    body_digest: bytes = Field(sa_type=LargeBinary)
    event_id: UUID = Field(sa_type=_UUID)
    why_digest: bytes = Field(sa_type=LargeBinary)
    wanted: bytes | None = Field(default=None, sa_type=LargeBinary)
    wanted_digest: bytes = Field(sa_type=LargeBinary)
    key_id: str = Field(sa_type=Text)
    signature: bytes = Field(sa_type=LargeBinary)
    approver: str | None = Field(default=None, sa_type=Text)
    """The owner's own opaque reference to who approved as the first of two."""
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    answer_digest: str | None = Field(default=None, sa_type=Text)
    refusal: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class DisclosureChunkTable(Table, table=True):
    """One sealed piece of an answer, until it was read or nobody needs it any more."""

    __tablename__ = "disclosure_chunks"

    disclosure_id: UUID = Field(primary_key=True, sa_type=_UUID)
    answer_id: UUID = Field(primary_key=True, sa_type=_UUID)
    place: int = Field(primary_key=True, sa_type=SmallInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class NoticeCounterTable(Table, table=True):
    """The last number given to an agency's notices; its row lock orders the passes that tell the same agency."""

    __tablename__ = "notice_counters"

    agency: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(sa_type=BigInteger)


class MutedTagTable(Table, table=True):
    """A tag that one agency uses on so many cases that it points at nobody."""

    __tablename__ = "muted_tags"

    tag: bytes = Field(primary_key=True, sa_type=LargeBinary)
    agency: str = Field(primary_key=True, sa_type=Text)
    event_id: UUID = Field(sa_type=_UUID)


class MatchQueueTable(Table, table=True):
    """A batch of accepted signals that still has to be matched."""

    __tablename__ = "match_queue"

    id: UUID = Field(primary_key=True, sa_type=_UUID)
    purpose: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    signals: list[UUID] = Field(sa_type=ARRAY(_UUID))


def _read_by(name: str, who: str, more: str = "") -> Index:
    # Only what is numbered and not erased can be read, so that an event costs the index one row and not two.
    where = text(f"log_index IS NOT NULL AND record IS NOT NULL AND {who} IS NOT NULL{more}")
    return Index(name, who, "kind", "purpose", "log_index", postgresql_include=["at"], postgresql_where=where)


class EventTable(Table, table=True):
    """An event of the log: written in the transaction of its act, numbered later by the sequencer.

    Its opening is sealed under keys that are not in the database (``sealing.py``). In clear stands only what it is
    found by; of all that nothing is about a subject.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("events_unnumbered", "id", postgresql_where=text("log_index IS NULL")),
        _read_by("events_of_agency", "agency"),
        _read_by("events_told", "recipient"),
        _read_by("events_concerning", "concerns", " AND NOT canary"),
        Index(
            "events_of_kind",
            "kind",
            "purpose",
            "log_index",
            postgresql_include=["at", "agency", "recipient", "agencies"],
            postgresql_where=text("log_index IS NOT NULL AND record IS NOT NULL"),
        ),
        Index("events_erased", "id", postgresql_where=text("erased_by IS NOT NULL AND record IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True, sa_type=_UUID)
    log_index: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    leaf: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=_TIME)
    """The act's time, whose month (UTC) names the keys."""
    kind: int = Field(sa_type=SmallInteger)
    """The event's tag (``protocol/events.py``)."""
    agency: str | None = Field(default=None, sa_type=Text)
    recipient: str | None = Field(default=None, sa_type=Text)
    concerns: str | None = Field(default=None, sa_type=Text)
    """The agency of whose signal somebody was told or read."""
    agencies: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    """Both agencies of a match."""
    purpose: str | None = Field(default=None, sa_type=Text)
    decision: str | None = Field(default=None, sa_type=Text)
    canary: bool = Field(sa_type=Boolean)
    record: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The record and its salt, sealed; none when the month was erased, and ``at`` is then the month's begin."""
    subject: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The subject part and its salt, sealed; none when it was erased."""
    erased_by: UUID | None = Field(default=None, sa_type=_UUID)
    """The event that says that the subject part was erased, or all of it with its month."""
    key_gone: bool = Field(default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")})
    """Of an erased subject part: whether its key was destroyed too."""


class ErasedMonthTable(Table, table=True):
    """A month of the log of which only leaves are left, and the event that says so."""

    __tablename__ = "erased_months"

    month: str = Field(primary_key=True, sa_type=Text)
    event_id: UUID = Field(sa_type=_UUID)
    last: int = Field(sa_type=BigInteger)
    """Its last index."""


class EventHandleTable(Table, table=True):
    """A keyed hash by which an event is found: of its signals, hit, tag digests, and the person who acted."""

    __tablename__ = "event_handles"
    __table_args__ = (Index("event_handles_event", "event_id"),)

    handle: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    event_id: UUID = Field(primary_key=True, sa_type=_UUID)


class LogTileTable(Table, table=True):
    """One growing row of hashes; every partial tile is a prefix of it."""

    __tablename__ = "log_tiles"

    level: int = Field(primary_key=True, sa_type=SmallInteger)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    hashes: bytes = Field(sa_type=LargeBinary)


class LogHeadTable(Table, table=True):
    """The log's head: the newest tree that we signed, and the newest that has its witness quorum."""

    __tablename__ = "log_head"

    origin: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    frontier: bytes = Field(sa_type=LargeBinary)
    note: str = Field(sa_type=Text)
    published_size: int = Field(sa_type=BigInteger)
    published_note: str | None = Field(default=None, sa_type=Text)


class CheckpointTable(Table, table=True):
    """Every checkpoint that we signed, and what the witnesses added."""

    __tablename__ = "checkpoints"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    note: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME)


class CosignatureTable(Table, table=True):
    """A witness's cosignature line on a checkpoint."""

    __tablename__ = "cosignatures"
    __table_args__ = (Index("cosignatures_of_witness", "witness", "size"),)

    size: int = Field(primary_key=True, sa_type=BigInteger)
    witness: str = Field(primary_key=True, sa_type=Text)
    line: str = Field(sa_type=Text)


class AgencyCosignatureTable(Table, table=True):
    """The newest cosignature of an agency's client; for the quorum none of them counts."""

    __tablename__ = "agency_cosignatures"

    witness: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    line: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME)
    """When the agency signed it, by its own clock."""


class LogContradictionTable(Table, table=True):
    """A checkpoint that our own key signed and our tree denies: with one of these the log stays frozen."""

    __tablename__ = "log_contradictions"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    root: bytes = Field(primary_key=True, sa_type=LargeBinary)
    note: str = Field(sa_type=Text)
    shown_by: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME)


class IdempotencyTable(Table, table=True):
    """The answer to a request that may be sent again under the same key."""

    __tablename__ = "idempotency"

    agency: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)
    results: list[dict[str, Any]] = Field(sa_type=JSONB)
    expires_at: datetime = Field(sa_type=_TIME)


class RequestTable(Table, table=True):
    """What an agency signed to make us act: evidence that it asked."""

    __tablename__ = "requests"

    id: UUID = Field(primary_key=True, sa_type=_UUID)
    key_id: str = Field(sa_type=Text)
    base: bytes = Field(sa_type=LargeBinary)
    signature: bytes = Field(sa_type=LargeBinary)
    body_digest: bytes = Field(sa_type=LargeBinary)


class NonceTable(Table, table=True):
    """A nonce seen, until the request that carried it is too old to be accepted anyway."""

    __tablename__ = "nonces"

    party: str = Field(primary_key=True, sa_type=Text)
    nonce: str = Field(primary_key=True, sa_type=Text)
    expires_at: datetime = Field(sa_type=_TIME)


class MonthlyCountTable(Table, table=True):
    """What happened under a purpose in a closed month, at agencies of one kind: counted once, from the events."""

    __tablename__ = "monthly_counts"

    purpose: str = Field(primary_key=True, sa_type=Text)
    month: date = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=Text)
    registered: int = Field(sa_type=BigInteger)
    withdrawn: int = Field(sa_type=BigInteger)
    expired: int = Field(sa_type=BigInteger)
    hit: int = Field(sa_type=BigInteger)
    probable: int = Field(sa_type=BigInteger)
    possible: int = Field(sa_type=BigInteger)
    asked: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    given: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    declined: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    undecided: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class ProbeCountTable(Table, table=True):
    """How many of an agency's signals of a month were probes, as it declared."""

    __tablename__ = "probe_counts"

    agency: str = Field(primary_key=True, sa_type=Text)
    purpose: str = Field(primary_key=True, sa_type=Text)
    month: date = Field(primary_key=True)
    registered: int = Field(sa_type=BigInteger)
    withdrawn: int = Field(sa_type=BigInteger)
    expired: int = Field(sa_type=BigInteger)
    hit: int = Field(sa_type=BigInteger)
    probable: int = Field(sa_type=BigInteger)
    possible: int = Field(sa_type=BigInteger)
    event_id: UUID = Field(sa_type=_UUID)


class UnusualTable(Table, table=True):
    """Unusual use that was put in the log: once an agency, purpose, reason and day (UTC)."""

    __tablename__ = "unusual"

    agency: str = Field(primary_key=True, sa_type=Text)
    purpose: str = Field(primary_key=True, sa_type=Text)
    reason: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True)
    event_id: UUID = Field(sa_type=_UUID)


class ReportedHourTable(Table, table=True):
    """An hour that a key-holder reported: once."""

    __tablename__ = "reported_hours"

    holder: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    hour: datetime = Field(primary_key=True, sa_type=_TIME)


class KeyStatementTable(Table, table=True):
    """A key-holder's signed statement for a purpose and epoch; the first one stands."""

    __tablename__ = "key_statements"

    purpose: str = Field(primary_key=True, sa_type=Text)
    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    holder: int = Field(primary_key=True, sa_type=SmallInteger)
    statement: str = Field(sa_type=Text)
    event_id: UUID = Field(sa_type=_UUID)


class CovenantTable(Table, table=True):
    """A covenant under which this broker ran, and the event of its activation."""

    __tablename__ = "covenants"

    sha256: str = Field(primary_key=True, sa_type=Text)
    event_id: UUID = Field(sa_type=_UUID)
