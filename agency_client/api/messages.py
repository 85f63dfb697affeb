# SPDX-License-Identifier: EUPL-1.2
"""What the agency's own systems send to the local API and what they are answered.

Bounded and strict as every message of Sluis (``protocol/messages.py``). Spec page: ``docs/guide-systems.md``. Not here:
the routes.
"""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from agency_client.api.references import Reference
from agency_client.source_rows import MAX_CELL, MAX_COLUMNS
from agency_client.vault.hits import HitState
from protocol.messages import CodeText, Kind, Level, Message, Party, Problem, ProblemIssue, Purpose, Quality, Time

MAX_RECORDS: Final = 1_000
"""Records of one request, as signals of one push: seconds of one core, so that one system does not hold the others."""
MAX_VALUES: Final = 100
"""Values of one field, such as phone numbers: far more than anybody has."""
_EXACT: Final = 2**53
"""Whole numbers above it are not the same in every JSON reader: send them as text."""

_Scalar = (
    Annotated[str, StringConstraints(max_length=MAX_CELL)]
    | bool
    | Annotated[int, Field(ge=-_EXACT, le=_EXACT)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | None
)
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Fields = Annotated[
    dict[_Name, _Scalar | Annotated[list[_Scalar], Field(max_length=MAX_VALUES)]], Field(max_length=MAX_COLUMNS)
]


class RecordInput(Message):
    """``PUT /v1/records/{ref}``: all that the system knows of a record that may be used, by its own names of fields."""

    fields: Annotated[Fields, Field(repr=False)]


class NamedRecord(Message):
    """A record with its reference."""

    reference: Annotated[Reference, Field(repr=False)]
    fields: Annotated[Fields, Field(repr=False)]


class RecordsRequest(Message):
    """``POST /v1/records``: one record or many."""

    records: Annotated[tuple[NamedRecord, ...], Field(strict=False, min_length=1, max_length=MAX_RECORDS)]


Result = Literal["new", "known", "changed", "held-back", "quarantined", "refused"]


class RecordResult(Message):
    """What became of a record that was given. ``known``: nothing changed. ``held-back``: a coordinator withdrew it, and
    it did not change since. ``quarantined``: it cannot be used as it is. ``refused``: it is another system's.
    """

    reference: str
    result: Result
    quarantine: int | None = None
    """The number under which the record, or what could not be used of it, waits for repair."""
    errors: Annotated[tuple[ProblemIssue, ...], Field(strict=False)] = ()
    """What could not be used, by field; also of a record whose rest is used."""


class RecordsAnswer(Message):
    """A result a record, in the order given."""

    results: Annotated[tuple[RecordResult, ...], Field(strict=False)]


class RecordProblem(Problem):
    """Why a single record cannot be used, with its number in quarantine."""

    quarantine: int | None = None


class RecordSignal(Message):
    """A signal that was made of a record. ``code`` and ``rule`` say why it was refused."""

    signal_id: UUID
    purpose: Purpose
    state: Literal["new", "ready", "sent", "accepted", "refused", "withdrawn"]
    code: str | None = None
    rule: str | None = None
    created_at: Time
    expires_at: Time


class RecordAnswer(Message):
    """What stands of a record. ``ending`` and ``withdrawing``: its withdrawal is on its way."""

    reference: str
    state: Literal["live", "ending", "withdrawing", "ended", "quarantined"]
    quarantine: int | None = None
    signals: Annotated[tuple[RecordSignal, ...], Field(strict=False)] = ()
    """Newest first."""


class HitFollowUp(Message):
    """How far the agency is with a hit; ``pending`` while a step is not proven yet."""

    state: str
    due_at: Time
    outcome: str | None = None
    pending: bool = False


class HitAnswer(Message):
    """A verified hit of one of the system's own records. Whom to call stands in the console: opening is an act."""

    hit_id: UUID
    seq: int
    reference: str
    signal_id: UUID
    purpose: Purpose
    quality: Quality
    level: Level
    urgency: Literal["normal", "urgent"]
    agency: Party | None = None
    """The other agency, where the covenant has it named."""
    kinds: Annotated[tuple[Kind, ...], Field(strict=False)]
    could_be_twin: bool
    state: HitState
    told_at: Time
    opened_at: Time | None = None
    deadline_at: Time | None = None
    follow_up: HitFollowUp | None = None


class HitsAnswer(Message):
    """A page of hits in the order in which they were told; ``next`` is ``after`` of the next page."""

    hits: Annotated[tuple[HitAnswer, ...], Field(strict=False)]
    next: int | None = None


class OutcomeRequest(Message):
    """``POST /v1/hits/{id}/outcome``: what came of a hit, and who says so; only a keyed hash of the person leaves."""

    outcome: CodeText
    person: Annotated[str, StringConstraints(min_length=1, max_length=200)]
