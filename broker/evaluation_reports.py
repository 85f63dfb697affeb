# SPDX-License-Identifier: EUPL-1.2
"""Put into the log what a key-holder says that it did; each hour once.

Not here: HTTP (``routes/evaluation_reports.py``). Spec: ``protocol/spec/evaluation-reports.md``.
"""

from datetime import datetime
from typing import Final

from broker.facts import Fact, HourReported, Outcome, Recorded, RequestKept
from broker.service import Broker
from protocol.covenant_parts import KeyHolder
from protocol.errors import Code, InputError, RefusedError
from protocol.evaluation_reports import HOUR, OLDEST, EvaluationReports, HourReport, ReportsTaken
from protocol.messages import parse
from protocol.signing import Verified

RULE: Final = "reports.key-holders-only"


async def take_reports(broker: Broker, by: Verified, body: bytes) -> ReportsTaken:
    """Log the hours that are new. Raises ``RefusedError``, after logging it, for anybody but a key-holder."""
    holder = next((one for one in broker.covenant.key_holders if one.id == by.party), None)
    if holder is None:
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, RULE)
        raise RefusedError(Code.POLICY_REFUSED, "Only a key-holder reports what key-holders did.", rule=RULE)
    request, now = parse(EvaluationReports, body), broker.now()
    for report in request.reports:
        _require_closed(report, now)
    async with broker.act(by) as act:
        known = await act.reported(holder.index, [report.hour for report in request.reports])
        fresh = [report for report in request.reports if report.hour not in known]
        if fresh:
            await act.commit(_outcome(broker, holder, by, fresh, now))
    return ReportsTaken(taken=len(fresh))


def _outcome(broker: Broker, holder: KeyHolder, by: Verified, fresh: list[HourReport], now: datetime) -> Outcome:
    facts: list[Fact] = [RequestKept(broker.recorder.new_id(), by)]
    events: list[Recorded] = []
    for report in fresh:
        facts.append(HourReported(holder.index, report.hour))
        events += [
            broker.recorder.evaluations_reported(holder.id, holder.index, report.hour, row, now) for row in report.rows
        ]
    return Outcome(tuple(facts), tuple(events))


def _require_closed(report: HourReport, now: datetime) -> None:
    if not now - OLDEST <= report.hour <= now - HOUR:
        raise InputError(Code.MALFORMED, "A report is of an hour that is over, and not of one long ago.")
