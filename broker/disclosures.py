# SPDX-License-Identifier: EUPL-1.2
"""Requests for more at the broker: read, ask the rules, take the step, commit, wait for the proof, answer.

Whatever refuses a request is logged, but for what this agency was never told of. The broker reads neither what is asked
nor what is given. Spec: ``protocol/spec/disclosures.md``. Not here: what a step writes (``disclosure.py``), HTTP
(``routes/disclosures.py``).
"""

from typing import Final, TypeVar
from uuid import UUID

from broker import disclosure
from broker.disclosure import Sides, Taken, sides_of
from broker.facts import AnswerKept, KeptResult, Outcome, RequestKept
from broker.ingest import ANSWER_KEPT
from broker.interfaces import Act, StoredChunk, StoredDisclosure, StoredSignal
from broker.service import Broker
from broker.statistics import role_of
from protocol.disclosure_states import DisclosureState, Step, after
from protocol.disclosures import (
    AnswerChunk,
    ChunkKept,
    ChunksKept,
    DisclosureCancellation,
    DisclosureDecision,
    DisclosureReceipt,
    DisclosureRequest,
    Terms,
    answer_statement,
    chunks_digest,
    refusal_statement,
    request_statement,
    require_signed,
    sha256,
    why_digest,
)
from protocol.errors import (
    Code,
    ConflictError,
    InputError,
    NotFoundError,
    RefusedError,
    SluisError,
    UnavailableError,
)
from protocol.ids import AnswerId, DisclosureId, SignalId
from protocol.messages import ActAnswer, Message, parse
from protocol.policy import DecideDisclosure, Decision, PersonRole, RequestDisclosure
from protocol.signing import Verified

MAX_OPEN: Final = 5
"""Requests of one agency about one hit that wait at once: nobody can tell more of them apart."""
MAX_ANSWERS: Final = 3
"""Answers to one request that are being sent at once: two colleagues, and one who began anew."""
BATCH: Final = 100
"""Requests ended in one transaction."""
SECOND_PERSON: Final = "disclosure.second-person"
"""The rule, of the purpose's ``disclosureApprovals``, that two different persons must agree."""
_STEPS: Final = {"approve": Step.APPROVE, "grant": Step.GRANT, "refuse": Step.REFUSE}

M = TypeVar("M", bound=Message)


# --- The steps --------------------------------------------------------------------------------------------------------


async def ask(broker: Broker, by: Verified, body: bytes) -> ActAnswer:
    """Log a request for more and tell the owner; the same request again gives the same evidence."""
    request, role = await _read(broker, by, body, DisclosureRequest)
    return await _answer(broker, await _ask(broker, by, request, role))


async def _ask(broker: Broker, by: Verified, request: DisclosureRequest, role: PersonRole) -> UUID:
    now = broker.now()
    try:
        async with broker.act(by) as act:
            known = await act.disclosure(request.id, lock=True)
            # Of another agency's request nobody hears, not even that its id is taken.
            if known is not None and known.asker == by.party:
                if known.body_digest != by.body_digest:
                    raise ConflictError(Code.IDEMPOTENCY_CONFLICT, "This id was used for another request.")
                return known.event_id
            told = await act.told_hit(by.party, request.hit_id)
            if told is None or told.other is None or told.their_signal is None:
                raise NotFoundError(Code.NOT_FOUND, "This agency was not told of such a hit, nor whom it is with.")
            pair = await act.signals([told.my_signal, told.their_signal], lock=True)
            mine, theirs = pair.get(told.my_signal), pair.get(told.their_signal)
            if not _lives(mine) or not _lives(theirs):
                raise ConflictError(Code.CONFLICT, "A signal of this hit has ended; there is nothing to ask about.")
            _require_unrestricted(mine, theirs)
            decision = _allowed(broker, RequestDisclosure(by.party, told.other, told.purpose, role, True, now))
            terms = Terms(request.id, request.hit_id, by.party, told.other, told.purpose)
            statement = request_statement(terms, why_digest(request.justification), sha256(request.wanted))
            require_signed(broker.directory, by.party, request.key_id, request.signature, statement, now)
            if await act.open_disclosures(by.party, request.hit_id) >= MAX_OPEN:
                raise ConflictError(Code.CONFLICT, f"{MAX_OPEN} requests about this hit wait for a decision already.")
            epoch = mine.epoch if mine is not None else broker.covenant.epoch_at(now)
            sides = Sides(terms, told.my_signal, told.their_signal, epoch, told.canary)
            seqs = await act.next_seqs(disclosure.receivers([(sides, Step.ASK)]))
            hours = broker.covenant.purpose(told.purpose).disclosure_hours
            taken = disclosure.ask(request, sides, by, decision, hours, seqs, broker.recorder, now)
            return await _commit(broker, act, by, taken)
    except RefusedError as error:
        await broker.log_refusal(by, error.code.value, error.rule)
        raise


