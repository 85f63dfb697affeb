# SPDX-License-Identifier: EUPL-1.2
"""Send what is in the outbox, and believe only answers that the log proves.

The same bytes go under the same idempotency key until the proof is there; then the act is settled, once. Not here: what
is written into the outbox (``tagging.py``, ``acts.py``).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from agency_client.doors import BrokerDoor
from agency_client.processing import WORK_OF, subjects_of
from agency_client.settlers import SETTLERS
from agency_client.settling import invalid
from agency_client.signed_versions import SignedVersions
from agency_client.trail import Proven, Trail, prove
from agency_client.vault import Vault
from agency_client.vault.outbox import PUSHES, Posting, PostingKind
from agency_client.verified import Receipt
from edge.ldv import UNLOGGED, Works
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import tag_digest
from protocol.encoding import unb64url
from protocol.errors import (
    Code,
    ConflictError,
    InputError,
    NotFoundError,
    RefusedError,
    SluisError,
    UnavailableError,
    VerificationError,
)
from protocol.events import Event, SignalRefused, SignalRegistered, SignalRetagged
from protocol.group import random_bytes
from protocol.ids import Epoch, PartyId, PurposeId, SignalId
from protocol.messages import (
    ActAnswer,
    PushAnswer,
    Refusal,
    SignalResult,
    parse,
)
from protocol.trace import trace_of_key

PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries in one run: a broker that restarts is back within them; longer outages wait in the outbox."""
_AGAIN: Final = frozenset(
    {
        Code.UNAVAILABLE,
        Code.NOT_LOGGED,
        Code.IN_FLIGHT,
        Code.INTERNAL,
        Code.QUORUM_MISSING,
        Code.LOG_INCOMPLETE,
    }
)
"""Failures that another try may mend."""
FIRST_COME: Final = frozenset({Code.CONFLICT, Code.ALREADY_DECIDED, Code.SIGNAL_RESTRICTED})
"""Failures that say that somebody else was first. What a restriction stops is not sent by itself when that is lifted:
what was to be given may have been wrong, so that a person decides anew."""


@dataclass(slots=True)
class Tally:
    """What became of what was sent."""

    accepted: int = 0
    refused: int = 0
    retag: int = 0
    """Signals whose epoch closed before they were sent: they are tagged again."""
    retagged: int = 0
    """Signals that stand for the next epoch now; no new ones."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How often each code, with its rule, was the reason."""

    def refuse(self, signals: int, code: str, rule: str | None) -> None:
        """Count signals that were refused for good; none is no reason."""
        if signals:
            self.refused += signals
            self.refusals[f"{code}, rule {rule}" if rule else code] += signals


