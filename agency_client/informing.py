# SPDX-License-Identifier: EUPL-1.2
"""Telling people that they are signalled about: which deferrals are due to be looked at again, and deciding on one.

A decision is written into the outbox first, and counts when the log proves it. Not here: the words
(``commands_reviews.py``), the sending (``post.py``), how long it may be put off (``protocol/informing.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from agency_client.draft import Draft
from agency_client.post import Post, Tally
from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.signals import Kept
from protocol.covenant import Covenant
from protocol.covenant_purposes import Informing
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, RefusedError
from protocol.informing import InformingReview, may_wait_until

PAGE: Final = 500
"""Signals read from the vault at a time."""
RULE: Final = "guard.deferral-without-review"
"""The rule that holds a new signal's deferral to the same days."""


@dataclass(frozen=True, slots=True)
class Review:
    """A deferral that stands, and when somebody looks at it again."""

    signal: Kept
    reference: str
    due: date
    days_left: int
    informing: Informing | None
    """The purpose's own ages and days; none when the covenant lacks the purpose by now."""


def reviews(vault: Vault, covenant: Covenant, now: datetime, within: timedelta | None = None) -> list[Review]:
    """Return the deferrals of own signals that stand, the longest overdue first; ``within`` leaves later ones out."""
    found = []
    last = 0
    while page := vault.signals.page(last, PAGE):
        last = page[-1][0]
        for _, kept in page:
            draft = Draft.from_bytes(kept.draft)
            stands = kept.state is SignalState.ACCEPTED and parse_time(kept.expires_at) > now
            if not stands or draft.informed != "deferred" or draft.review_on is None:
                continue
            left = draft.review_on - now.date()
            if within is not None and left > within:
                continue
            purpose = covenant.purposes.get(kept.purpose)
            rule = None if purpose is None else purpose.informing
            found.append(Review(kept, draft.reference, draft.review_on, left.days, rule))
    return sorted(found, key=lambda one: (one.due, one.reference))


class InformingDesk:
    """Decides on telling people, in the order: written, sent, proven, done."""

    def __init__(self, vault: Vault, post: Post, covenant: Covenant, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._post = post
        self._covenant = covenant
        self._clock = clock

    async def decide(self, signal: Kept, decided: InformingReview, person: str) -> None:
        """Have a decision logged, and then write it at the signal.

        Raises ``ConflictError`` for a signal that does not stand, ``RefusedError`` for a deferral beyond the purpose's
        days; nothing leaves then.
        """
        now = self._clock()
        if signal.state is not SignalState.ACCEPTED or parse_time(signal.expires_at) <= now:
            raise ConflictError(Code.CONFLICT, "This signal does not stand at the broker; there is nothing to review.")
        day, rule = decided.review_on, self._covenant.purpose(signal.purpose).informing
        if day is not None and not may_wait_until(day, rule, now):
            days = 0 if rule is None else rule.deferral_days
            raise RefusedError(
                Code.POLICY_REFUSED,
                f"Telling the person can be put off by at most {days} days, to a day to come.",
                rule=RULE,
                hint="Nothing was sent. Tell the person, or choose an earlier day.",
            )
        posting = NewPosting(
            PostingKind.INFORMING,
            f"/v1/signals/{signal.id}/informing",
            new_key(),
            decided.to_json(),
            signal.purpose,
            person,
            str(signal.id),
        )
        await self._post.send(self._vault.outbox.put(posting, now), Tally())
