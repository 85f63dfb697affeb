# SPDX-License-Identifier: EUPL-1.2
"""Lend a name to canaries, and plant them: what the cover refuses to sign, and what the supervisor sends.

Not here: drafting them (``canary_drafting.py``), the files' forms (``protocol/canaries.py``).
"""

from agency_client.canary_drafting import statement_of
from agency_client.draft import Draft
from agency_client.session import Session
from agency_client.submit import request_body
from agency_client.vault.adding import NewSignal
from agency_client.vault.canaries import Drafted
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from protocol.canaries import (
    CanaryRequest,
    CanaryStatement,
    LentName,
    LentSignature,
    SignedCanaryRequest,
    lend,
    require_lent,
    still_planting,
)
from protocol.errors import (
    AuthenticationError,
    Code,
    ConflictError,
    InputError,
    NotFoundError,
    RefusedError,
    VerificationError,
)
from protocol.ids import SignalId
from protocol.messages import MAX_SIGNALS, Signal


def checked(session: Session, signed: SignedCanaryRequest) -> CanaryRequest:
    """Return a request that this agency may lend its name to.

    Raises ``VerificationError`` when the supervisor did not sign it, ``InputError`` when it is for another agency or
    names a signal of our own, ``RefusedError`` when no rule allows it (also for an epoch that is not live).
    """
    request = signed.verified(session.agreed.directory)
    if request.cover != session.me.id:
        raise InputError(Code.CONFLICT, "This request is addressed to another agency.")
    own = session.vault.signals.with_keys([one.id for one in request.statements])
    if own:
        # Our signature would then stand under other parts for a signal of ours.
        raise InputError(Code.CONFLICT, "The request names a signal of this agency itself.", hint="Sign nothing of it.")
    for purpose, epoch in sorted({(one.purpose, one.epoch) for one in request.statements}):
        # Its grounds, kinds and end are the broker's question, which sees the whole canary.
        question = still_planting(session.covenant, request.planter, session.me.id, purpose, epoch, session.clock())
        decision = session.engine.decide(question)
        if not decision.allowed:
            raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
    return request


def lent(session: Session, request: CanaryRequest) -> LentName:
    """Sign the statements of a request that was checked."""
    return lend(request, session.identity.sender.signer)


def put_planted(session: Session, name: LentName) -> int | None:
    """Write the push of canaries whose cover has signed; return its number, or None when they were planted before.

    Raises ``VerificationError`` when the cover did not sign just these, ``NotFoundError`` for canaries of another home.
    """
    ids = [one.id for one in name.signatures]
    if name.planter != session.me.id:
        raise InputError(Code.CONFLICT, "This file is addressed to another supervisor.")
    known = {one.id: one for one in session.vault.canaries.all()}
    if any(one not in known or known[one].cover != name.cover for one in ids):
        raise NotFoundError(Code.NOT_FOUND, "This home drafted no such canaries.", hint="Plant where you drafted.")
    waiting = session.vault.canaries.drafted(ids)
    if not waiting:
        return None
    now = session.clock()
    signed: dict[SignalId, Signal] = {}
    for given in name.signatures:
        if given.id in waiting:
            drafted = waiting[given.id]
            _require_signed(session, name, given, statement_of(drafted))
            signed[given.id] = drafted.signal.model_copy(update={"key_id": name.key_id, "signature": given.signature})
    signals = list(signed.values())
    posting = NewPosting(PostingKind.PUSH, "/v1/signals", new_key(), request_body(signals), signals[0].purpose)
    # One transaction: a command that sends beside us never sees them as ordinary signals that wait.
    with session.vault.together():
        session.vault.signals.add([_new(waiting[one], session) for one in signed], now)
        pending = [one for one in session.vault.pending.batch(MAX_SIGNALS) if one.id in signed]
        number = session.vault.outbox.put_push(
            posting, [(one, waiting[one.id].keys) for one in pending], signals[0].epoch, now
        )
        session.vault.canaries.planted(list(signed))
    return number


def _new(drafted: Drafted, session: Session) -> NewSignal:
    reference = Draft.from_bytes(drafted.draft).reference
    if session.vault.signals.find(reference):
        raise ConflictError(Code.CONFLICT, "A canary with one of these references stands.", hint="Draft it anew.")
    return NewSignal(drafted.signal.id, drafted.signal.purpose, reference, drafted.draft, drafted.expires_at)


def _require_signed(session: Session, name: LentName, given: LentSignature, statement: CanaryStatement) -> None:
    try:
        entry = session.agreed.directory.lookup(name.key_id, session.clock())
        require_lent(statement, name.cover, entry.key, given.signature)
    except (AuthenticationError, VerificationError):
        raise _not_lent() from None
    if entry.party != name.cover:
        raise _not_lent()


def _not_lent() -> VerificationError:
    return VerificationError(
        Code.SIGNATURE_INVALID, "The cover's signature over these canaries does not hold.", hint="Let it lend again."
    )
