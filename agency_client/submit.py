# SPDX-License-Identifier: EUPL-1.2
"""From drafts to signed signals: which inputs the key-holders must evaluate, and what is made of their outputs.

Pure: the same outputs give signals with the same tags; only nonces and content keys are fresh. Not here: asking the
key-holders (``evaluation.py``), writing and sending (``vault``, ``post.py``).
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from agency_client.draft import Draft, DraftKey
from agency_client.vault.pending import Pending
from agency_client.vault.signals import KeptKey
from protocol.encoding import label, lp, parse_time
from protocol.envelope import EnvelopeKeyRef, PartContext, SealedParts, part_digest, seal, signal_statement
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.keys import opens_parts
from protocol.messages import Informed, PartName, PushRequest, Signal, SignalKey
from protocol.signing import Signer
from protocol.tags import TagAndKey, derive_all, match_input

UUID_RANDOM: Final = 10
"""Random bytes of a UUIDv7 (RFC 9562): 74 bits are used."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """The distinct match inputs of some drafts: equal keys of different records are evaluated once."""

    inputs: tuple[bytes, ...] = field(repr=False)
    places: Mapping[tuple[KeyKind, str], int] = field(repr=False)

    @staticmethod
    def of(drafts: Iterable[Draft]) -> "Tagging":
        """Collect the inputs of all drafts."""
        places: dict[tuple[KeyKind, str], int] = {}
        for draft in drafts:
            for key in draft.keys:
                places.setdefault((key.kind, key.normal_form), len(places))
        return Tagging(tuple(match_input(kind, form) for kind, form in places), places)

    def pick(self, key: DraftKey, derived: Sequence[TagAndKey]) -> TagAndKey:
        """Return what was derived for one match key."""
        return derived[self.places[(key.kind, key.normal_form)]]


@dataclass(frozen=True, slots=True)
class ToSign:
    """A draft with what the vault decided about it: its id, its end, and what it replaces."""

    id: SignalId
    draft: Draft
    expires_at: str
    supersedes: SignalId | None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who signs: the agency's signing key, and the key of its case tokens."""

    signer: Signer
    case_key: bytes = field(repr=False)

    def case_token(self, purpose: PurposeId, case_reference: str) -> bytes:
        """Return what stands for a case: the same within a purpose, and meaningless to everybody else."""
        return hmac.digest(self.case_key, label("case-token") + lp(purpose) + lp(case_reference), hashlib.sha256)


def derive(outputs: Sequence[bytes], purpose: PurposeId, epoch: Epoch) -> list[TagAndKey]:
    """Turn the outputs of the pseudonym function into tags and envelope keys."""
    return derive_all(outputs, purpose, epoch)


def make_signal(
    ready: ToSign,
    tagging: Tagging,
    derived: Sequence[TagAndKey],
    purpose: PurposeId,
    epoch: Epoch,
    sender: Sender,
    cover: PartyId | None = None,
) -> tuple[Signal, tuple[KeptKey, ...]]:
    """Seal and sign one signal; also returns the envelope keys that open what a counterpart seals.

    With a ``cover`` it is a canary, bound to that agency's name: its signature must take the place of ours.
    """
    draft = ready.draft
    context = PartContext(ready.id, cover or sender.signer.party, purpose, epoch)
    found = [(key, tagging.pick(key, derived)) for key in draft.keys]
    openers = [(key, pair) for key, pair in found if opens_parts(key.kind)]
    # A signal of factors alone makes no hit, so nobody would ever open its parts.
    plain: dict[PartName, bytes] = {name: draft.part_bytes(name) for name in draft.parts if openers}
    refs = [EnvelopeKeyRef(key.kind, key.role, pair.envelope_key) for key, pair in openers]
    sealed = seal(plain, refs, context) if openers else SealedParts((), ())
    wraps = iter(sealed.wraps)
    digests = {part.name: part_digest(part) for part in sealed.parts}
    signal = Signal(
        id=ready.id,
        purpose=purpose,
        epoch=epoch,
        grounds=draft.grounds,
        basis=draft.basis,
        case_token=sender.case_token(purpose, draft.case_reference),
        urgency=draft.urgency,
        keys=tuple(
            SignalKey(kind=key.kind, role=key.role, tag=pair.tag, wraps=next(wraps) if opens_parts(key.kind) else {})
            for key, pair in found
        ),
        parts=sealed.parts,
        expires_at=parse_time(ready.expires_at),
        informed=Informed(status=draft.informed, review_on=draft.review_on),
        supersedes=ready.supersedes,
        cover=cover,
        key_id=sender.signer.key_id,
        signature=sender.signer.sign(signal_statement(context, digests)),
    )
    kept = tuple(KeptKey(key.kind, key.role, pair.envelope_key.encoded) for key, pair in found)
    return signal, kept


@dataclass(frozen=True, slots=True)
class Batch:
    """Signals of one purpose that leave in one request."""

    pending: tuple[Pending, ...]
    drafts: tuple[Draft, ...] = field(repr=False)
    tagging: Tagging = field(repr=False)
    """What the key-holders are asked."""

    @staticmethod
    def of(pending: Sequence[Pending]) -> "Batch":
        """Read the drafts."""
        drafts = tuple(Draft.from_bytes(one.draft) for one in pending)
        return Batch(tuple(pending), drafts, Tagging.of(drafts))

    @property
    def purpose(self) -> PurposeId:
        """The purpose of all of them."""
        return self.pending[0].purpose

    def signed(
        self, outputs: Sequence[bytes], epoch: Epoch, sender: Sender
    ) -> tuple[bytes, list[tuple[Pending, Sequence[KeptKey]]]]:
        """Return the request's body, and of each signal the keys that open what a counterpart seals.

        ``outputs`` are the key-holders' answers to ``tagging.inputs``, in that order.
        """
        derived = derive(outputs, self.purpose, epoch)
        signals: list[Signal] = []
        kept: list[tuple[Pending, Sequence[KeptKey]]] = []
        for one, draft in zip(self.pending, self.drafts, strict=True):
            ready = ToSign(one.id, draft, one.expires_at, one.supersedes)
            signal, keys = make_signal(ready, self.tagging, derived, self.purpose, epoch, sender)
            signals.append(signal)
            kept.append((one, keys))
        return request_body(signals), kept


def request_body(signals: Sequence[Signal]) -> bytes:
    """Return the exact bytes of a push."""
    return PushRequest(signals=tuple(signals)).to_json()


def signal_id(now: datetime, random: bytes) -> SignalId:
    """Make a UUIDv7 (RFC 9562 section 5.7) from a moment and ``UUID_RANDOM`` random bytes."""
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return SignalId(UUID(int=value))


def person_reference(key: bytes, name: str) -> str:
    """Return the opaque reference to an employee: a keyed hash that only this agency can resolve."""
    return hmac.digest(key, label("person") + lp(name), hashlib.sha256).hex()[:32]
