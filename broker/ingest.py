# SPDX-License-Identifier: EUPL-1.2
"""Take in a push: which signals may be registered, what is known already, and why each other one is refused.

Pure. Two steps, so that the slow one (signatures) is done before the store's transaction opens.
Not here: reading what is stored (``postgres/``) and who else signals about the same person (``matching.py``).
Spec: ``protocol/spec/messages.md``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.awaiting import awaits
from broker.facts import (
    AnswerKept,
    BatchQueued,
    Fact,
    KeptResult,
    Outcome,
    Recorded,
    RequestKept,
    SignalAdded,
    SignalRetagged,
)
from broker.interfaces import StoredSignal
from broker.recording import Recorder
from protocol.covenant import Covenant
from protocol.envelope import PartContext, part_digest, signal_statement
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.ids import Epoch, PurposeId, SignalId
from protocol.keys import opens_parts
from protocol.messages import PartName, Refusal, Signal
from protocol.policy import Decision, Plant, PolicyEngine, Push
from protocol.signing import KeyDirectory, Verified, verify_message

ANSWER_KEPT: Final = timedelta(days=7)
"""How long a push may be repeated under its key: longer than any outage that an outbox waits out."""
EPOCH_RULE: Final = "guard.epoch-closed"


@dataclass(frozen=True, slots=True)
class Examined:
    """A signal that stood or failed every check that needs no store."""

    signal: Signal
    digest: bytes
    part_digests: dict[PartName, bytes]
    decision: Decision | None
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """One result a signal, in the order sent; without outcome there is nothing new to write."""

    results: tuple[KeptResult, ...]
    outcome: Outcome | None


def examine(
    signals: Sequence[Signal], by: Verified, engine: PolicyEngine, directory: KeyDirectory, now: datetime
) -> tuple[Examined, ...]:
    """Check policy, key and signature of each signal."""
    return tuple(_examine(signal, by, engine, directory, now) for signal in signals)


def accept(
    examined: Sequence[Examined],
    by: Verified,
    key: str,
    stored: Mapping[SignalId, StoredSignal],
    recorder: Recorder,
    now: datetime,
) -> Accepted:
    """Decide about each signal, given which of them are stored already, and write down what follows."""
    results: list[KeptResult] = []
    facts: list[Fact] = []
    events: list[Recorded] = []
    batches: dict[tuple[PurposeId, Epoch], list[SignalId]] = defaultdict(list)
    for item in examined:
        signal = item.signal
        before = stored.get(signal.id)
        refusal = item.refusal
        if before is not None and before.told == by.party and before.digest == item.digest:
            # Accepted before: it stays accepted, whatever the rules say now.
            results.append(KeptResult(signal.id, "known", before.event_id))
            continue
        retags = before is not None and _may_retag(before, item, by, now)
        if before is not None and refusal is None and not retags:
            # Only who may signal here hears of it: others must not learn that a signal exists.
            refusal = Refusal(code=Code.CONFLICT.value, detail="Another signal has this id.")
        if refusal is not None or item.decision is None:
            refusal = refusal or Refusal(code=Code.POLICY_REFUSED.value, detail="No rule allows this.")
            event = recorder.refused(signal, by, refusal, now)
            results.append(KeptResult(signal.id, "refused", event.id, refusal))
        elif retags:
            event = recorder.retagged(signal, by, item.decision, now)
            results.append(KeptResult(signal.id, "accepted", event.id))
            facts.append(_retagged(item, by, event))
            batches[signal.purpose, signal.epoch].append(signal.id)
        else:
            event = recorder.registered(signal, by, item.decision, now)
            results.append(KeptResult(signal.id, "accepted", event.id))
            facts.append(_added(item, by, event, recorder.covenant, now))
            batches[signal.purpose, signal.epoch].append(signal.id)
        events.append(event)
    if not events:
        return Accepted(tuple(results), None)
    facts += [
        BatchQueued(recorder.new_id(), purpose, epoch, tuple(ids)) for (purpose, epoch), ids in sorted(batches.items())
    ]
    facts.append(RequestKept(recorder.new_id(), by))
    facts.append(AnswerKept(by.party, key, by.body_digest, tuple(results), now + ANSWER_KEPT))
    return Accepted(tuple(results), Outcome(tuple(facts), tuple(events)))


def _may_retag(before: StoredSignal, item: Examined, by: Verified, now: datetime) -> bool:
    """Say whether a signal that stands may be given a later epoch's keys: the same one, of the same case, no longer."""
    signal = item.signal
    same = (before.told, before.agency, before.purpose, before.case_token) == (
        by.party,
        signal.cover or by.party,
        signal.purpose,
        signal.case_token,
    )
    stands = before.state == "live" and before.expires_at > now
    return same and stands and signal.epoch > before.epoch and signal.expires_at <= before.expires_at


