# SPDX-License-Identifier: EUPL-1.2
"""What both sides of a request for more share: every act written into the vault first, sent, proven, then done.

Not here: what the asker does (``requesting.py``) and the owner (``deciding.py``), the sending (``post.py``), what
counts as proof (``settling_disclosures.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from agency_client.post import Post, Tally
from agency_client.submit import UUID_RANDOM, signal_id
from agency_client.vault import Vault
from agency_client.vault.disclosures import KeptDisclosure, RefusedWith
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from protocol.covenant import Covenant
from protocol.disclosure_states import Step
from protocol.errors import Code, RefusedError
from protocol.group import random_bytes
from protocol.hpke import RecipientKey
from protocol.ids import HitId, PartyId, SignalId
from protocol.messages import Message
from protocol.policy import DecideDisclosure, Decision, PolicyEngine, RequestDisclosure
from protocol.signing import Signer

_KINDS: Final[Mapping[str, PostingKind]] = {
    "decision": PostingKind.DISCLOSURE_DECISION,
    "receipt": PostingKind.DISCLOSURE_RECEIPT,
    "cancellation": PostingKind.DISCLOSURE_CANCELLATION,
}


@dataclass(frozen=True, slots=True)
class DisclosureDesk:
    """Asks the rules, and writes and sends what they allow, in the name of one agency."""

    vault: Vault
    post: Post
    engine: PolicyEngine
    me: PartyId
    signer: Signer
    clock: Callable[[], datetime]

    @property
    def covenant(self) -> Covenant:
        """What the parties agreed."""
        return self.engine.covenant

    def require(self, question: RequestDisclosure | DecideDisclosure) -> None:
        """Pass when the rules allow it. Raises ``RefusedError``: nothing is written then."""
        decision: Decision = self.engine.decide(question)
        if not decision.allowed:
            raise RefusedError(
                Code.POLICY_REFUSED, decision.reason, rule=decision.rule, hint="Nothing was sent; see the covenant."
            )

    def is_restricted(self, signal: SignalId, hit: HitId) -> bool:
        """Say whether our signal of a hit or its counterpart is restricted, as far as it is known here.

        The broker asks it again.
        """
        return self.vault.changes.is_restricted(signal) or self.vault.hits.is_restricted(hit)

    def recipient_of(self, party: PartyId) -> RecipientKey:
        """Return the key to which is sealed what only that agency reads. Raises ``RefusedError`` when it has none."""
        found = self.covenant.agency(party).recipient
        if found is None:
            raise RefusedError(
                Code.CONFLICT,
                "The other agency has no disclosure key in the covenant, so nothing can be sealed to it.",
                hint="Call it; the board can add its key.",
            )
        return found

    async def step(
        self,
        kept: KeptDisclosure,
        step: Step,
        path: str,
        message: Message,
        person: str,
        refusal: RefusedWith | None = None,
    ) -> None:
        """Write an act on a request and send it; one that is on its way already is only sent once more.

        Not so a refusal or an approval, which may be a colleague's: then the vault raises ``ConflictError``.
        """
        number = self.vault.disclosures.waiting_number(kept.id, step)
        if number is None or step in (Step.REFUSE, Step.APPROVE):
            posting = self.posting(_KINDS[path], path, kept, message, person)
            number = self.vault.disclosures.begin(kept.id, step, posting, self.now(), refusal=refusal)
        await self.send(number)

    def posting(self, kind: PostingKind, path: str, kept: KeptDisclosure, message: Message, person: str) -> NewPosting:
        """Return what carries an act to the broker."""
        where = f"/v1/disclosure-requests/{kept.id}/{path}" if path else "/v1/disclosure-requests"
        return NewPosting(kind, where, new_key(), message.to_json(), kept.purpose, person, str(kept.hit))

    async def send(self, number: int) -> None:
        """Send what is written. Raises ``UnavailableError`` when it waits in the outbox."""
        await self.post.send(number, Tally())

    def now(self) -> datetime:
        """Return the time in whole milliseconds, as the protocol writes it."""
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_uuid(now: datetime) -> UUID:
    """Return the id of a new request or answer."""
    return signal_id(now, random_bytes(UUID_RANDOM))