async def decide(broker: Broker, by: Verified, disclosure_id: DisclosureId, body: bytes) -> ActAnswer:
    """Log what a person of the owner decides. Of two at once one wins; the other is told (``already_decided``)."""
    decided, role = await _read(broker, by, body, DisclosureDecision)
    return await _answer(broker, await _decide(broker, by, disclosure_id, decided, role))


async def _decide(
    broker: Broker, by: Verified, disclosure_id: DisclosureId, decided: DisclosureDecision, role: PersonRole
) -> UUID:
    now, step = broker.now(), _STEPS[decided.outcome]
    try:
        async with broker.act(by) as act:
            known = await _known(act, by)
            if known is not None:
                return known
            found = await _locked(act, disclosure_id)
            if found is None or found.owner != by.party or found.canary:
                raise _not_found()
            decision = _allowed(broker, DecideDisclosure(by.party, found.asker, found.purpose, role, now))
            purpose = broker.covenant.purpose(found.purpose)
            after(step, found.state)
            _require_persons(purpose.disclosure_approvals, step, found, by)
            await _require_standing(act, found, restricted=step is Step.REFUSE)
            await _require_answer(broker, act, found, decided)
            seqs = await act.next_seqs(disclosure.receivers([(sides_of(found), step)]))
            days = purpose.disclosure_days
            taken = disclosure.decide(found, step, decided, by, decision, days, seqs, broker.recorder, now)
            return await _commit(broker, act, by, taken, found)
    except RefusedError as error:
        await broker.log_refusal(by, error.code.value, error.rule)
        raise


def _require_persons(approvals: int, step: Step, found: StoredDisclosure, by: Verified) -> None:
    if step is Step.APPROVE and approvals < 2:
        raise ConflictError(Code.CONFLICT, "For this purpose one person decides; there is nothing to approve.")
    if step is not Step.GRANT or approvals < 2:
        return
    if found.state is not DisclosureState.APPROVED:
        raise RefusedError(
            Code.POLICY_REFUSED, "For this purpose two persons decide, and none approved yet.", rule=SECOND_PERSON
        )
    if found.approver == by.person:
        raise RefusedError(
            Code.POLICY_REFUSED, "Another person than the one who approved must give it.", rule=SECOND_PERSON
        )


async def _require_answer(broker: Broker, act: Act, found: StoredDisclosure, decided: DisclosureDecision) -> None:
    """Pass when what is given is signed, and all its pieces are here; the broker reads none of it."""
    now = broker.now()
    if decided.refusal is not None:
        refusal = decided.refusal
        statement = refusal_statement(found.terms, found.request, refusal)
        require_signed(broker.directory, found.owner, refusal.key_id, refusal.signature, statement, now)
        known = broker.covenant.disclosures
        if known is not None and refusal.reason not in known.refusals:
            raise InputError(Code.MALFORMED, "The covenant has no such reason to refuse.")
    if decided.answer is not None:
        answer = decided.answer
        statement = answer_statement(found.terms, found.request, answer)
        require_signed(broker.directory, found.owner, answer.key_id, answer.signature, statement, now)
        chunks = await act.chunks(found.id, answer.id)
        places = [chunk.place for chunk in chunks]
        digest = chunks_digest(tuple(chunk.digest for chunk in chunks))
        if places != list(range(answer.chunks)) or digest != answer.digest:
            raise UnavailableError(
                Code.UNAVAILABLE, "Not all pieces of this answer are here yet.", hint="Send them, then decide again."
            )


