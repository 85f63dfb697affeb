# SPDX-License-Identifier: EUPL-1.2
"""Tell the broker after a month's end how many of this agency's signals were probes: numbers only, proven in the log.

Which they were stays here. Not here: what the broker does with it (``protocol/spec/probes.md``).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agency_client.doors import BrokerDoor
from agency_client.probing import Prober
from agency_client.signed_versions import SignedVersions
from agency_client.states import SignalState
from agency_client.trail import Trail, prove
from agency_client.vault.outbox import new_key
from agency_client.vault.probes import KeptProbe
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, UnavailableError, VerificationError
from protocol.events import ProbesDeclared
from protocol.ids import PurposeId
from protocol.messages import ActAnswer, parse
from protocol.statistics import MEASURES, Measure, ProbeCounts

_SAID: Final = "probes-declared"


def month_before(now: datetime) -> str:
    """Return the month that is over, as it is written."""
    year, month = (now.year - 1, 12) if now.month == 1 else (now.year, now.month - 1)
    return f"{year}-{month:02}"


def counts_of(prober: Prober, purpose: PurposeId, month: str) -> ProbeCounts:
    """Return the numbers of a month, as the broker has them: by the log's times, a hit at who came second."""
    found: Counter[Measure] = Counter()
    for probe in prober.vault.probes.all():
        if probe.purpose == purpose and probe.signal is not None:
            found.update(measure for measure, at in _happened(prober, probe) if f"{at:%Y-%m}" == month)
    return ProbeCounts(purpose=purpose, month=month, counts={measure: found[measure] for measure in MEASURES})


def _happened(prober: Prober, probe: KeptProbe) -> list[tuple[Measure, datetime]]:
    signal = probe.signal
    if signal is None or (at := prober.vault.evidence.registered([signal]).get(signal)) is None:
        return []
    kept = prober.vault.signals.get(signal)
    ends = min(parse_time(kept.expires_at), prober.engine.covenant.epoch_end(kept.epoch or probe.epoch))
    found: list[tuple[Measure, datetime]] = [("registered", at)]
    if kept.state is not SignalState.WITHDRAWN and ends <= prober.clock():
        found.append(("expired", ends))
    for hit in prober.vault.hits.of_signal(signal):
        other = hit.notice.counterpart
        # Ids begin with the time of their making; both sides compare the same two, so that one of them counts it.
        if other is not None and other.signal_id < signal:
            found.append((hit.notice.quality, hit.notice.at))
    return found


@dataclass(frozen=True, slots=True)
class Declaring:
    """Declares one agency's probes, a month and purpose each once."""

    prober: Prober
    broker: BrokerDoor
    trail: Trail
    versions: SignedVersions

    async def run(self) -> int:
        """Declare what was not declared of the month that is over; returns of how many purposes.

        Raises ``VerificationError`` (``receipt_invalid``) when the log does not have just that, ``UnavailableError``
        when it is to be done again.
        """
        prober, done = self.prober, 0
        covenant, month = prober.engine.covenant, month_before(prober.clock())
        if not prober.rate or f"{covenant.valid_from:%Y-%m}" > month:
            return 0
        for name, purpose in covenant.purposes.items():
            setting = f"{_SAID} {name}"
            sends = covenant.kind_of(prober.me.id) in purpose.kinds_that("send")
            if not sends or prober.vault.evidence.setting(setting) == month:
                continue
            said = counts_of(prober, name, month)
            if any(said.counts.values()) or prober.vault.probes.signalled(name, month):
                done += await self._declare(said)
            prober.vault.evidence.put_setting(setting, month)
        return done

    async def _declare(self, said: ProbeCounts) -> bool:
        try:
            raw = await self.broker.post(
                "/v1/probe-counts", said.to_json(), idempotency_key=new_key(), purpose=None, person=None
            )
        except ConflictError as error:
            if error.code is not Code.CONFLICT:
                raise
            # Counted without us, or declared from a copy of this home: nothing can be changed any more.
            return False
        await self._keep(said, parse(ActAnswer, raw))
        return True

    async def _keep(self, said: ProbeCounts, answer: ActAnswer) -> None:
        if answer.evidence is None or answer.checkpoint is None:
            raise UnavailableError(
                Code.NOT_LOGGED, "The numbers of probes are not proven to be in the log yet.", hint="It is done again."
            )
        proven = prove(answer.evidence, await self.trail.admit(answer.checkpoint))
        event = proven.event
        if (
            not isinstance(event, ProbesDeclared)
            or (event.act.agency, event.act.purpose, event.month) != (self.prober.me.id, said.purpose, said.month)
            or any(getattr(event, measure) != said.counts[measure] for measure in MEASURES)
        ):
            raise VerificationError(Code.RECEIPT_INVALID, "The log does not have these numbers of probes.")
        await asyncio.to_thread(self.versions.fetch, [answer.evidence])
        self.versions.require(event)
        self.prober.vault.evidence.put_receipt(proven.receipt(f"{said.purpose} {said.month}"))
