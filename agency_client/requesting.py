# SPDX-License-Identifier: EUPL-1.2
"""Asking for more after a hit, taking the question back, and reading what was given.

What is asked is sealed to the owner. What was given is shown only when the log has that it is read. Not here: the
owner's side (``deciding.py``), the writing and sending that both sides share (``disclosure_desk.py``), believing
notices (``disclosure_reading.py``), any words for people (``commands_disclosures.py``).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from agency_client.disclosure_desk import DisclosureDesk, new_uuid
from agency_client.doors import DisclosureDoor
from agency_client.vault.disclosures import KeptDisclosure
from agency_client.vault.hits import HitState
from agency_client.vault.outbox import PostingKind
from protocol.disclosure_payload import Attachment, Content, Wanted, open_answer, seal_wanted
from protocol.disclosure_states import DisclosureState, Step
from protocol.disclosures import (
    DisclosureCancellation,
    DisclosureReceipt,
    DisclosureRequest,
    Terms,
    request_digest,
    request_statement,
    sha256,
    why_digest,
)
from protocol.errors import Code, ConfigurationError, ConflictError, InputError, RefusedError
from protocol.hpke import Opens
from protocol.ids import DisclosureId, HitId, PartyId
from protocol.messages import Justification
from protocol.policy import RequestDisclosure


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


class Requesting:
    """The asker's acts on a request for more. ``person`` is always an opaque reference."""

    def __init__(self, desk: DisclosureDesk, broker: DisclosureDoor, opening: Opens | None) -> None:
        self._desk = desk
        self._vault = desk.vault
        self._broker = broker
        self._opening = opening

    async def ask(self, hit: HitId, wanted: Wanted, why: Justification, person: str) -> DisclosureId:
        """Ask the other agency of a hit for more; the same that is still on its way is not asked twice.

        Raises ``RefusedError`` for what the rules do not allow (nothing leaves then), ``ConflictError``
        (``signal_restricted``) while a signal of the hit is restricted, ``UnavailableError`` when the request waits in
        the outbox.
        """
        kept = self._vault.hits.get(hit)
        counterpart = kept.notice.counterpart
        if kept.state is HitState.WITHDRAWN or counterpart is None:
            raise RefusedError(
                Code.CONFLICT,
                "There is nobody to ask about this hit: the other agency is not named, or its signal is gone.",
            )
        if self._desk.is_restricted(kept.notice.my_signal, hit):
            raise ConflictError(
                Code.SIGNAL_RESTRICTED,
                "A signal of this hit is restricted; nothing is asked about it until that is lifted.",
                hint="You are told when it is lifted.",
            )
        self._require_topics(wanted)
        for known in self._vault.disclosures.of_hit(hit):
            number = self._vault.disclosures.waiting_number(known.id, Step.ASK)
            if number is not None and (known.wanted, known.why) == (wanted, why):
                await self._desk.send(number)
                return known.id
        now = self._desk.now()
        purpose, owner = kept.notice.purpose, counterpart.agency
        self._desk.require(RequestDisclosure(self._desk.me, owner, purpose, "coordinator", True, now))
        self._own_key()
        terms = Terms(DisclosureId(new_uuid(now)), hit, self._desk.me, owner, purpose)
        sealed = seal_wanted(wanted, self._desk.recipient_of(owner), terms)
        digests = why_digest(why), sha256(sealed)
        request = DisclosureRequest(
            id=terms.id,
            hit_id=hit,
            justification=why,
            wanted=sealed,
            key_id=self._desk.signer.key_id,
            signature=self._desk.signer.sign(request_statement(terms, *digests)),
        )
        asked = KeptDisclosure.begun(
            terms,
            "mine",
            kept.notice.my_signal,
            at=now,
            due_at=now + timedelta(hours=self._desk.covenant.purpose(purpose).disclosure_hours),
            why=why,
            wanted=wanted,
            request=request_digest(terms, *digests),
            waiting=Step.ASK,
        )
        posting = self._desk.posting(PostingKind.DISCLOSURE_REQUEST, "", asked, request, person)
        await self._desk.send(self._vault.disclosures.ask(asked, posting, now))
        return terms.id

    async def cancel(self, disclosure: DisclosureId, person: str) -> None:
        """Take a request back; what was given and not read yet is deleted by the broker."""
        kept = self._mine(disclosure)
        if kept.state is DisclosureState.CANCELLED and kept.waiting is None:
            return
        await self._desk.step(kept, Step.CANCEL, "cancellation", DisclosureCancellation(), person)

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
        await self._desk.step(kept, step, "receipt", receipt, person)
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
        return await asyncio.to_thread(open_answer, answer, chunks, self._own_key(), kept.terms(self._desk.me))

    def _mine(self, disclosure: DisclosureId) -> KeptDisclosure:
        kept = self._vault.disclosures.get(disclosure)
        if kept.direction != "mine":
            raise ConflictError(Code.CONFLICT, "This was asked of your agency, not by it.")
        return kept

    def _require_topics(self, wanted: Wanted) -> None:
        known = {} if self._desk.covenant.disclosures is None else self._desk.covenant.disclosures.topics
        if any(topic not in known for topic in wanted.topics):
            raise InputError(
                Code.MALFORMED, "The covenant has no such topic to ask about.", hint=f"Use one of {', '.join(known)}."
            )

    def _own_key(self) -> Opens:
        if self._opening is None or self._desk.covenant.agency(self._desk.me).disclosure_key is None:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                "This agency has no disclosure key, so that nobody can give it anything.",
                hint="Its home, or its place in the covenant, is from before disclosures: run "
                "`sluis agency renew-disclosure-key`, and give the statement that it writes to the board.",
            )
        return self._opening
