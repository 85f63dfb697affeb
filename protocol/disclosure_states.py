# SPDX-License-Identifier: EUPL-1.2
"""The life of a request for more than a hit tells: every state, every step, who may take it, and what the log says.

One table. The broker and both clients go by it, and ``docs/disclosure.svg`` is drawn from it
(``docs/draw_disclosure.py``). Spec: ``spec/disclosures.md``. Not here: who *may* do what by the covenant's rules
(``policies/``), what the messages are (``disclosures.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from protocol.errors import Code, ConflictError
from protocol.events import DisclosureDecided, DisclosureEnded, DisclosureReceived, DisclosureRequested, Event


class DisclosureState(StrEnum):
    """Where a request is. ``received``, ``refused``, ``cancelled``, ``expired`` and ``gone`` are ends."""

    REQUESTED = "requested"
    APPROVED = "approved"
    """One of the two persons that the purpose wants agreed."""
    GRANTED = "granted"
    """The answer is given, sealed, and waits to be fetched."""
    RECEIVED = "received"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nobody decided, or nobody fetched, in time."""
    GONE = "gone"
    """A signal of the hit ended, so that there is nothing left to ask about."""


class Step(StrEnum):
    """What can happen to a request."""

    ASK = "ask"
    HAND_OVER = "hand-over"
    APPROVE = "approve"
    GRANT = "grant"
    REFUSE = "refuse"
    RECEIVE = "receive"
    READ_AGAIN = "read-again"
    CANCEL = "cancel"
    DECIDE_BY = "decide-by"
    FETCH_BY = "fetch-by"
    SIGNAL_ENDED = "signal-ended"


Actor: TypeAlias = Literal["asker", "owner", "broker"]
"""A coordinator of the agency that asks, one of the agency whose signal it is about, or the broker by its clock."""
Told: TypeAlias = Literal["asker", "owner", "both", "nobody"]


@dataclass(frozen=True, slots=True)
class Row:
    """One step: by whom, from which states, to which; the event that the log has of it, and whose client is told."""

    step: Step
    by: Actor
    before: tuple[DisclosureState | None, ...]
    """None is before there is a request."""
    after: DisclosureState | None
    """None: it stays as it is."""
    event: type[Event] | None
    """None for what stays within one agency."""
    told: Told


_S = DisclosureState
OPEN: Final = (_S.REQUESTED, _S.APPROVED)
"""Nobody decided yet."""
LIVE: Final = (*OPEN, _S.GRANTED)
"""Something can still come of it."""
ENDS: Final = tuple(state for state in _S if state not in LIVE)

TABLE: Final[tuple[Row, ...]] = (
    Row(Step.ASK, "asker", (None,), _S.REQUESTED, DisclosureRequested, "owner"),
    Row(Step.HAND_OVER, "owner", OPEN, None, None, "nobody"),
    Row(Step.APPROVE, "owner", (_S.REQUESTED,), _S.APPROVED, DisclosureDecided, "nobody"),
    Row(Step.GRANT, "owner", OPEN, _S.GRANTED, DisclosureDecided, "asker"),
    Row(Step.REFUSE, "owner", OPEN, _S.REFUSED, DisclosureDecided, "asker"),
    Row(Step.RECEIVE, "asker", (_S.GRANTED,), _S.RECEIVED, DisclosureReceived, "owner"),
    Row(Step.READ_AGAIN, "asker", (_S.RECEIVED,), None, DisclosureReceived, "nobody"),
    Row(Step.CANCEL, "asker", LIVE, _S.CANCELLED, DisclosureEnded, "owner"),
    Row(Step.DECIDE_BY, "broker", OPEN, _S.EXPIRED, DisclosureEnded, "both"),
    Row(Step.FETCH_BY, "broker", (_S.GRANTED,), _S.EXPIRED, DisclosureEnded, "both"),
    Row(Step.SIGNAL_ENDED, "broker", LIVE, _S.GONE, DisclosureEnded, "both"),
)
BY_STEP: Final[Mapping[Step, Row]] = {row.step: row for row in TABLE}
DECIDED: Final = frozenset((_S.GRANTED, _S.RECEIVED, _S.REFUSED))
"""States in which somebody of the owner has decided."""
CANCELLED: Final = "cancelled"
"""What ``DisclosureEnded.rule`` says when the asker took it back; else it is the step's own name."""


def rule_of(step: Step) -> str:
    """Return what the event of an end says ended it."""
    return CANCELLED if step is Step.CANCEL else step.value


def after(step: Step, before: DisclosureState | None) -> DisclosureState | None:
    """Return the state behind a step. Raises ``ConflictError``: ``already_decided`` for a decision that comes second,
    ``conflict`` for any other step that cannot be taken from here.
    """
    row = BY_STEP[step]
    if before in row.before:
        return before if row.after is None else row.after
    if row.by == "owner" and before in DECIDED:
        raise ConflictError(
            Code.ALREADY_DECIDED,
            "Somebody of this agency decided on this request before.",
            hint="Look at the request: it says what was decided.",
        )
    if row.by == "owner" and before is _S.APPROVED:
        raise ConflictError(
            Code.ALREADY_DECIDED, "The first of two persons approved this before.", hint="Another person gives it now."
        )
    raise ConflictError(
        Code.CONFLICT, f"This cannot be done with a request that is {before.value if before else 'not there'}."
    )
