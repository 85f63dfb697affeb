# SPDX-License-Identifier: EUPL-1.2
"""A request for more as this agency keeps it: values only.

Not here: the shelf (``vault/disclosures.py``), the states (``protocol/disclosure_states.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from protocol.disclosure_payload import Wanted
from protocol.disclosure_states import OPEN, DisclosureState, Step
from protocol.disclosures import SealedAnswer, Terms
from protocol.ids import DisclosureId, HitId, PartyId, PurposeId, SignalId
from protocol.messages import Justification

Direction: TypeAlias = Literal["mine", "theirs"]


@dataclass(frozen=True, slots=True)
class StepDone:
    """One step that the log proves, or a hand-over, which stays within the agency and has no place in the log."""

    step: Step
    at: datetime
    place: int | None
    seq: int | None
    """Number of the notice that told it; none for a step of our own."""
    person: str | None
    """Opaque reference to who did it."""


@dataclass(frozen=True, slots=True)
class RefusedWith:
    """Why something is not given."""

    code: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Given:
    """What we gave, as far as we keep it ourselves: the words, and the names of the attachments."""

    text: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    danger: Mapping[str, str] = field(repr=False)
    contact_preference: Mapping[str, str] = field(repr=False)
    attachments: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptDisclosure:
    """A request for more, and how far it is."""

    number: int
    """Grows with each request that is new here; pages go by it."""
    id: DisclosureId
    direction: Direction
    state: DisclosureState
    hit: HitId
    signal: SignalId
    """Our own signal of the hit."""
    purpose: PurposeId
    other: PartyId
    """Of ``mine`` the owner; of ``theirs`` the asker."""
    at: datetime
    due_at: datetime
    fetch_by: datetime | None
    waiting: Step | None
    """A step of ours that is on its way: written down here, not proven yet."""
    failed: str | None
    """Code with which the broker refused our request itself."""
    rule: str | None
    why: Justification | None = field(repr=False)
    wanted: Wanted | None = field(repr=False)
    refusal: RefusedWith | None = field(repr=False)
    given: Given | None = field(repr=False)
    approvals: tuple[str, ...]
    """Opaque references of who approved, as the first of two."""
    assigned_to: str | None
    steps: tuple[StepDone, ...]
    request: str
    """``disclosures.request_digest``."""
    answer: SealedAnswer | None = field(repr=False)
    answer_digest: str | None
    opened: bool
    """Whether what was given is here, opened and checked."""

    @classmethod
    def begun(
        cls,
        terms: Terms,
        direction: Direction,
        signal: SignalId,
        *,
        at: datetime,
        due_at: datetime,
        why: Justification | None,
        wanted: Wanted | None,
        request: str,
        waiting: Step | None = None,
    ) -> "KeptDisclosure":
        """Return a request of which nothing was done yet but asking; the shelf gives it its number."""
        return cls(
            number=0,
            id=terms.id,
            direction=direction,
            state=DisclosureState.REQUESTED,
            hit=terms.hit,
            signal=signal,
            purpose=terms.purpose,
            other=terms.owner if direction == "mine" else terms.asker,
            at=at,
            due_at=due_at,
            fetch_by=None,
            waiting=waiting,
            failed=None,
            rule=None,
            why=why,
            wanted=wanted,
            refusal=None,
            given=None,
            approvals=(),
            assigned_to=None,
            steps=(),
            request=request,
            answer=None,
            answer_digest=None,
            opened=False,
        )

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide."""
        return self.state in OPEN

    def terms(self, me: PartyId) -> Terms:
        """Return what both sides signed of it; ``me`` is this agency."""
        asker, owner = (me, self.other) if self.direction == "mine" else (self.other, me)
        return Terms(self.id, self.hit, asker, owner, self.purpose)
