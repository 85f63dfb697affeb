# SPDX-License-Identifier: EUPL-1.2
"""What the agency's vault keeps, as SQLite tables.

Every column that could say something about a person (a reference, a name, a tag, an envelope key, a notice) is sealed
with the vault key, or is a keyed hash; columns in the clear hold only what an operator may see. Not here: the sealing
(``database.py``). Spec page: ``docs/guide-agency.md``, "What is on disk".
"""

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Row(SQLModel, registry=registry()):
    """What every row of this file is; a registry of its own keeps these tables apart from other roles' tables."""


class SettingRow(Row, table=True):
    """One value of the vault itself: its version, the last checkpoint, the last notice."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True)
    value: str


class SignalRow(Row, table=True):
    """A signal on its way. ``position`` is the order of reading, in which signals are sent."""

    __tablename__ = "signal"

    position: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    purpose: str
    record: bytes = Field(index=True)
    """Keyed hash of purpose and record reference; the same record again finds its signal by it."""
    digest: bytes
    """Keyed hash of all that would be sent about the record; another digest is a changed record."""
    state: str = Field(index=True)
    epoch: int | None = None
    draft: bytes
    """Sealed: the record's reference, match keys and parts (``draft.py``)."""
    envelope_keys: bytes | None = None
    """Sealed: the keys that open a counterpart's parts, one a match key."""
    posting: int | None = Field(default=None, index=True)
    """The outbox posting that carries it."""
    code: str | None = None
    rule: str | None = None
    created_at: str
    expires_at: str
    supersedes: str | None = None


class PostingRow(Row, table=True):
    """One request to the broker, exactly as it will be sent, however often."""

    __tablename__ = "posting"

    number: int | None = Field(default=None, primary_key=True)
    kind: str
    path: str
    idempotency_key: str = Field(unique=True)
    body: bytes | None
    """Sealed; dropped when the answer is proven, since the tags in it are personal data."""
    body_sha256: str
    purpose: str | None = None
    person: str | None = None
    about: str | None = Field(default=None, index=True)
    """The hit of an opening, the signal of a withdrawal."""
    state: str = Field(index=True)
    code: str | None = None
    created_at: str


class NoticeRow(Row, table=True):
    """A notice that was verified: its number and a keyed hash of its content, to recognise repeats."""

    __tablename__ = "notice"

    seq: int = Field(primary_key=True)
    type: str
    at: str
    digest: bytes
    notice: bytes | None
    """Sealed; hits have their own row, so this is of muted notices and of withdrawals."""


class HitRow(Row, table=True):
    """A hit that we were told and that was verified."""

    __tablename__ = "hit"

    id: str = Field(primary_key=True)
    seq: int
    signal: str = Field(index=True)
    purpose: str
    state: str
    told_at: str
    opened_at: str | None = None
    withdrawn_at: str | None = None
    missing_since: str | None = None
    """Since when we know of it without the parts that its level releases."""
    notice: bytes
    """Sealed: the notice with what it released; cut back to what may still be shown once the other side withdrew."""


class ReceiptRow(Row, table=True):
    """That an act of ours, or a notice to us, stands in the log at this place with this leaf."""

    __tablename__ = "receipt"

    place: int = Field(primary_key=True)
    kind: str
    about: str = Field(index=True)
    leaf: bytes
    opening: bytes
    """Sealed: the entry's opening, for who must show it later."""


class CheckpointRow(Row, table=True):
    """A cosigned checkpoint that receipts rest on, once, however many. Public, so in the clear."""

    __tablename__ = "checkpoint"

    size: int = Field(primary_key=True)
    note: str


class ProofRow(Row, table=True):
    """Which checkpoint's tree the receipt of a place was proven in."""

    __tablename__ = "receipt_proof"

    place: int = Field(primary_key=True)
    size: int


class SubtreeRow(Row, table=True):
    """The root over the log's entries from ``low`` up to ``high``: a step of every path that goes past them.

    The paths of a push have most steps in common, so that each is kept once. Public, so in the clear.
    """

    __tablename__ = "subtree"
    __table_args__ = ({"sqlite_with_rowid": False},)

    low: int = Field(primary_key=True)
    high: int = Field(primary_key=True)
    root: bytes


class KeySetRow(Row, table=True):
    """The public points of a purpose and epoch, as the log proved them. Public, so in the clear."""

    __tablename__ = "key_set"

    purpose: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    statements: str


class FindingRow(Row, table=True):
    """Evidence that did not hold: what was wrong, where, and both texts that contradict each other."""

    __tablename__ = "finding"

    number: int | None = Field(default=None, primary_key=True)
    code: str
    place: str
    """Where it was found, such as ``notice 7`` or ``key-holder kh-b``; with the code it tells a repeat."""
    detail: str
    ours: str = ""
    theirs: str = ""
    found_at: str
    seen_at: str | None = None


class CanaryRow(Row, table=True):
    """A canary of a supervisor, by the id of its signal."""

    __tablename__ = "canary"

    id: str = Field(primary_key=True)
    cover: str
    purpose: str
    reference: bytes
    """Sealed."""
    waiting: bytes | None
    """Sealed: the signal, its draft and its envelope keys, until the cover's signature is there."""
    created_at: str
    expires_at: str


class ProbeRow(Row, table=True):
    """A probe of one pair: what was pushed for it, and what came of it. No column says anything of a person."""

    __tablename__ = "probe"

    name: str = Field(primary_key=True)
    counterpart: str = Field(index=True)
    week: int
    number: int
    purpose: str
    epoch: int
    due_at: str
    their_due_at: str
    state: str = Field(index=True)
    signal: str | None = Field(default=None, index=True)
    kinds: str
    keys: int
    read_at: str | None = None
    their_at: str | None = None
    theirs: bytes | None = None
    """Sealed: the other agency's claim."""
    quality: str | None = None


class SubjectRequestRow(Row, table=True):
    """One step of a citizen's request for access; rows are only ever added."""

    __tablename__ = "subject_request"

    number: int | None = Field(default=None, primary_key=True)
    request: bytes = Field(index=True)
    """Keyed hash of the request's case reference."""
    step: str
    at: str
    said: bytes
    """Sealed: the case, and what this step says of it."""


class PersonRow(Row, table=True):
    """Who is behind an opaque person reference; only this agency can say."""

    __tablename__ = "person"

    reference: str = Field(primary_key=True)
    name: bytes