async def receive(broker: Broker, by: Verified, disclosure_id: DisclosureId, body: bytes) -> ActAnswer:
    """Log that a person reads what was given; the first time, the sealed pieces are deleted."""
    said, _ = await _read(broker, by, body, DisclosureReceipt)

    async def take() -> UUID:
        async with broker.act(by) as act:
            known = await _known(act, by)
            if known is not None:
                return known
            found = await _locked(act, disclosure_id)
            if found is None or found.asker != by.party:
                raise _not_found()
            # Also what was read before: of a signal that ended it is the asker's own, but this one is being checked.
            pair = await _pair(act, found)
            _require_unrestricted(*(one for one in pair if _lives(one)))
            seqs = await act.next_seqs(disclosure.receivers([(sides_of(found), disclosure.receiving(found))]))
            taken = disclosure.receive(found, by, said.answer, seqs, broker.recorder, broker.now())
            return await _commit(broker, act, by, taken, found)

    return await _answer(broker, await take())


async def cancel(broker: Broker, by: Verified, disclosure_id: DisclosureId, body: bytes) -> ActAnswer:
    """Log that the asker needs it no more; what was given and not read is deleted."""
    await _read(broker, by, body, DisclosureCancellation)

    async def take() -> UUID:
        async with broker.act(by) as act:
            known = await _known(act, by)
            if known is not None:
                return known
            found = await _locked(act, disclosure_id)
            if found is None or found.asker != by.party:
                raise _not_found()
            seqs = await act.next_seqs(disclosure.receivers([(sides_of(found), Step.CANCEL)]))
            taken = disclosure.end(found, Step.CANCEL, by, seqs, broker.recorder, broker.now())
            return await _commit(broker, act, by, taken, found)

    return await _answer(broker, await take())


async def end_due(broker: Broker) -> int:
    """End every request past its time, or of a hit of which a signal ended; return how many."""
    count = 0
    while True:
        now = broker.now()
        async with broker.act() as act:
            due = await act.due_disclosures(now, BATCH)
            if not due:
                return count
            steps = [(found, disclosure.due_step(found, now)) for found in due]
            seqs = dict(await act.next_seqs(disclosure.receivers([(sides_of(one), step) for one, step in steps])))
            taken = []
            for found, step in steps:
                taken.append(disclosure.end(found, step, None, seqs, broker.recorder, now))
                for party in sides_of(found).told(step):
                    seqs[party] += 1
            facts = tuple(fact for one in taken for fact in one.facts)
            events = tuple(event for one in taken for event in one.events)
            await act.commit(Outcome(facts, events))
        count += len(due)


# --- The sealed pieces ------------------------------------------------------------------------------------------------


async def put_chunk(
    broker: Broker, by: Verified, disclosure_id: DisclosureId, answer: AnswerId, place: int, body: bytes
) -> ChunkKept:
    """Keep one sealed piece of an answer. Nothing is given by it, so nothing is logged until the decision."""
    chunk, _ = await _read(broker, by, body, AnswerChunk)
    stored = StoredChunk(place, sha256(chunk.ciphertext))
    async with broker.act(by) as act:
        found = await act.disclosure(disclosure_id, lock=True)
        if found is None or found.owner != by.party or found.canary:
            raise _not_found()
        after(Step.GRANT, found.state)
        if await act.other_answers(disclosure_id, answer) >= MAX_ANSWERS:
            raise ConflictError(Code.CONFLICT, f"{MAX_ANSWERS} answers to this request are being sent already.")
        await act.keep_chunk(disclosure_id, answer, stored, chunk.ciphertext)
    return ChunkKept(index=place, sha256=stored.digest)


async def kept_chunks(broker: Broker, by: Verified, disclosure_id: DisclosureId, answer: AnswerId) -> ChunksKept:
    """Return which pieces of an answer of this agency are here."""
    await broker.require_reader(by)
    async with broker.act(by) as act:
        found = await act.disclosure(disclosure_id)
        if found is None or found.owner != by.party or found.canary:
            raise _not_found()
        chunks = await act.chunks(disclosure_id, answer)
    return ChunksKept(kept=tuple(ChunkKept(index=one.place, sha256=one.digest) for one in chunks))


