# SPDX-License-Identifier: EUPL-1.2
"""Read what the broker said to be unusual about agencies' use, and believe only what the log proves.

The reading itself stands in the log, under rules that the board signed, or nothing is shown. That nothing is left out
is the broker's word; key-holders count for themselves, and the log is there to be read.
Not here: what is unusual (``protocol/unusual.py``), the list (``unusual_list.py``).
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

from agency_client.signed_versions import SignedVersions
from agency_client.trail import Trail, prove
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.errors import Code, RefusedError, VerificationError
from protocol.event_search import Refused
from protocol.events import EventsRead, UnusualUse
from protocol.ids import PartyId
from protocol.log_evidence import verify_evidence
from protocol.policy import LogPurpose, PersonRole, PolicyEngine
from protocol.unusual import UnusualAnswer, UnusualEntry
from protocol.unusual_reading import unusual_reach


class UnusualDoor(Protocol):
    """The broker, as far as it is asked for this."""

    async def unusual(self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole) -> UnusualAnswer:
        """Return the unusual use that stands in the log from a day on. Every call is another reading."""


class UnusualUses:
    """Reads unusual use for one supervisor."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: UnusualDoor,
        trail: Trail,
        versions: SignedVersions,
        engine: PolicyEngine,
        me: PartyId,
        clock: Callable[[], datetime],
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._engine = engine
        self._me = me
        self._clock = clock

    async def read(
        self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole
    ) -> tuple[UnusualEntry, ...]:
        """Return what the log proves.

        Raises ``RefusedError`` before anything leaves when the covenant does not allow it, and ``VerificationError``
        after keeping the finding.
        """
        self._trail.require_unstopped()
        reach = unusual_reach(self._engine, self._me, role, log_purpose, self._clock())
        if isinstance(reach, Refused):
            said = reach.decision
            raise RefusedError(Code.POLICY_REFUSED, said.reason, rule=said.rule, hint="Nothing was asked.")
        answer = await self._broker.unusual(since, log_purpose, person=person, role=role)
        try:
            cosigned = await self._trail.admit(answer.checkpoint)
            if self._shelf.has_receipt(answer.reading.index):
                # Else one entry would stand for two readings, and the second would be in no log.
                raise _untrue("The log's entry is of another reading, proven before.")
            await asyncio.to_thread(self._require_logged, answer, cosigned, log_purpose, person, role)
            await asyncio.to_thread(self._require, answer, cosigned, since)
        except VerificationError as error:
            self._shelf.report(error.code, "answer unusual", error.detail, self._clock())
            raise
        self._shelf.put_receipt(prove(answer.reading, cosigned).receipt("unusual"))
        return answer.entries

    def _require_logged(
        self,
        answer: UnusualAnswer,
        cosigned: CosignedCheckpoint,
        log_purpose: LogPurpose,
        person: str,
        role: PersonRole,
    ) -> None:
        event = verify_evidence(answer.reading, cosigned)
        act = event.act
        if not isinstance(event, EventsRead) or (act.agency, act.person, act.system) != (self._me, person, None):
            raise _untrue("The log's entry is not this person's reading.")
        reach = unusual_reach(self._versions.require(event), self._me, role, log_purpose, act.time)
        if isinstance(reach, Refused):
            raise _untrue("The rules that the board signed do not allow this reading.")
        logged = (event.log_purpose, event.scopes, event.purposes, act.policy_ids, act.decision, event.entries)
        if logged != (log_purpose, reach.scopes, reach.named, reach.policies, "allow", len(answer.entries)):
            raise _untrue("The log has another reading than this one.")
        if any(entry.purpose not in reach.named for entry in answer.entries):
            raise _untrue("The broker told of a purpose that this reader may not see.")

    def _require(self, answer: UnusualAnswer, cosigned: CosignedCheckpoint, since: date) -> None:
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
            if entry.day < since:
                raise _untrue("The broker told of a day that was not asked for.")
            self._versions.require(event)


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of it is shown. Tell the covenant board.")
