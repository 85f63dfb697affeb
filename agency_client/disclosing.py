# SPDX-License-Identifier: EUPL-1.2
"""Asking for more after a hit, and giving it: every act written into the vault first, sent, proven, then done.

What is asked is sealed to the owner, what is given to the asker; danger flags and contact preferences of the owner's
record always go along (law.md M-4). What was given is shown only when the log has that it is read. Not here: the
sending (``post.py``), what counts as proof (``settling_disclosures.py``), believing notices
(``disclosure_reading.py``), any words for people (``commands_disclosures.py``).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from agency_client.doors import DisclosureDoor
from agency_client.draft import Draft
from agency_client.post import Post, Tally
from agency_client.safety import safety_of
from agency_client.submit import UUID_RANDOM, signal_id
from agency_client.vault import Vault
from agency_client.vault.disclosures import Given, KeptDisclosure, RefusedWith
from agency_client.vault.hits import HitState
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from protocol.covenant import Covenant
from protocol.disclosure_payload import Attachment, Content, Wanted, open_answer, seal_answer, seal_refusal, seal_wanted
from protocol.disclosure_states import DisclosureState, Step
from protocol.disclosures import (
    DisclosureCancellation,
    DisclosureDecision,
    DisclosureReceipt,
    DisclosureRequest,
    SealedAnswer,
    SealedRefusal,
    Terms,
    answer_statement,
    refusal_statement,
    request_digest,
    request_statement,
    sha256,
    why_digest,
)
from protocol.errors import Code, ConfigurationError, ConflictError, InputError, RefusedError
from protocol.group import random_bytes
from protocol.hpke import OpeningKey, RecipientKey
from protocol.ids import AnswerId, DisclosureId, HitId, PartyId
from protocol.messages import Justification, Message
from protocol.policy import DecideDisclosure, Decision, PolicyEngine, RequestDisclosure
from protocol.signing import Signer

__all__ = ["Answer", "Attachment", "Disclosed", "Disclosing", "Wanted"]

SECOND_PERSON: Final = "disclosure.second-person"
"""The rule, of the purpose's ``disclosureApprovals``, that two different persons must agree."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person of the owner gives; danger and contact preference are added from the record."""

    text: str = field(default="", repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What was given to us; the log has that it is read now, and by whom. Show ``danger`` before all else."""

    id: DisclosureId
    sender: PartyId
    text: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    attachments: tuple[Attachment, ...] = field(repr=False)
    danger: Mapping[str, str] = field(repr=False)
    contact_preference: Mapping[str, str] = field(repr=False)


class Disclosing:
    """Asks, decides, reads, in the order: written, sent, proven, done. ``person`` is always an opaque reference."""

    def __init__(
        self,
        vault: Vault,
        post: Post,
        broker: DisclosureDoor,
        engine: PolicyEngine,
        me: PartyId,
        signer: Signer,
        opening: OpeningKey | None,
        person_of: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        """``person_of`` gives the opaque reference of an employee by name."""
        self._vault = vault
        self._post = post
        self._broker = broker
        self._engine = engine
        self._me = me
        self._signer = signer
        self._opening = opening
        self._person_of = person_of
        self._clock = clock

    @property
    def covenant(self) -> Covenant:
        """What the parties agreed."""
        return self._engine.covenant

    # --- The asker --------------------------------------------------------------------------------------------------

    async def ask(self, hit: HitId, wanted: Wanted, why: Justification, person: str) -> DisclosureId:
        """Ask the other agency of a hit for more; the same that is still on its way is not asked twice.

        Raises ``RefusedError`` for what the rules do not allow (nothing leaves then), ``UnavailableError`` when the
        request waits in the outbox.
        """
        kept = self._vault.hits.get(hit)
        counterpart = kept.notice.counterpart
        if kept.state in (HitState.WITHDRAWN, HitState.RESTRICTED) or counterpart is None:
            raise RefusedError(
                Code.CONFLICT,
                "There is nobody to ask about this hit: the other agency is not named, or its signal is gone.",
            )
        self._require_topics(wanted)
        for known in self._vault.disclosures.of_hit(hit):
            number = self._vault.disclosures.waiting_number(known.id, Step.ASK)
            if number is not None and (known.wanted, known.why) == (wanted, why):
                await self._send(number)
                return known.id
        now = self._now()
        purpose, owner = kept.notice.purpose, counterpart.agency
        self._require(RequestDisclosure(self._me, owner, purpose, "coordinator", True, now))
        self._own_key()
        terms = Terms(DisclosureId(_uuid(now)), hit, self._me, owner, purpose)
        sealed = seal_wanted(wanted, self._key_of(owner), terms)
        digests = why_digest(why), sha256(sealed)
        request = DisclosureRequest(
            id=terms.id,
            hit_id=hit,
            justification=why,
            wanted=sealed,
            key_id=self._signer.key_id,
            signature=self._signer.sign(request_statement(terms, *digests)),
        )
        asked = KeptDisclosure(
            number=0,
            id=terms.id,
            direction="mine",
            state=DisclosureState.REQUESTED,
            hit=hit,
            signal=kept.notice.my_signal,
            purpose=purpose,
            other=owner,
            at=now,
            due_at=now + timedelta(hours=self.covenant.purpose(purpose).disclosure_hours),
            fetch_by=None,
            waiting=Step.ASK,
            failed=None,
            rule=None,
            why=why,
            wanted=wanted,
            refusal=None,
            given=None,
            approvals=(),
            assigned_to=None,
            steps=(),
            request=request_digest(terms, *digests),
            answer=None,
            answer_digest=None,
            opened=False,
        )
        posting = self._posting(PostingKind.DISCLOSURE_REQUEST, "", asked, request, person)
        await self._send(self._vault.disclosures.ask(asked, posting, now))
        return terms.id

    async def cancel(self, disclosure: DisclosureId, person: str) -> None:
        """Take a request back; what was given and not read yet is deleted by the broker."""
        kept = self._mine(disclosure)
        if kept.state is DisclosureState.CANCELLED and kept.waiting is None:
            return
        await self._step(kept, Step.CANCEL, "cancellation", DisclosureCancellation(), person)

    async def take(self, disclosure: DisclosureId, person: str) -> Disclosed:
        """Fetch what was given, check and keep it, have the log say that it is read, and only then return it.

        Reading it once more is logged once more. Raises ``ConflictError`` while nothing is given or a signal of the hit
        is restricted, ``RefusedError`` when the hit is gone, ``VerificationError`` for an answer that does not hold.
        """
        kept = self._mine(disclosure)
        if self._vault.disclosures.is_gone(kept.hit):
            self._vault.disclosures.forget_content(kept.id)
            raise RefusedError(Code.CONFLICT, "The other agency withdrew its signal; what it gave is erased here.")
        if self._vault.hits.is_restricted(kept.hit):
            # Kept, since it cannot be given again; not shown until that is lifted.
            raise ConflictError(
                Code.SIGNAL_RESTRICTED, "The other agency restricted its signal; what it gave may not be shown now."
            )
        if kept.state not in (DisclosureState.GRANTED, DisclosureState.RECEIVED):
            raise ConflictError(Code.CONFLICT, f"There is nothing to fetch: this request is {kept.state.value}.")
        content = await asyncio.to_thread(self._vault.disclosures.content, kept.id)
        if content is None:
            content = await self._fetch(kept, person)
            await asyncio.to_thread(self._vault.disclosures.put_content, kept.id, content)
        step = Step.RECEIVE if kept.state is DisclosureState.GRANTED else Step.READ_AGAIN
        receipt = DisclosureReceipt(answer=kept.answer_digest or "")
        await self._step(kept, step, "receipt", receipt, person)
        return Disclosed(
            kept.id,
            kept.other,
            content.text,
            content.fields,
            content.attachments,
            content.danger,
            content.contact_preference,
        )

    async def _fetch(self, kept: KeptDisclosure, person: str) -> Content:
        if kept.answer is None or kept.answer_digest is None:
            raise ConflictError(
                Code.CONFLICT, "What was given is not here.", hint="Run `sluis agency inbox`, and try again."
            )
        answer = kept.answer
        chunks = [
            (await self._broker.chunk(kept.id, answer.id, place, person=person)).ciphertext
            for place in range(answer.chunks)
        ]
        return await asyncio.to_thread(open_answer, answer, chunks, self._own_key(), kept.terms(self._me))

    # --- The owner --------------------------------------------------------------------------------------------------

    async def grant(self, disclosure: DisclosureId, answer: Answer, person: str) -> None:
        """Give an answer, sealed to the asker.

        Raises ``RefusedError`` where a second person has to do it; ``ConflictError``: ``already_decided`` when somebody
        else decided, ``signal_restricted`` while a signal of the hit is restricted.
        """
        kept = self._theirs(disclosure)
        if self._approvals(kept) > 1 and kept.state is DisclosureState.REQUESTED:
            raise RefusedError(
                Code.POLICY_REFUSED,
                "For this purpose two persons decide what is given, and none has approved it yet.",
                rule=SECOND_PERSON,
                hint="Approve it (`sluis agency approve`); then a colleague gives it.",
            )
        if person in kept.approvals:
            raise RefusedError(
                Code.POLICY_REFUSED,
                "Another person than the one who approved it must give it.",
                rule=SECOND_PERSON,
                hint="Ask a colleague.",
            )
        self._require_unrestricted(kept)
        if kept.wanted is None:
            raise ConflictError(Code.CONFLICT, "What is asked did not come with the request, so nothing can be given.")
        terms, recipient = self._decidable(kept), self._key_of(kept.other)
        content = self._content(kept, answer)
        name = AnswerId(_uuid(self._now()))
        unsigned = await asyncio.to_thread(seal_answer, content, name, recipient, terms)
        bare = SealedAnswer(
            id=name,
            key=unsigned.key,
            chunks=len(unsigned.chunks),
            digest=unsigned.digest,
            key_id=self._signer.key_id,
            signature=bytes(64),
        )
        signature = self._signer.sign(answer_statement(terms, kept.request, bare))
        decision = DisclosureDecision(outcome="grant", answer=bare.model_copy(update={"signature": signature}))
        given = Given(
            content.text,
            content.fields,
            content.danger,
            content.contact_preference,
            tuple(one.name for one in content.attachments),
        )
        posting = self._posting(PostingKind.DISCLOSURE_DECISION, "decision", kept, decision, person)
        number = await asyncio.to_thread(
            self._vault.disclosures.begin,
            kept.id,
            Step.GRANT,
            posting,
            self._now(),
            (name, unsigned.chunks),
            given,
        )
        await self._send(number)

    async def refuse(self, disclosure: DisclosureId, reason: str, text: str, person: str) -> None:
        """Refuse, with a code that the log has and words that only the asker reads. Raises as ``grant``."""
        kept = self._theirs(disclosure)
        known = {} if self.covenant.disclosures is None else self.covenant.disclosures.refusals
        if reason not in known:
            raise InputError(
                Code.MALFORMED, "The covenant has no such reason to refuse.", hint=f"Use one of {', '.join(known)}."
            )
        terms = self._decidable(kept)
        bare = SealedRefusal(
            reason=reason,
            words=seal_refusal(text, reason, self._key_of(kept.other), terms),
            key_id=self._signer.key_id,
            signature=bytes(64),
        )
        signature = self._signer.sign(refusal_statement(terms, kept.request, bare))
        decision = DisclosureDecision(outcome="refuse", refusal=bare.model_copy(update={"signature": signature}))
        await self._step(kept, Step.REFUSE, "decision", decision, person, RefusedWith(reason, text))

    async def approve(self, disclosure: DisclosureId, person: str) -> None:
        """Agree as the first of two persons that something is given. Raises as ``grant``."""
        kept = self._theirs(disclosure)
        if self._approvals(kept) < 2:
            raise RefusedError(
                Code.CONFLICT, "For this purpose one person decides.", hint="Give it: `sluis agency grant`."
            )
        self._require_unrestricted(kept)
        self._decidable(kept)
        await self._step(kept, Step.APPROVE, "decision", DisclosureDecision(outcome="approve"), person)

    async def hand_over(self, disclosure: DisclosureId, to_person_name: str, person: str) -> None:
        """Let a colleague answer; that stays within this agency. Raises ``ConflictError`` when it is decided."""
        kept = self._theirs(disclosure)
        to = self._person_of(to_person_name)
        self._vault.disclosures.hand_over(kept.id, to, person, self._now())

    # --- Common -----------------------------------------------------------------------------------------------------

    def _mine(self, disclosure: DisclosureId) -> KeptDisclosure:
        kept = self._vault.disclosures.get(disclosure)
        if kept.direction != "mine":
            raise ConflictError(Code.CONFLICT, "This was asked of your agency, not by it.")
        return kept

    def _theirs(self, disclosure: DisclosureId) -> KeptDisclosure:
        kept = self._vault.disclosures.get(disclosure)
        if kept.direction != "theirs":
            raise ConflictError(Code.CONFLICT, "Your agency asked this itself; the other agency decides.")
        return kept

    def _require_unrestricted(self, kept: KeptDisclosure) -> None:
        """Pass unless a signal of the hit is restricted, as far as it is known here: the broker asks it again."""
        if self._vault.changes.is_restricted(kept.signal) or self._vault.hits.is_restricted(kept.hit):
            raise ConflictError(
                Code.SIGNAL_RESTRICTED,
                "A signal of this hit is restricted; nothing is given about it until that is lifted.",
                hint="You can refuse it, or wait; its time runs on.",
            )

    def _approvals(self, kept: KeptDisclosure) -> int:
        return self.covenant.purpose(kept.purpose).disclosure_approvals

    def _decidable(self, kept: KeptDisclosure) -> Terms:
        self._require(DecideDisclosure(self._me, kept.other, kept.purpose, "coordinator", self._now()))
        return kept.terms(self._me)

    def _content(self, kept: KeptDisclosure, answer: Answer) -> Content:
        """Return the whole answer: what the record says of danger and contact goes along, whatever the person wrote."""
        draft = Draft.from_bytes(self._vault.signals.get(kept.signal).draft)
        safety = safety_of(draft.parts.get("content", {}))
        return Content(answer.text, answer.fields, safety.danger, safety.contact_preference, answer.attachments)

    async def _step(
        self,
        kept: KeptDisclosure,
        step: Step,
        path: str,
        message: Message,
        person: str,
        refusal: RefusedWith | None = None,
    ) -> None:
        number = self._vault.disclosures.waiting_number(kept.id, step)
        if number is None or step in (Step.REFUSE, Step.APPROVE):
            posting = self._posting(_KINDS[path], path, kept, message, person)
            number = self._vault.disclosures.begin(kept.id, step, posting, self._now(), refusal=refusal)
        await self._send(number)

    def _posting(self, kind: PostingKind, path: str, kept: KeptDisclosure, message: Message, person: str) -> NewPosting:
        where = f"/v1/disclosure-requests/{kept.id}/{path}" if path else "/v1/disclosure-requests"
        return NewPosting(kind, where, new_key(), message.to_json(), kept.purpose, person, str(kept.hit))

    async def _send(self, number: int) -> None:
        await self._post.send(number, Tally())

    def _require(self, question: RequestDisclosure | DecideDisclosure) -> None:
        decision: Decision = self._engine.decide(question)
        if not decision.allowed:
            raise RefusedError(
                Code.POLICY_REFUSED, decision.reason, rule=decision.rule, hint="Nothing was sent; see the covenant."
            )

    def _require_topics(self, wanted: Wanted) -> None:
        known = {} if self.covenant.disclosures is None else self.covenant.disclosures.topics
        if any(topic not in known for topic in wanted.topics):
            raise InputError(
                Code.MALFORMED, "The covenant has no such topic to ask about.", hint=f"Use one of {', '.join(known)}."
            )

    def _own_key(self) -> OpeningKey:
        if self._opening is None or self.covenant.agency(self._me).disclosure_key is None:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                "This agency has no disclosure key, so that nobody can give it anything.",
                hint="Its home, or its place in the covenant, is from before disclosures: make a new home with "
                "`sluis agency init`, and give its statement to the board.",
            )
        return self._opening

    def _key_of(self, party: PartyId) -> RecipientKey:
        found = self.covenant.agency(party).recipient
        if found is None:
            raise RefusedError(
                Code.CONFLICT,
                "The other agency has no disclosure key in the covenant, so nothing can be sealed to it.",
                hint="Call it; the board can add its key.",
            )
        return found

    def _now(self) -> datetime:
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


_KINDS: Final[Mapping[str, PostingKind]] = {
    "decision": PostingKind.DISCLOSURE_DECISION,
    "receipt": PostingKind.DISCLOSURE_RECEIPT,
    "cancellation": PostingKind.DISCLOSURE_CANCELLATION,
}


def _uuid(now: datetime) -> UUID:
    return signal_id(now, random_bytes(UUID_RANDOM))
