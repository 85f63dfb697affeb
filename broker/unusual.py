# SPDX-License-Identifier: EUPL-1.2
"""Put unusual use in the log, once an agency, purpose, reason and day; tell a supervisor who asks, and nobody else.

From the counts of events alone. However many processes look, each finding is said once, also after a restart.
Not here: what is unusual (``protocol/unusual.py``), counting (``postgres/unusual.py``), HTTP (``routes/``).
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.facts import Outcome, UnusualSaid
from broker.service import Broker
from broker.standing import Standing
from broker.statistics import role_of
from edge.logs import Logger, error_fields
from protocol.errors import Code, InputError, RefusedError, SluisError
from protocol.ids import PurposeId
from protocol.policy import LogPurpose, ReadEvents
from protocol.signing import Verified
from protocol.unusual import UnusualAnswer, UnusualEntry, findings

LOOK_SECONDS: Final = 300.0
"""A supervisor's day does not hang on five minutes, and each look reads the day's events."""
LOOK_BACK: Final = timedelta(minutes=30)
"""So long after midnight the day before is looked at too: its last events are in by then."""


async def look(broker: Broker) -> int:
    """Say what is unusual about today, and just after midnight about yesterday; return how much was said."""
    now = broker.now()
    days = sorted({(now - LOOK_BACK).astimezone(UTC).date(), now.astimezone(UTC).date()})
    return sum([await look_at(broker, day, now) for day in days])


async def look_at(broker: Broker, day: date, now: datetime) -> int:
    """Say what is unusual about a day (UTC) and was not said before; return how much that was."""
    async with broker.act() as act:
        said = await act.said_unusual(day)
        use = await act.use_of(day)
        facts, events = [], []
        for (agency, purpose), hours in use.items():
            for finding in findings(hours, broker.covenant.terms.unusual, hits_known=True):
                if (agency, purpose, finding.reason) not in said:
                    event = broker.recorder.unusual_use(agency, purpose, finding, now)
                    events.append(event)
                    facts.append(UnusualSaid(agency, purpose, finding.reason, day, event.id))
        if events:
            await act.commit(Outcome(tuple(facts), tuple(events)))
    return len(events)


async def list_unusual(broker: Broker, by: Verified, since: date, log_purpose: LogPurpose) -> UnusualAnswer:
    """Return what was said under the purposes of which this person may read everybody's entries.

    Raises ``RefusedError``, after logging it, when there is no such purpose.
    """
    await broker.require_reader(by)
    try:
        role = role_of(by)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    allowed: list[PurposeId] = []
    rule, reason = None, "The covenant has no purpose."
    for purpose in broker.covenant.purposes:
        decision = broker.engine.decide(ReadEvents(by.party, purpose, role, "others", log_purpose, broker.now()))
        if decision.allowed:
            allowed.append(purpose)
        else:
            rule, reason = decision.rule, decision.reason
    if not allowed:
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, rule)
        raise RefusedError(Code.POLICY_REFUSED, reason, rule=rule)
    noted, checkpoint = await broker.store.unusual(allowed, since)
    entries = []
    for one, evidence in noted:
        record = evidence.opening.record
        entries.append(
            UnusualEntry(
                agency=one.agency,
                purpose=one.purpose,
                reason=one.reason,
                day=one.day,
                count=record.get("count", 0),
                limit=record.get("limit", 0),
                evidence=evidence,
            )
        )
    return UnusualAnswer(entries=tuple(entries), checkpoint=checkpoint)


async def run(standing: Standing, log: Logger) -> None:
    """Look for as long as the process runs."""
    while True:
        try:
            count = await look(standing.broker) if standing.in_force else 0
            if count:
                log.warning("unusual use", count=count)
        except SluisError as error:
            log.warning("use will be looked at again", code=error.code.value, **error_fields(error))
        await asyncio.sleep(LOOK_SECONDS)
