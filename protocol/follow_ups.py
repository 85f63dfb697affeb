# SPDX-License-Identifier: EUPL-1.2
"""Following up a hit: the steps there are, which may follow which, and the messages that carry them.

Each agency that was told of a hit follows it up by itself, within the time that its purpose gives
(``covenant_purposes.Purpose.deadline_hours``). What came of it is a code of the covenant's vocabulary. Pure.
Spec: ``spec/follow-up.md``. Not here: the clock (``broker/following.py``), the agency's own list
(``agency_client/following.py``).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from protocol.messages import CodeText, Message

Step: TypeAlias = Literal["acknowledged", "contacted", "closed"]
"""What an agency says it did: it saw the hit, it spoke with the other side, it is done."""


class FollowUpState(StrEnum):
    """How far an agency is with a hit that it was told of."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    CLOSED = "closed"


TABLE: Final[Mapping[tuple[FollowUpState, Step], FollowUpState]] = {
    (FollowUpState.OPEN, "acknowledged"): FollowUpState.ACKNOWLEDGED,
    (FollowUpState.OPEN, "contacted"): FollowUpState.CONTACTED,
    (FollowUpState.ACKNOWLEDGED, "contacted"): FollowUpState.CONTACTED,
    (FollowUpState.OPEN, "closed"): FollowUpState.CLOSED,
    (FollowUpState.ACKNOWLEDGED, "closed"): FollowUpState.CLOSED,
    (FollowUpState.CONTACTED, "closed"): FollowUpState.CLOSED,
}
"""All that may happen. A step may be skipped, none is taken twice, and what is closed stays so."""


def after(state: FollowUpState, step: Step) -> FollowUpState | None:
    """Return the state after a step, or None when the step cannot follow."""
    return TABLE.get((state, step))


class Acknowledgement(Message):
    """``POST /v1/hits/{id}/acknowledgement``: a person saw the hit, or spoke with the other side."""

    step: Literal["acknowledged", "contacted"] = "acknowledged"


class HitOutcome(Message):
    """``POST /v1/hits/{id}/outcome``: what came of the hit; the follow-up is closed."""

    outcome: CodeText
    """A code of the covenant's ``vocabulary/outcomes.yaml``."""
