# SPDX-License-Identifier: EUPL-1.2
"""Deciding what another agency asked after a hit: giving it, refusing it, approving it first, handing it over.

What is given is sealed to the asker; danger flags and contact preferences of the own record always go along (law.md
M-4). Not here: the asker's side (``requesting.py``), the writing and sending that both sides share
(``disclosure_desk.py``), any words for people (``commands_disclosures.py``).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agency_client.disclosure_desk import DisclosureDesk, new_uuid
from agency_client.draft import Draft
from agency_client.safety import safety_of
from agency_client.vault.disclosures import Given, KeptDisclosure, RefusedWith
from agency_client.vault.outbox import PostingKind
from protocol.disclosure_payload import Attachment, Content, seal_answer, seal_refusal
from protocol.disclosure_states import DisclosureState, Step
from protocol.disclosures import (
    DisclosureDecision,
    SealedAnswer,
    SealedRefusal,
    Terms,
    answer_statement,
    refusal_statement,
)
from protocol.errors import Code, ConflictError, InputError, RefusedError
from protocol.ids import AnswerId, DisclosureId
from protocol.policy import DecideDisclosure

SECOND_PERSON: Final = "disclosure.second-person"
"""The rule, of the purpose's ``disclosureApprovals``, that two different persons must agree."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person of the owner gives; danger and contact preference are added from the record."""

    text: str = field(default="", repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


class Deciding:
    """The owner's acts on a request for more. ``person`` is always an opaque reference."""

    def __init__(self, desk: DisclosureDesk, person_of: Callable[[str], str]) -> None:
        """``person_of`` gives the opaque reference of an employee by name."""
        self._desk = desk
        self._vault = desk.vault
        self._person_of = person_of

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
        terms, recipient = self._decidable(kept), self._desk.recipient_of(kept.other)
        content = self._content(kept, answer)
        name = AnswerId(new_uuid(self._desk.now()))
        unsigned = await asyncio.to_thread(seal_answer, content, name, recipient, terms)
        bare = SealedAnswer(
            id=name,
            key=unsigned.key,
            chunks=len(unsigned.chunks),
            digest=unsigned.digest,
            key_id=self._desk.signer.key_id,
            signature=bytes(64),
        )
        signature = self._desk.signer.sign(answer_statement(terms, kept.request, bare))
        decision = DisclosureDecision(outcome="grant", answer=bare.model_copy(update={"signature": signature}))
        given = Given(
            content.text,
            content.fields,
            content.danger,
            content.contact_preference,
            tuple(one.name for one in content.attachments),
        )
        posting = self._desk.posting(PostingKind.DISCLOSURE_DECISION, "decision", kept, decision, person)
        number = await asyncio.to_thread(
            self._vault.disclosures.begin,
            kept.id,
            Step.GRANT,
            posting,
            self._desk.now(),
            (name, unsigned.chunks),
            given,
        )
        await self._desk.send(number)

    async def refuse(self, disclosure: DisclosureId, reason: str, text: str, person: str) -> None:
        """Refuse, with a code that the log has and words that only the asker reads. Raises as ``grant``."""
        kept = self._theirs(disclosure)
        known = {} if self._desk.covenant.disclosures is None else self._desk.covenant.disclosures.refusals
        if reason not in known:
            raise InputError(
                Code.MALFORMED, "The covenant has no such reason to refuse.", hint=f"Use one of {', '.join(known)}."
            )
        terms = self._decidable(kept)
        bare = SealedRefusal(
            reason=reason,
            words=seal_refusal(text, reason, self._desk.recipient_of(kept.other), terms),
            key_id=self._desk.signer.key_id,
            signature=bytes(64),
        )
        signature = self._desk.signer.sign(refusal_statement(terms, kept.request, bare))
        decision = DisclosureDecision(outcome="refuse", refusal=bare.model_copy(update={"signature": signature}))
        await self._desk.step(kept, Step.REFUSE, "decision", decision, person, RefusedWith(reason, text))

    async def approve(self, disclosure: DisclosureId, person: str) -> None:
        """Agree as the first of two persons that something is given. Raises as ``grant``."""
        kept = self._theirs(disclosure)
        if self._approvals(kept) < 2:
            raise RefusedError(
                Code.CONFLICT, "For this purpose one person decides.", hint="Give it: `sluis agency grant`."
            )
        self._require_unrestricted(kept)
        self._decidable(kept)
        await self._desk.step(kept, Step.APPROVE, "decision", DisclosureDecision(outcome="approve"), person)

    async def hand_over(self, disclosure: DisclosureId, to_person_name: str, person: str) -> None:
        """Let a colleague answer; that stays within this agency. Raises ``ConflictError`` when it is decided."""
        kept = self._theirs(disclosure)
        to = self._person_of(to_person_name)
        self._vault.disclosures.hand_over(kept.id, to, person, self._desk.now())

    def _theirs(self, disclosure: DisclosureId) -> KeptDisclosure:
        kept = self._vault.disclosures.get(disclosure)
        if kept.direction != "theirs":
            raise ConflictError(Code.CONFLICT, "Your agency asked this itself; the other agency decides.")
        return kept

    def _require_unrestricted(self, kept: KeptDisclosure) -> None:
        if self._desk.is_restricted(kept.signal, kept.hit):
            raise ConflictError(
                Code.SIGNAL_RESTRICTED,
                "A signal of this hit is restricted; nothing is given about it until that is lifted.",
                hint="You can refuse it, or wait; its time runs on.",
            )

    def _approvals(self, kept: KeptDisclosure) -> int:
        return self._desk.covenant.purpose(kept.purpose).disclosure_approvals

    def _decidable(self, kept: KeptDisclosure) -> Terms:
        self._desk.require(DecideDisclosure(self._desk.me, kept.other, kept.purpose, "coordinator", self._desk.now()))
        return kept.terms(self._desk.me)

    def _content(self, kept: KeptDisclosure, answer: Answer) -> Content:
        """Return the whole answer: what the record says of danger and contact goes along, whatever the person wrote."""
        draft = Draft.from_bytes(self._vault.signals.get(kept.signal).draft)
        safety = safety_of(draft.parts.get("content", {}))
        return Content(answer.text, answer.fields, safety.danger, safety.contact_preference, answer.attachments)