class Post:
    """Sends the requests of one agency's outbox."""

    def __init__(
        self,
        vault: Vault,
        broker: BrokerDoor,
        trail: Trail,
        versions: SignedVersions,
        agency: PartyId,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        works: Works = UNLOGGED,
    ) -> None:
        self._vault = vault
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._agency = agency
        self._clock = clock
        self._sleep = sleep
        self._works = works
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def send(self, number: int, tally: Tally) -> None:
        """Send one request until its answer is proven.

        Raises what stands in the way: ``UnavailableError`` leaves it waiting; ``VerificationError`` says that the
        answer does not hold, keeps the finding, and leaves it waiting; a refusal for good is settled as such first.
        """
        # One at a time: the daemon and the person whose act it is may both be at it.
        turn = self._turns.setdefault(number, asyncio.Lock())
        async with turn:
            await self._send(number, tally)

    async def _send(self, number: int, tally: Tally) -> None:
        self._trail.require_unstopped()
        for pause in (*PAUSES, None):
            posting = await asyncio.to_thread(self._vault.outbox.offer, number)
            if posting is None:
                self._require_not_refused(number)
                return
            try:
                await self._once(posting, tally)
            except VerificationError as error:
                if error.code in _AGAIN and pause is not None:
                    await self._sleep(pause)
                    continue
                self._vault.evidence.report(error.code, f"answer {posting.kind}", error.detail, self._clock())
                raise
            except (UnavailableError, ConflictError) as error:
                if error.code in FIRST_COME:
                    # Somebody else was first, for good: asking again changes nothing.
                    self._settle_refusal(posting, error, tally)
                if error.code not in _AGAIN or pause is None:
                    raise
                await self._sleep(pause)
                continue
            except (RefusedError, InputError, NotFoundError) as error:
                self._settle_refusal(posting, error, tally)
                raise
            return

    def _require_not_refused(self, number: int) -> None:
        """Pass when somebody else sent it and it was taken: who waits for it may only then go on."""
        if (code := self._vault.outbox.refused(number)) is not None:
            raise RefusedError(Code(code), "The broker refused this when it was sent.")

    def _settle_refusal(self, posting: Posting, error: SluisError, tally: Tally) -> None:
        if error.code is Code.BUDGET_EXHAUSTED:
            return
        closed = error.code is Code.EPOCH_CLOSED
        sent = {one.id for one in _sent(posting.body)} if posting.kind is PostingKind.PUSH else set()
        signals = len(sent - self._vault.probes.signals())
        tally.retag += signals if closed else 0
        rule = error.rule if isinstance(error, RefusedError) else None
        tally.refuse(0 if closed else signals, error.code, rule)
        if posting.kind is PostingKind.RETAG:
            self._vault.registrations.refuse(posting.number, error.code, self._clock())
        elif posting.kind is not PostingKind.PUSH:
            # Before the row is closed: a kill in between has the broker refuse, and this written, once more.
            SETTLERS[posting.kind].refused(self._vault, posting, error)
        self._vault.outbox.fail(posting.number, error.code, rule, epoch_closed=closed)

    async def _once(self, posting: Posting, tally: Tally) -> None:
        # Written down before anything is settled: a kill in between repeats the request, and the line.
        trace = trace_of_key(posting.idempotency_key, random_bytes)
        with self._works.do(WORK_OF[posting.kind], posting.purpose, trace) as work:
            work.subjects = subjects_of(posting)
            raw = await self._offer(posting)
        if posting.kind in PUSHES:
            await self._take_push(posting, _read(PushAnswer, raw), tally)
        else:
            await self._take_act(posting, _read(ActAnswer, raw))

    async def _offer(self, posting: Posting) -> bytes:
        settler = SETTLERS.get(posting.kind)
        key, purpose, person = posting.idempotency_key, posting.purpose, posting.person
        if settler is None or settler.role is None:
            return await self._broker.post(
                posting.path, posting.body, idempotency_key=key, purpose=purpose, person=person
            )
        await settler.prepare(self._vault, self._broker, posting)
        return await self._broker.post(
            posting.path, posting.body, idempotency_key=key, purpose=purpose, person=person, role=settler.role
        )

    async def _take_push(self, posting: Posting, answer: PushAnswer, tally: Tally) -> None:
        if answer.checkpoint is None or any(result.evidence is None for result in answer.results):
            raise _not_yet()
        cosigned = await self._trail.admit(answer.checkpoint)
        settled, receipts = await asyncio.to_thread(self._check_push, posting, answer, cosigned)
        if posting.kind is PostingKind.RETAG:
            settle = self._vault.registrations.settle
            tally.retagged += await asyncio.to_thread(settle, posting.number, settled, receipts, self._clock())
            return
        await asyncio.to_thread(self._vault.outbox.settle_push, posting.number, settled, receipts, self._clock())
        probes = self._vault.probes.signals()
        for signal, refusal in settled.items():
            if signal in probes:
                continue
            if refusal is None:
                tally.accepted += 1
            elif refusal.code == Code.EPOCH_CLOSED:
                tally.retag += 1
            else:
                tally.refuse(1, refusal.code, refusal.rule)

    def _check_push(
        self, posting: Posting, answer: PushAnswer, cosigned: CosignedCheckpoint
    ) -> tuple[Mapping[SignalId, Refusal | None], list[Receipt]]:
        sent = _sent(posting.body)
        if [result.id for result in answer.results] != [signal.id for signal in sent]:
            raise invalid("The answer is not about the signals that were sent.")
        settled: dict[SignalId, Refusal | None] = {}
        receipts: list[Receipt] = []
        for signal, result in zip(sent, answer.results, strict=True):
            proven = _prove(result, cosigned)
            self._require_registered(signal, result, proven, posting)
            settled[signal.id] = result.refusal
            receipts.append(proven.receipt(str(signal.id)))
        return settled, receipts

    def _require_registered(self, signal: "_Sent", result: SignalResult, proven: Proven, posting: Posting) -> None:
        event = proven.event
        self._require_actor(event, posting)
        if event.act.purpose != signal.purpose:
            raise invalid("The log's entry is about another purpose.")
        if event.subject.signal_ids != (signal.id,):
            raise invalid("The log's entry is about another signal.")
        if result.refusal is not None:
            told = (result.refusal.code, result.refusal.rule, "deny")
            if not isinstance(event, SignalRefused) or (event.code, event.rule, event.act.decision) != told:
                raise invalid("The log does not have the refusal that the broker gives.")
            return
        if (
            result.status == "refused"
            or not isinstance(event, SignalRetagged if posting.kind is PostingKind.RETAG else SignalRegistered)
            or (event.asked.epoch, event.asked.grounds) != (signal.epoch, signal.grounds)
            or event.asked.cover != signal.cover
            or (event.asked.basis, event.act.basis, event.urgency) != (signal.basis, signal.basis, signal.urgency)
            or event.act.decision != "allow"
            or set(event.subject.tag_digests) != signal.tag_digests
            or (result.status == "accepted" and event.request_digest != posting.body_sha256)
        ):
            raise invalid("The log does not have the signal as it was sent.")

    async def _take_act(self, posting: Posting, answer: ActAnswer) -> None:
        if answer.checkpoint is None or answer.evidence is None:
            raise _not_yet()
        proven = prove(answer.evidence, await self._trail.admit(answer.checkpoint))
        await asyncio.to_thread(self._versions.fetch, [answer.evidence])
        self._require_actor(proven.event, posting)
        await asyncio.to_thread(self._settle_act, posting, proven)

    def _settle_act(self, posting: Posting, proven: Proven) -> None:
        if self._vault.evidence.has_receipt(proven.place):
            if self._vault.outbox.offer(posting.number) is None:
                return  # Another process of this home settled the same request meanwhile.
            # Else one entry would stand for two readings, and the second would be in no log.
            raise invalid("The log's entry is of another act, proven to us before.")
        settler = SETTLERS[posting.kind]
        if proven.event.act.purpose != settler.purpose(self._vault, posting):
            raise invalid("The log's entry is about another purpose.")
        settler.require(self._vault, posting, proven.event)
        settler.settle(self._vault, posting, proven.receipt(posting.about or ""), self._clock())

    def _require_actor(self, event: Event, posting: Posting) -> None:
        # When no person acts, the agency's own system does.
        system = None if posting.person else self._agency
        if (event.act.agency, event.act.person, event.act.system) != (self._agency, posting.person, system):
            raise invalid("The log's entry is about another agency or another person.")
        self._versions.require(event)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What an answer must be about, of one signal as it was sent."""

    id: SignalId
    purpose: PurposeId
    epoch: Epoch
    grounds: tuple[str, ...]
    basis: str
    urgency: str
    cover: str | None
    tag_digests: frozenset[bytes]


def _sent(body: bytes) -> list[_Sent]:
    """Read a push of our own outbox: it was checked when it was made, and the vault lets nobody change it."""
    return [
        _Sent(
            SignalId(UUID(signal["id"])),
            PurposeId(signal["purpose"]),
            Epoch(signal["epoch"]),
            tuple(signal["grounds"]),
            signal["basis"],
            signal["urgency"],
            signal.get("cover"),
            frozenset(tag_digest(unb64url(key["tag"])) for key in signal["keys"]),
        )
        for signal in json.loads(body)["signals"]
    ]


def _prove(result: SignalResult, cosigned: CosignedCheckpoint) -> Proven:
    if result.evidence is None:
        raise _not_yet()
    return prove(result.evidence, cosigned)


M = TypeVar("M", PushAnswer, ActAnswer)


def _read(kind: type[M], raw: bytes) -> M:
    try:
        return parse(kind, raw)
    except InputError as error:
        raise invalid("The broker's answer does not have the agreed form.") from error


def _not_yet() -> UnavailableError:
    return UnavailableError(
        Code.NOT_LOGGED,
        "The broker took the request, but enough witnesses have not confirmed the log yet.",
        hint="Nothing is lost: `sluis agency send` asks again for the proof.",
    )
