# SPDX-License-Identifier: EUPL-1.2
"""How one kind of act in the outbox becomes done: what the log must say of it, and what is then written here.

A kind of act is one ``Settler``; ``settlers.py`` lists them. Not here: the sending and the proving (``post.py``), which
are the same for all kinds, and pushes, whose answer is one per signal.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from agency_client.doors import DisclosureDoor
from agency_client.vault import Vault
from agency_client.vault.outbox import Posting
from agency_client.verified import Receipt
from protocol.errors import Code, SluisError, VerificationError
from protocol.events import Event
from protocol.ids import PurposeId
from protocol.ldv import SubjectKind, Work
from protocol.questions import PersonRole


def _purpose_sent(_vault: Vault, posting: Posting) -> PurposeId | None:
    return posting.purpose


async def _unprepared(_vault: Vault, _door: DisclosureDoor, _posting: Posting) -> None:
    return None


def _nothing(_vault: Vault, _posting: Posting, _error: SluisError) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Settler:
    """One kind of act: how the log of processing calls it, what the log must have, and what is then done."""

    work: Work
    about: SubjectKind
    """What ``Posting.about`` names."""
    require: Callable[[Vault, Posting, Event], None]
    """Passes when the log's entry is this act as it was sent; raises ``VerificationError`` (``settling.invalid``).

    Agency, person, purpose and covenant version of the entry are checked before, for all kinds alike.
    """
    settle: Callable[[Vault, Posting, Receipt, datetime], None]
    """Writes, in one transaction, that the act is done: the outbox's row, the receipt and what the act changes."""
    purpose: Callable[[Vault, Posting], PurposeId | None] = _purpose_sent
    """Under which purpose the entry must be: mostly the one that was sent."""
    prepare: Callable[[Vault, DisclosureDoor, Posting], Awaitable[None]] = _unprepared
    """Brings to the broker what must be there before the request, each time that it is sent: begun anew, it goes on."""
    role: PersonRole | None = None
    """In which role the person acts, where the rules ask for it."""
    refused: Callable[[Vault, Posting, SluisError], None] = _nothing
    """Writes what follows from a refusal for good; may come twice. ``post.py`` closes the outbox's row after it."""


def invalid(detail: str) -> VerificationError:
    """Return what is raised when the log does not have an act as it was sent."""
    return VerificationError(
        Code.RECEIPT_INVALID, detail, hint="The request stays in the outbox. Tell the broker's operator and the board."
    )
