# SPDX-License-Identifier: EUPL-1.2
"""Read aggregates of a purpose, and believe of the answer what can be verified.

What must hold: the log proves that just this reading was logged, for this person, under rules that the board signed,
with so many numbers; no month is open, no number is small, no kind is one that cannot signal. That the numbers are
right is the broker's word: it counts what only it has, and who doubts it asks the supervisor, who may read the log.
Not here: the words (``showing_statistics.py``). Spec: ``protocol/spec/statistics.md``.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agency_client.doors import BrokerDoor
from agency_client.signed_versions import SignedVersions
from agency_client.trail import Trail, prove
from agency_client.vault.evidence import EvidenceShelf
from agency_client.verified import Receipt
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, RefusedError, VerificationError
from protocol.events import StatisticsRead
from protocol.ids import PartyId, PurposeId
from protocol.policy import PersonRole, PolicyEngine, ReadStatistics
from protocol.statistics import MonthRow, StatisticsAnswer, end_of


@dataclass(frozen=True, slots=True)
class Wish:
    """Which aggregates somebody wants to read, and as whom."""

    about: PurposeId
    purpose: PurposeId
    year: int
    agency: PartyId
    person: str
    role: PersonRole


@dataclass(frozen=True, slots=True)
class CheckedStatistics:
    """Aggregates whose reading stands in the log, at this place."""

    about: PurposeId
    purpose: PurposeId
    year: int
    smallest: int
    rows: tuple[MonthRow, ...]
    undeclared: Mapping[str, tuple[PartyId, ...]]
    """Month -> agencies whose probes are still in its numbers: they did not say how many there were."""
    read_at: datetime
    receipt: Receipt


def purpose_for(about: PurposeId, agency: PartyId, covenant: Covenant) -> PurposeId:
    """Return the one purpose under which this agency counts ``about``. Raises ``InputError`` when there is not one."""
    kind = covenant.kind_of(agency)
    found = [
        name
        for name, purpose in covenant.purposes.items()
        if about in purpose.counts_of and kind in purpose.kinds_that("count")
    ]
    if len(found) != 1:
        counted = sorted({one for purpose in covenant.purposes.values() for one in purpose.counts_of})
        raise InputError(
            Code.MALFORMED,
            "Your kind of agency counts this purpose under none, or under several."
            if about in counted
            else "The covenant has this purpose counted nowhere.",
            hint=f"Name the purpose with --purpose. Counted are: {', '.join(counted)}.",
        )
    return found[0]


def check_statistics(
    answer: StatisticsAnswer, cosigned: CosignedCheckpoint, wish: Wish, versions: SignedVersions
) -> CheckedStatistics:
    """Return the answer as one that may be believed.

    Raises ``VerificationError``: ``receipt_invalid`` when the log does not prove just this reading, or the answer shows
    what it must not; ``covenant_untrusted`` when it was given under rules that the board did not sign. May ask for an
    earlier covenant: not in an event loop.
    """
    proven = prove(answer.evidence, cosigned)
    event, act = proven.event, proven.event.act
    if not isinstance(event, StatisticsRead) or (act.agency, act.person, act.system) != (
        wish.agency,
        wish.person,
        None,
    ):
        raise _untrue("The log's entry is not this person's reading of statistics.")
    if (event.about, act.purpose, act.decision) != (wish.about, wish.purpose, "allow"):
        raise _untrue("The log's entry is about other statistics.")
    if (answer.about, answer.purpose, answer.year) != (wish.about, wish.purpose, wish.year):
        raise _untrue("The answer is about other statistics than were asked.")
    if event.cells != answer.cells:
        raise _untrue("The log has another number of figures than the answer.")
    engine = versions.require(event)
    decision = engine.decide(ReadStatistics(wish.agency, wish.purpose, wish.about, wish.role, act.time))
    if not decision.allowed or act.policy_ids != decision.policies:
        raise _untrue("The log names another rule than the covenant has for this reading.")
    if answer.smallest_cell != engine.covenant.purpose(wish.purpose).smallest_cell:
        raise _untrue("The answer shows smaller or larger numbers than the covenant allows.")
    senders = engine.covenant.purpose(wish.about).kinds_that("send")
    if any(row.kind not in senders or end_of(row.month) > act.time for row in answer.rows):
        raise _untrue("The answer shows a month that is not over, or a kind of agency that does not signal.")
    receipt = proven.receipt(wish.about)
    told = (answer.smallest_cell, answer.rows, answer.undeclared)
    return CheckedStatistics(wish.about, wish.purpose, wish.year, *told, act.time, receipt)


class Statistics:
    """Reads aggregates for one agency."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: BrokerDoor,
        trail: Trail,
        versions: SignedVersions,
        engine: PolicyEngine,
        clock: Callable[[], datetime],
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._engine = engine
        self._clock = clock

    async def read(self, wish: Wish) -> CheckedStatistics:
        """Ask, and return what may be believed of the answer.

        Raises ``RefusedError`` before anything leaves when the covenant does not allow it, ``VerificationError`` when
        the answer does not hold, after keeping the finding, and ``UnavailableError``; then it has to be asked again.
        """
        self._trail.require_unstopped()
        question = ReadStatistics(wish.agency, wish.purpose, wish.about, wish.role, self._clock())
        decision = self._engine.decide(question)
        if not decision.allowed:
            raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule, hint="Nothing was asked.")
        answer = await self._broker.statistics(wish.about, wish.purpose, wish.year, person=wish.person, role=wish.role)
        try:
            cosigned = await self._trail.admit(answer.checkpoint)
            checked = await asyncio.to_thread(check_statistics, answer, cosigned, wish, self._versions)
            if self._shelf.has_receipt(checked.receipt.place):
                # Else one entry would stand for two readings, and the second would be in no log.
                raise _untrue("The log's entry is of another reading, proven before.")
        except VerificationError as error:
            self._shelf.report(error.code, "answer statistics", error.detail, self._clock())
            raise
        self._shelf.put_receipt(checked.receipt)
        return checked


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of it is shown. Tell the covenant board.")
