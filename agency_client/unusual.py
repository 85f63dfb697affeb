# SPDX-License-Identifier: EUPL-1.2
"""Read what the broker said to be unusual about agencies' use, and believe only what the log proves.

That nothing is left out is the broker's word; key-holders count for themselves, and the log is there to be read.
Not here: what is unusual (``protocol/unusual.py``), the words (``commands_unusual.py``).
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

from agency_client.signed_versions import SignedVersions
from agency_client.trail import Trail, prove
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.errors import Code, VerificationError
from protocol.events import UnusualUse
from protocol.policy import LogPurpose, PersonRole
from protocol.unusual import UnusualAnswer, UnusualEntry


class UnusualDoor(Protocol):
    """The broker, as far as it is asked for this."""

    async def unusual(self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole) -> UnusualAnswer:
        """Return the unusual use that stands in the log from a day on."""


class UnusualUses:
    """Reads unusual use for one supervisor."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: UnusualDoor,
        trail: Trail,
        versions: SignedVersions,
        clock: Callable[[], datetime],
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._clock = clock

    async def read(
        self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole
    ) -> tuple[UnusualEntry, ...]:
        """Return what the log proves. Raises ``VerificationError`` after keeping the finding."""
        self._trail.require_unstopped()
        answer = await self._broker.unusual(since, log_purpose, person=person, role=role)
        if not answer.entries:
            return ()
        try:
            if answer.checkpoint is None:
                raise _untrue("The broker gave entries without a checkpoint.")
            cosigned = await self._trail.admit(answer.checkpoint)
            await asyncio.to_thread(self._require, answer, cosigned)
        except VerificationError as error:
            self._shelf.report(error.code, "answer unusual", error.detail, self._clock())
            raise
        return answer.entries

    def _require(self, answer: UnusualAnswer, cosigned: CosignedCheckpoint) -> None:
        for entry in answer.entries:
            event = prove(entry.evidence, cosigned).event
            if not isinstance(event, UnusualUse) or (
                event.act.agency,
                event.act.purpose,
                event.reason,
                event.count,
                event.limit,
            ) != (entry.agency, entry.purpose, entry.reason, entry.count, entry.limit):
                raise _untrue("The log says something else than the broker.")
            self._versions.require(event)


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of it is shown. Tell the covenant board.")
