# SPDX-License-Identifier: EUPL-1.2
"""What an agency is told, one message a kind of notice, numbered without gaps.

Spec: ``spec/messages.md``. Not here: who is told what (``broker/notify.py``), believing it (the agency client).
"""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from protocol.disclosures import DisclosureNotice
from protocol.ids import HitId, SignalId
from protocol.messages import (
    MAX_KEYS,
    Agreement,
    CodeText,
    Counterpart,
    EpochNumber,
    ErasedEntry,
    Evidence,
    Kind,
    Level,
    Message,
    Note,
    Party,
    Purpose,
    Quality,
    RuleName,
    Time,
)

MAX_NOTICES: Final = 500
"""Notices a page."""


class HitNotice(Message):
    """Another agency knows the same person."""

    type: Literal["hit"] = "hit"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    epoch: EpochNumber
    quality: Quality
    level: Level
    urgency: Literal["normal", "urgent"]
    agreed: Annotated[tuple[Agreement, ...], Field(strict=False, min_length=1, max_length=4 * MAX_KEYS)]
    counterpart: Counterpart | None = None
    rule: RuleName
    """``@id`` of the policy that allowed telling this."""
    evidence: Evidence


class WithdrawnNotice(Message):
    """The counterpart's signal of a hit is gone (withdrawn, expired): stop showing what it released."""

    type: Literal["withdrawn"] = "withdrawn"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    reason: CodeText
    evidence: Evidence


class MutedNotice(Message):
    """One of your keys stands on too many of your signals to point at a person; it no longer matches."""

    type: Literal["muted"] = "muted"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    purpose: Purpose
    epoch: EpochNumber
    kind: Kind
    signals: Annotated[int, Field(ge=1)]
    example: Annotated[SignalId, Field(strict=False)]
    """One of your signals that has the key, so that you can look up which value it is."""
    evidence: Evidence


class QueriedNotice(Message):
    """Another agency asked about the person of one of your signals; it signals nothing, and nothing is asked of you."""

    type: Literal["queried"] = "queried"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    my_signal: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    epoch: EpochNumber
    quality: Quality
    level: Level
    agreed: Annotated[tuple[Agreement, ...], Field(strict=False, min_length=1, max_length=4 * MAX_KEYS)]
    asker: Party | None = None
    """Who asked, from level ``agency``."""
    rule: RuleName
    evidence: Evidence


class OverdueNotice(Message):
    """The counterpart that your signal awaits did not come in time; there is nobody to name."""

    type: Literal["overdue"] = "overdue"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    my_signal: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    epoch: EpochNumber
    due_since: Time
    """When the days that the purpose gives were over, counted from the signal's registration."""
    evidence: Evidence


class LateNotice(Message):
    """The time that the purpose gives to follow up a hit is over, and nobody of your agency acknowledged it."""

    type: Literal["late"] = "late"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    due_since: Time
    """When the time was over, counted from the notice of the hit."""
    evidence: Evidence


class DoubtedNotice(Message):
    """The other agency of a hit closed it with an outcome that concerns you: mostly that it is another person."""

    type: Literal["doubted"] = "doubted"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    reason: CodeText
    """The outcome's code, by the other agency's word."""
    evidence: Evidence


class RestrictedNotice(Message):
    """The counterpart of a hit restricted its signal: stop showing what it released, until that is lifted."""

    type: Literal["restricted"] = "restricted"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    reason: CodeText
    evidence: Evidence


class LiftedNotice(Message):
    """The counterpart's signal is no longer restricted; what the hit releases can be fetched again."""

    type: Literal["lifted"] = "lifted"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    reason: CodeText
    evidence: Evidence


class AcknowledgedNotice(Message):
    """The other agency of a hit carried out what you changed about your signal: it no longer shows it."""

    type: Literal["acknowledged"] = "acknowledged"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    change: Literal["withdrawn", "restricted"]
    evidence: Evidence


class ErasedNotice(Message):
    """What was told under this number was erased from the log (erasure.py): only that it was told is left."""

    type: Literal["erased"] = "erased"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    evidence: Evidence | None = None
    """The record of the notice's event, with the hash of its subject part; or, when its month was erased:"""
    entry: ErasedEntry | None = None
    marker: Evidence
    """The entry that says so."""

    @model_validator(mode="after")
    def _one_remainder(self) -> "ErasedNotice":
        if (self.evidence is None) == (self.entry is None):
            raise ValueError("either evidence or entry")
        return self


Notice = Annotated[
    HitNotice
    | WithdrawnNotice
    | MutedNotice
    | QueriedNotice
    | OverdueNotice
    | LateNotice
    | DoubtedNotice
    | RestrictedNotice
    | LiftedNotice
    | AcknowledgedNotice
    | DisclosureNotice
    | ErasedNotice,
    Field(discriminator="type"),
]


class NoticePage(Message):
    """``GET /v1/notices?after=&limit=&wait=``: notices in order without gaps, all proven in ``checkpoint``."""

    notices: Annotated[tuple[Notice, ...], Field(strict=False, max_length=MAX_NOTICES)]
    checkpoint: Note | None = None
