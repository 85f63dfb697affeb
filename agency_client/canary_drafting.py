# SPDX-License-Identifier: EUPL-1.2
"""Draft canaries: records about nobody become sealed signals in a cover's name, and a request to that cover.

The same file forms, keys and rules as an ordinary push of the cover, so that nothing tells the results apart.
Not here: lending the name (``canary_lending.py``), planting (``canaries.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agency_client.intake import Intake, Quarantine, Ready, Taken
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.mapping import SourceRecord
from agency_client.session import Online, Session
from agency_client.submit import UUID_RANDOM, Tagging, ToSign, derive, make_signal, signal_id
from agency_client.vault.canaries import Drafted
from protocol.canaries import CanaryRequest, CanaryStatement, SignedCanaryRequest
from protocol.covenant_parts import Agency
from protocol.encoding import format_time
from protocol.envelope import part_digest
from protocol.errors import Code, InputError, RefusedError
from protocol.group import random_bytes
from protocol.ids import PartyId
from protocol.messages import MAX_SIGNALS, utc
from protocol.policy import Plant, PolicyEngine


class CanaryIntake(Intake):
    """Takes in records as the cover would, and asks the rules whether the planter may plant them."""

    def __init__(
        self,
        engine: PolicyEngine,
        planter: Agency,
        cover: Agency,
        card: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        """``card`` is the contact for records without one of their own."""
        super().__init__(engine, cover, card, clock)
        self._planter = planter

    def _question(self, ready: Ready) -> Plant:
        now, draft = self._clock(), ready.draft
        return Plant(
            agency=self._planter.id,
            cover=self._me.id,
            purpose=ready.record.purpose,
            epoch=self._covenant.epoch_at(now),
            now=now,
            grounds=draft.grounds,
            basis=draft.basis,
            kinds=tuple(sorted({key.kind for key in draft.keys})),
            expires_at=self._expiry(ready, now),
        )

    def _draft(self, record: SourceRecord) -> Ready:
        ready = super()._draft(record)
        if "contact" not in ready.draft.parts:
            raise InputError(
                Code.MALFORMED,
                "A canary needs a contact, as the cover's own signals have.",
                hint="Give columns for it, or --contact CARD.json, as the cover's own card looks.",
            )
        return ready

    def drafted_expiry(self, ready: Ready, now: datetime) -> datetime:
        """Return until when a canary stands: as long as a signal of the cover's would."""
        return self._expiry(ready, now)


@dataclass(frozen=True, slots=True)
class Drafting:
    """What a drafting led to."""

    request: SignedCanaryRequest
    taken: Taken
    quarantine: Path


def read_canaries(
    session: Session, cover: PartyId, file: Path, mapping: ColumnMapping, card: Mapping[str, str]
) -> tuple[list[Ready], CanaryIntake, Taken, Path]:
    """Read records about nobody. Raises ``InputError`` when they cannot go in one request."""
    intake = CanaryIntake(session.engine, session.me, session.covenant.agency(cover), card, session.clock)
    taken = Taken()
    with Quarantine(file) as quarantine:
        ready = list(intake.drafts(file, mapping, quarantine, taken))
    if not ready:
        raise InputError(Code.MALFORMED, "No row can be a canary.", hint=f"The reasons are in {quarantine.path}.")
    if len(ready) > MAX_SIGNALS or len({one.record.purpose for one in ready}) != 1:
        raise InputError(Code.TOO_LARGE, f"One request is of one purpose and at most {MAX_SIGNALS} canaries.")
    references = [one.draft.reference for one in ready]
    if len(set(references)) != len(references) or any(map(session.vault.signals.find, references)):
        raise InputError(
            Code.CONFLICT, "Two canaries would have the same reference, or one was planted.", hint="Use new references."
        )
    return ready, intake, taken, quarantine.path


async def draft(
    session: Session, doors: Online, cover: PartyId, ready: list[Ready], intake: CanaryIntake
) -> SignedCanaryRequest:
    """Have the key-holders make the pseudonyms, seal, keep, and return what the cover must sign."""
    now = utc(session.clock())
    purpose, epoch = ready[0].record.purpose, session.covenant.epoch_at(now)
    decision = session.engine.decide(intake._question(ready[0]))
    if not decision.allowed:
        raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
    await doors.trail.advance()
    keys = await doors.keys.get(purpose, epoch)
    tagging = Tagging.of(one.draft for one in ready)
    outputs = await doors.holders.outputs(keys, tagging.inputs, session.covenant.purpose(purpose).max_batch)
    derived = derive(outputs, purpose, epoch)
    drafted = []
    for one in ready:
        expires = utc(intake.drafted_expiry(one, now))
        to_sign = ToSign(signal_id(now, random_bytes(UUID_RANDOM)), one.draft, format_time(expires), None)
        signal, kept = make_signal(to_sign, tagging, derived, purpose, epoch, session.identity.sender, cover)
        drafted.append(Drafted(signal, one.draft.to_bytes(), kept, expires))
    session.vault.canaries.put(drafted, [one.draft.reference for one in ready], cover, now)
    request = CanaryRequest(
        planter=session.me.id, cover=cover, made_at=now, statements=tuple(statement_of(one) for one in drafted)
    )
    return SignedCanaryRequest.of(request, session.identity.sender.signer)


def statement_of(drafted: Drafted) -> CanaryStatement:
    """Return what the cover signs of a canary."""
    signal = drafted.signal
    return CanaryStatement(
        id=signal.id,
        purpose=signal.purpose,
        epoch=signal.epoch,
        part_digests={part.name: part_digest(part) for part in signal.parts},
    )
