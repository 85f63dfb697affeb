# SPDX-License-Identifier: EUPL-1.2
"""Have the log forget whom the entries of one of our signals concern, and believe it only when the log says so.

What is kept at the agency itself stays: its own records are its own to correct. Spec: ``protocol/spec/erasure.md``.
Not here: the words for people (``commands_erase.py``).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from agency_client.signed_versions import SignedVersions
from agency_client.states import SignalState
from agency_client.trail import Proven, Trail, prove
from agency_client.vault import Vault
from agency_client.vault.signals import Kept
from protocol.encoding import b64url
from protocol.erasure import Marker, read_marker
from protocol.errors import Code, ConflictError, UnavailableError, VerificationError
from protocol.events import SignalRegistered, Words
from protocol.ids import PartyId, SignalId
from protocol.messages import ActAnswer, ErasureRequest
from protocol.policy import PersonRole
from protocol.record_fields import MAX_ITEMS

_KEY_BYTES: Final = 16


class ErasureDoor(Protocol):
    """The broker, as far as erasing asks it."""

    async def erase(
        self, signal: SignalId, request: ErasureRequest, *, idempotency_key: str, person: str, role: PersonRole
    ) -> ActAnswer:
        """Ask it to erase a signal."""


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erases signals of one agency."""

    vault: Vault
    broker: ErasureDoor
    trail: Trail
    versions: SignedVersions
    agency: PartyId
    clock: Callable[[], datetime]

    async def erase(self, signal: Kept, request: ErasureRequest, person: str, role: PersonRole) -> Marker:
        """Have a signal erased; return the entry that says so.

        The same request again asks for the same proof. Raises ``UnavailableError`` while that is not there,
        ``VerificationError`` when the log does not have it.
        """
        self.trail.require_unstopped()
        if signal.state not in (SignalState.ACCEPTED, SignalState.WITHDRAWN):
            raise ConflictError(
                Code.CONFLICT, "The log has nothing about this signal that can be erased, or not yet.",
                hint="One that is on its way: `sluis agency send` first.",
            )  # fmt: skip
        key = self.vault.signals.erasure_key(signal.id, request.to_json())[:_KEY_BYTES]
        answer = await self.broker.erase(signal.id, request, idempotency_key=b64url(key), person=person, role=role)
        if answer.checkpoint is None or answer.evidence is None:
            raise UnavailableError(
                Code.NOT_LOGGED,
                "It is erased, but enough witnesses have not confirmed the log yet.",
                hint="Give the same command again: it asks for the proof.",
            )
        try:
            proven = prove(answer.evidence, await self.trail.admit(answer.checkpoint))
            await asyncio.to_thread(self.versions.fetch, [answer.evidence])
            marker = self._require_ours(proven, signal, request, person)
        except VerificationError as error:
            self.vault.evidence.report(error.code, "answer erasure", error.detail, self.clock())
            raise
        await asyncio.to_thread(self.vault.evidence.put_receipt, proven.receipt(str(signal.id)))
        await asyncio.to_thread(self.vault.pending.settle_erasure, signal.id)
        return marker

    def _require_ours(self, proven: Proven, signal: Kept, request: ErasureRequest, person: str) -> Marker:
        event, marker = proven.event, read_marker(proven.place, proven.event)
        self.versions.require(event)
        words = Words(text=request.text, case_reference=request.case_reference)
        said = (marker.ground, event.act.agency, event.act.person, event.act.purpose, event.subject.words)
        if said != (request.ground, self.agency, person, signal.purpose, words) or marker.month is not None:
            raise _invalid("The log does not have this erasure with its ground.")
        known = self.vault.evidence.places(SignalRegistered.__name__, str(signal.id))
        if len(marker.indexes) < MAX_ITEMS and not marker.indexes.issuperset(known):
            raise _invalid("The log does not say that the signal's registration is erased.")
        return marker


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Tell the broker's operator and the board.")