def _retagged(item: Examined, by: Verified, event: Recorded) -> SignalRetagged:
    signal = item.signal
    told = None if signal.cover is None else by.party
    return SignalRetagged(signal, signal.cover or by.party, item.part_digests, item.digest, event.id, told)


def _added(item: Examined, by: Verified, event: Recorded, covenant: Covenant, now: datetime) -> SignalAdded:
    signal = item.signal
    if signal.cover is not None:
        # Shown and matched as the cover's, so that nothing tells it from the cover's own; heard of by its planter.
        return SignalAdded(signal, signal.cover, item.part_digests, item.digest, event.id, told=by.party)
    since = now if awaits(covenant, by.party, signal.purpose) else None
    return SignalAdded(signal, by.party, item.part_digests, item.digest, event.id, since)


def _examine(signal: Signal, by: Verified, engine: PolicyEngine, directory: KeyDirectory, now: datetime) -> Examined:
    digests = {part.name: part_digest(part) for part in signal.parts}
    decision = engine.decide(_question(signal, by, now))
    if not decision.allowed:
        code = Code.EPOCH_CLOSED if decision.rule == EPOCH_RULE else Code.POLICY_REFUSED
        refusal: Refusal | None = Refusal(code=code.value, rule=decision.rule, detail=decision.reason)
    elif any(bool(key.wraps) != (bool(signal.parts) and opens_parts(key.kind)) for key in signal.keys):
        detail = "Every key but a factor wraps the parts, and a factor wraps none."
        refusal = Refusal(code=Code.MALFORMED.value, detail=detail)
    else:
        refusal = _check_signature(signal, digests, by, directory, now)
    return Examined(signal, hashlib.sha256(signal.to_json()).digest(), digests, decision, refusal)


def _question(signal: Signal, by: Verified, now: datetime) -> Push | Plant:
    kinds = tuple(sorted({key.kind for key in signal.keys}))
    if signal.cover is not None:
        return Plant(
            agency=by.party,
            cover=signal.cover,
            purpose=signal.purpose,
            epoch=signal.epoch,
            now=now,
            grounds=signal.grounds,
            basis=signal.basis,
            kinds=kinds,
            expires_at=signal.expires_at,
        )
    return Push(
        agency=by.party,
        purpose=signal.purpose,
        epoch=signal.epoch,
        now=now,
        grounds=signal.grounds,
        basis=signal.basis,
        kinds=kinds,
        expires_at=signal.expires_at,
        informed=signal.informed.status,
        review_on=signal.informed.review_on,
    )


def _check_signature(
    signal: Signal, digests: Mapping[PartName, bytes], by: Verified, directory: KeyDirectory, now: datetime
) -> Refusal | None:
    shown = signal.cover or by.party
    try:
        entry = directory.lookup(signal.key_id, now)
        if entry.party != shown:
            return Refusal(code=Code.UNKNOWN_KEY.value, detail="The signal is signed with another party's key.")
        context = PartContext(signal.id, shown, signal.purpose, signal.epoch)
        verify_message(entry.key, signal_statement(context, digests), signal.signature)
    except AuthenticationError as error:
        return Refusal(code=error.code.value, detail=error.detail)
    except VerificationError:
        return Refusal(code=Code.SIGNATURE_INVALID.value, detail="The signal's signature does not cover these parts.")
    return None