async def chunk(broker: Broker, by: Verified, disclosure_id: DisclosureId, answer: AnswerId, place: int) -> AnswerChunk:
    """Return one sealed piece to whom it was given, while the signals of the hit stand and none is restricted."""
    await broker.require_reader(by)
    async with broker.act(by) as act:
        found = await act.disclosure(disclosure_id)
        given = found is not None and found.asker == by.party and found.state is DisclosureState.GRANTED
        if found is None or not given or found.answer is None or found.answer.id != answer:
            raise _not_found()
        await _require_standing(act, found)
        ciphertext = await act.chunk(disclosure_id, answer, place)
    if ciphertext is None:
        raise _not_found()
    return AnswerChunk(ciphertext=ciphertext)


# --- Common -----------------------------------------------------------------------------------------------------------


async def _read(broker: Broker, by: Verified, body: bytes, kind: type[M]) -> tuple[M, PersonRole]:
    await broker.require_reader(by)
    try:
        role = role_of(by)
        if by.person is None:
            raise InputError(Code.MALFORMED, "A disclosure has a person at both ends: name him or her in Sluis-Person.")
        return parse(kind, body), role
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise


def _allowed(broker: Broker, question: RequestDisclosure | DecideDisclosure) -> Decision:
    decision = broker.engine.decide(question)
    if not decision.allowed:
        raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
    return decision


async def _known(act: Act, by: Verified) -> UUID | None:
    """Return the entry of the same request, when it was taken before."""
    if by.idempotency_key is None:
        raise InputError(Code.MALFORMED, "A step needs an Idempotency-Key.", hint="Keep it for every retry.")
    kept = await act.kept_answer(by.party, by.idempotency_key)
    if kept is None:
        return None
    if kept.digest != by.body_digest:
        raise ConflictError(Code.IDEMPOTENCY_CONFLICT, "This Idempotency-Key was used for another request.")
    return kept.results[0].event_id


async def _locked(act: Act, disclosure_id: DisclosureId) -> StoredDisclosure | None:
    return await act.disclosure(disclosure_id, lock=True)


async def _require_standing(act: Act, found: StoredDisclosure, *, restricted: bool = False) -> None:
    """Pass when both signals live, and unless ``restricted`` may be, none is restricted: to refuse gives nothing."""
    pair = await _pair(act, found)
    if not all(map(_lives, pair)):
        raise ConflictError(Code.CONFLICT, "A signal of this hit has ended; nothing more is given about it.")
    if not restricted:
        _require_unrestricted(*pair)


async def _pair(act: Act, found: StoredDisclosure) -> tuple[StoredSignal | None, StoredSignal | None]:
    """Return both signals of a request's hit, held: neither ends nor is restricted before this act is in the log."""
    pair = await act.signals([found.asker_signal, found.owner_signal], lock=True)
    return pair.get(found.asker_signal), pair.get(found.owner_signal)


def _lives(signal: StoredSignal | None) -> bool:
    return signal is not None and signal.state == "live"


def _require_unrestricted(*signals: StoredSignal | None) -> None:
    if any(one is not None and one.restricted for one in signals):
        raise ConflictError(
            Code.SIGNAL_RESTRICTED,
            "A signal of this hit is restricted; nothing is asked, given or read about it until that is lifted.",
            hint="You are told when it is lifted. The request's time runs on; ask again when it is over.",
        )


async def _commit(broker: Broker, act: Act, by: Verified, taken: Taken, found: StoredDisclosure | None = None) -> UUID:
    event = taken.events[0].id
    facts = [*taken.facts, RequestKept(broker.recorder.new_id(), by)]
    if found is not None and by.idempotency_key is not None:
        about: SignalId = found.asker_signal if found.asker == by.party else found.owner_signal
        result = KeptResult(about, "accepted", event)
        kept = AnswerKept(by.party, by.idempotency_key, by.body_digest, (result,), broker.now() + ANSWER_KEPT)
        facts.append(kept)
    await act.commit(Outcome(tuple(facts), taken.events))
    return event


async def _answer(broker: Broker, event: UUID) -> ActAnswer:
    proven = await broker.proven([event])
    if proven is None:
        return ActAnswer()
    return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)


def _not_found() -> SluisError:
    return NotFoundError(Code.NOT_FOUND, "This agency has no such request.")
