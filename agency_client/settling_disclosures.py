# SPDX-License-Identifier: EUPL-1.2
"""Settlers of a request for more: asking, deciding, saying that it was read, taking it back.

An answer's chunks are sent before the decision that gives it, however often that is begun anew. Not here: making them
(``requesting.py``, ``deciding.py``), verifying what the other side did (``disclosure_reading.py``).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from agency_client.doors import DisclosureDoor
from agency_client.settling import Settler, invalid
from agency_client.vault import Vault
from agency_client.vault.disclosures import KeptDisclosure, Told
from agency_client.vault.outbox import Posting
from agency_client.verified import Receipt
from protocol.disclosure_states import CANCELLED, Step
from protocol.disclosures import (
    AnswerChunk,
    DisclosureCancellation,
    DisclosureDecision,
    DisclosureReceipt,
    DisclosureRequest,
    Terms,
    answer_digest,
    request_digest,
    sha256,
    why_digest,
)
from protocol.errors import ConflictError, NotFoundError, RefusedError, SluisError
from protocol.events import (
    DisclosureDecided,
    DisclosureEnded,
    DisclosureReceived,
    DisclosureRequested,
    Event,
    Words,
)
from protocol.ids import DisclosureId, PartyId
from protocol.ldv import Work
from protocol.messages import parse

_OUTCOMES: Final = {
    "approve": ("approved", Step.APPROVE),
    "grant": ("granted", Step.GRANT),
    "refuse": ("refused", Step.REFUSE),
}


def _id(posting: Posting) -> DisclosureId:
    # ``about`` names the hit, which is what the log of processing may name; the path names the request.
    return DisclosureId(UUID(posting.path.split("/")[3]))


def _kept(vault: Vault, posting: Posting) -> KeptDisclosure:
    if posting.path.count("/") > 2:
        return vault.disclosures.get(_id(posting))
    return vault.disclosures.get(parse(DisclosureRequest, posting.body).id)


def _terms(kept: KeptDisclosure, event: Event) -> Terms:
    """Return the request's terms; who we are ourselves is checked before, for all kinds alike."""
    return kept.terms(event.act.agency or PartyId(""))


def _require_about(kept: KeptDisclosure, event: Event, recipient: PartyId | None) -> None:
    if event.subject.hit_id != kept.hit or kept.signal not in event.subject.signal_ids:
        raise invalid("The log's entry is about another hit.")
    if event.act.recipient != recipient or event.act.person is None:
        raise invalid("The log's entry is for another agency, or of nobody.")


# --- Asking -----------------------------------------------------------------------------------------------------------


def _require_asked(vault: Vault, posting: Posting, event: Event) -> None:
    asked, kept = parse(DisclosureRequest, posting.body), _kept(vault, posting)
    why = asked.justification
    _require_about(kept, event, kept.other)
    digest = request_digest(_terms(kept, event), why_digest(why), sha256(asked.wanted))
    if (
        not isinstance(event, DisclosureRequested)
        or event.request != digest
        or event.act.justification != why.code
        or event.subject.words != Words(text=why.text, case_reference=why.case_reference)
    ):
        raise invalid("The log does not have this request with its reason.")


def _settle_asked(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    kept = _kept(vault, posting)
    vault.disclosures.settle(posting.number, kept.id, Told(Step.ASK, now, receipt, None, posting.person))


# --- Deciding ---------------------------------------------------------------------------------------------------------


async def _send_chunks(vault: Vault, door: DisclosureDoor, posting: Posting) -> None:
    decided = parse(DisclosureDecision, posting.body)
    if decided.answer is None or posting.person is None:
        return
    disclosure, answer, person = _id(posting), decided.answer.id, posting.person
    chunks = vault.disclosures.chunks(disclosure, answer)
    try:
        there = {one.index: one.sha256 for one in (await door.kept_chunks(disclosure, answer, person=person)).kept}
        for place, ciphertext in enumerate(chunks):
            if there.get(place) != sha256(ciphertext):
                await door.put_chunk(disclosure, answer, place, AnswerChunk(ciphertext=ciphertext), person=person)
    except (ConflictError, NotFoundError):
        # Decided, or over: by us before a kill, perhaps, and even read since. The decision's own answer says which.
        return


def _require_decided(vault: Vault, posting: Posting, event: Event) -> None:
    decided, kept = parse(DisclosureDecision, posting.body), _kept(vault, posting)
    _require_about(kept, event, kept.other)
    answer = None
    if decided.answer is not None:
        # We decide, so the request's owner is who acts.
        answer = answer_digest(_terms(kept, event), kept.request, decided.answer)
    reason = None if decided.refusal is None else decided.refusal.reason
    outcome, _ = _OUTCOMES[decided.outcome]
    if not isinstance(event, DisclosureDecided) or (
        (event.request, event.outcome, event.reason, event.answer) != (kept.request, outcome, reason, answer)
    ):
        raise invalid("The log does not have this decision as it was sent.")


def _settle_decided(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    decided, kept = parse(DisclosureDecision, posting.body), _kept(vault, posting)
    _, step = _OUTCOMES[decided.outcome]
    told = Told(step, now, receipt, None, posting.person, None, None, decided.answer)
    vault.disclosures.settle(posting.number, kept.id, told)


# --- Reading, taking back ---------------------------------------------------------------------------------------------


def _require_read(vault: Vault, posting: Posting, event: Event) -> None:
    said, kept = parse(DisclosureReceipt, posting.body), _kept(vault, posting)
    _require_about(kept, event, kept.other)
    if not isinstance(event, DisclosureReceived) or (event.request, event.answer) != (kept.request, said.answer):
        raise invalid("The log does not have that this answer was read.")


def _settle_read(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    kept = _kept(vault, posting)
    again = any(one.step is Step.RECEIVE for one in kept.steps)
    step = Step.READ_AGAIN if again else Step.RECEIVE
    vault.disclosures.settle(posting.number, kept.id, Told(step, now, receipt, None, posting.person))


def _require_taken_back(vault: Vault, posting: Posting, event: Event) -> None:
    parse(DisclosureCancellation, posting.body)
    kept = _kept(vault, posting)
    _require_about(kept, event, kept.other)
    if not isinstance(event, DisclosureEnded) or (event.request, event.rule) != (kept.request, CANCELLED):
        raise invalid("The log does not have that this request was taken back.")


def _settle_taken_back(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    kept = _kept(vault, posting)
    vault.disclosures.settle(posting.number, kept.id, Told(Step.CANCEL, now, receipt, None, posting.person))


def _refused(vault: Vault, posting: Posting, error: SluisError) -> None:
    rule = error.rule if isinstance(error, RefusedError) else None
    vault.disclosures.refused(posting.number, _kept(vault, posting).id, error.code, rule)


REQUEST: Final = Settler(
    Work.DISCLOSURE_REQUEST, "urn:sluis:hit", _require_asked, _settle_asked, refused=_refused, role="coordinator"
)
DECISION: Final = Settler(
    Work.DISCLOSURE_DECISION,
    "urn:sluis:hit",
    _require_decided,
    _settle_decided,
    refused=_refused,
    role="coordinator",
    prepare=_send_chunks,
)
RECEIPT: Final = Settler(
    Work.DISCLOSURE_RECEIPT, "urn:sluis:hit", _require_read, _settle_read, refused=_refused, role="coordinator"
)
CANCELLATION: Final = Settler(
    Work.DISCLOSURE_CANCELLATION,
    "urn:sluis:hit",
    _require_taken_back,
    _settle_taken_back,
    refused=_refused,
    role="coordinator",
)
