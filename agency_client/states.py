# SPDX-License-Identifier: EUPL-1.2
"""The life of a signal at the agency that made it, as one table.

Not here: where the state is kept (``tables.py``) and the broker's own view of a signal.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class SignalState(StrEnum):
    """Where a signal is on its way."""

    NEW = "new"
    """Read and normalised; the key-holders have not been asked yet."""
    READY = "ready"
    """Tagged, sealed and signed; the exact request that will carry it is on disk."""
    SENT = "sent"
    """The request was offered to the broker at least once; no proven answer yet."""
    ACCEPTED = "accepted"
    """The broker's log proves that the signal stands."""
    REFUSED = "refused"
    """The broker refused it, or the key-holders did before it was sent, and said by which rule."""
    WITHDRAWN = "withdrawn"
    """Withdrawn by us: before it was sent, or proven by the log."""


class Step(StrEnum):
    """What can happen to a signal."""

    TAG = "tag"
    OFFER = "offer"
    ACCEPT = "accept"
    REFUSE = "refuse"
    EPOCH_CLOSED = "epoch-closed"
    """It waited past its epoch's grace: it must be tagged again before it can be sent."""
    TURN_AWAY = "turn-away"
    """The key-holders may not tag it: it is refused before it was ever sent."""
    WITHDRAW = "withdraw"


TABLE: Final[Mapping[tuple[SignalState, Step], SignalState]] = {
    (SignalState.NEW, Step.TAG): SignalState.READY,
    (SignalState.NEW, Step.TURN_AWAY): SignalState.REFUSED,
    (SignalState.NEW, Step.WITHDRAW): SignalState.WITHDRAWN,
    (SignalState.READY, Step.OFFER): SignalState.SENT,
    (SignalState.SENT, Step.OFFER): SignalState.SENT,
    (SignalState.SENT, Step.ACCEPT): SignalState.ACCEPTED,
    (SignalState.SENT, Step.REFUSE): SignalState.REFUSED,
    (SignalState.SENT, Step.EPOCH_CLOSED): SignalState.NEW,
    (SignalState.ACCEPTED, Step.WITHDRAW): SignalState.WITHDRAWN,
}
"""All that may happen. A signal under way is withdrawn only after its answer: the withdrawal waits behind it."""

WAITING: Final = frozenset({SignalState.NEW, SignalState.READY, SignalState.SENT})
"""Signals that ``sluis agency send`` still has work on."""


def after(state: SignalState, step: Step) -> SignalState:
    """Return the state after a step; raises ``ValueError`` for a step that the table does not have: a bug of ours."""
    try:
        return TABLE[(state, step)]
    except KeyError:
        raise ValueError(f"no step {step} from {state}") from None


def before(step: Step) -> frozenset[SignalState]:
    """Return the states from which a step is possible, for the ``WHERE`` of an update."""
    return frozenset(state for state, known in TABLE if known is step)
