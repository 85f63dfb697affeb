# SPDX-License-Identifier: EUPL-1.2
"""What was verified: other types than what comes over the wire, so that nothing else can be kept or shown.

Only ``inbox.py`` and ``post.py`` make them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from agency_client.disclosure_kept import KeptDisclosure, RefusedWith
from protocol.disclosure_states import Step
from protocol.disclosures import DisclosureNotice, SealedAnswer
from protocol.erasure import Marker
from protocol.notices import (
    AcknowledgedNotice,
    DoubtedNotice,
    ErasedNotice,
    HitNotice,
    LateNotice,
    LiftedNotice,
    MutedNotice,
    OverdueNotice,
    QueriedNotice,
    RestrictedNotice,
    WithdrawnNotice,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified place in the log: the kind of event and what it is about, the leaf there, and its opening as JSON."""

    place: int
    kind: str
    about: str
    leaf: bytes
    opening: bytes = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)
    """The path from the leaf to the root of the tree of ``size`` entries."""
    size: int
    checkpoint: str = field(repr=False)
    """The note over that tree, as a quorum of witnesses cosigned it."""


@dataclass(frozen=True, slots=True)
class VerifiedHit:
    """A hit that the log proves, whose counterpart signed what it sealed, and whose released parts open."""

    notice: HitNotice
    receipt: Receipt
    due: datetime | None = None
    """Until when it is to be followed up, by the covenant under which it was told."""


@dataclass(frozen=True, slots=True)
class VerifiedUndelivered:
    """A hit that the log proves, whose counterpart signed, and whose parts that are due did not come with it."""

    notice: HitNotice
    receipt: Receipt
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class VerifiedPast:
    """The log proves that we were told of a hit with a signal of ours that had ended by the time we read it."""

    notice: HitNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedWithdrawal:
    """A counterpart's signal is gone, and the log proves it."""

    notice: WithdrawnNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedMute:
    """One of our keys matches no more, and the log proves it."""

    notice: MutedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedQueried:
    """Another agency asked about the person of one of our signals, and the log proves that we were told."""

    notice: QueriedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedOverdue:
    """The counterpart that a signal of ours awaits did not come in time, and the log proves that we were told."""

    notice: OverdueNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedLate:
    """We did not follow up a hit in time, as the log proves that we were told and our own clock says."""

    notice: LateNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedDoubted:
    """The log proves that we were told that the other side closed a hit as one that concerns us."""

    notice: DoubtedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Told:
    """What one entry of the log changes at a request; verified."""

    step: Step
    at: datetime
    receipt: Receipt
    seq: int | None = None
    person: str | None = None
    fetch_by: datetime | None = None
    refusal: RefusedWith | None = None
    answer: SealedAnswer | None = None
    answer_digest: str | None = None


@dataclass(frozen=True, slots=True)
class VerifiedDisclosure:
    """Something that happened to a request for more, which the log proves and whoever is named signed."""

    notice: DisclosureNotice
    receipt: Receipt
    kept: KeptDisclosure = field(repr=False)
    """The request as it is kept when it is new here."""
    told: Told = field(repr=False)

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """Of this notice's entry, and of the entry of what happened."""
        return (self.receipt, self.told.receipt)


@dataclass(frozen=True, slots=True)
class VerifiedRestricted:
    """A counterpart restricted its signal, and the log proves that we were told."""

    notice: RestrictedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedLifted:
    """A counterpart's signal is restricted no more, and the log proves that we were told."""

    notice: LiftedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedAcknowledged:
    """The log proves that we were told that the other side carried out a change that we did make before."""

    notice: AcknowledgedNotice
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class VerifiedErased:
    """The log proves that we were told something under this number, and that what it was is erased."""

    notice: ErasedNotice
    marker: Marker
    receipts: tuple[Receipt, ...]
    """Of the entry that says so, and of what is left of the notice's own."""


VerifiedNotice: TypeAlias = (
    VerifiedHit
    | VerifiedUndelivered
    | VerifiedPast
    | VerifiedWithdrawal
    | VerifiedMute
    | VerifiedQueried
    | VerifiedOverdue
    | VerifiedLate
    | VerifiedDoubted
    | VerifiedRestricted
    | VerifiedLifted
    | VerifiedAcknowledged
    | VerifiedDisclosure
    | VerifiedErased
)
