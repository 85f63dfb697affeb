# SPDX-License-Identifier: EUPL-1.2
"""Put unusual use in the log, once an agency, purpose, reason and day; tell a supervisor who asks, and nobody else.

From the counts of events alone. However many processes look, each finding is said once, also after a restart.
Not here: what is unusual (``protocol/unusual.py``), counting (``postgres/unusual.py``), HTTP (``routes/``).
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.facts import Outcome, RequestKept, UnusualSaid
from broker.interfaces import NotedUse
from broker.service import Broker
from broker.standing import Standing
from broker.statistics import role_of
from edge.logs import Logger, error_fields
from protocol.errors import Code, InputError, RefusedError, SluisError, UnavailableError
from protocol.event_search import Reach, Refused
from protocol.messages import Evidence
from protocol.policy import LogPurpose
from protocol.signing import Verified
from protocol.unusual import UnusualAnswer, UnusualEntry, findings
from protocol.unusual_reading import unusual_reach

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
    bounds = broker.covenant.terms.unusual
    async with broker.act() as act:
        said = await act.said_unusual(day)
        use, looked = await act.use_of(day), await act.most_by_one(day, bounds.acts_per_person)
        facts, events = [], []
        for agency, purpose in sorted(use.keys() | looked.keys()):
            hours = use.get((agency, purpose), ())
            most = looked.get((agency, purpose), 0)
            for finding in findings(hours, bounds, hits_known=True, person_acts=most):
                if (agency, purpose, finding.reason) not in said:
                    event = broker.recorder.unusual_use(agency, purpose, finding, now)
                    events.append(event)
                    facts.append(UnusualSaid(agency, purpose, finding.reason, day, event.id))
        if events:
            await act.commit(Outcome(tuple(facts), tuple(events)))
    return len(events)


async def list_unusual(broker: Broker, by: Verified, since: date, log_purpose: LogPurpose) -> UnusualAnswer:
    """Return what was said under the purposes of which this person may read everybody's entries, once it is proven that
    this reading stands in the log.

    Whatever refuses it does so before anything is looked up, and is logged.
    """
    await broker.require_reader(by)
    reach = await _decide(broker, by, log_purpose)
    noted = await broker.store.unusual(reach.named, since)
    now = broker.now()
    event = broker.recorder.events_read(by, reach, log_purpose, len(noted), now)
    async with broker.act(by) as act:
        await act.commit(Outcome((RequestKept(broker.recorder.new_id(), by),), (event,)))
    proven = await broker.proven([event.id, *(one.event_id for one in noted)])
    if proven is None:
        raise UnavailableError(
            Code.NOT_LOGGED,
            "The reading is in the log, but enough witnesses have not confirmed that yet, so nothing is shown.",
            hint="Ask again in a minute; that is logged as another reading.",
        )
    return UnusualAnswer(
        entries=tuple(_entry(one, proven.evidence[one.event_id]) for one in noted),
        reading=proven.evidence[event.id],
        checkpoint=proven.checkpoint,
    )


async def _decide(broker: Broker, by: Verified, log_purpose: LogPurpose) -> Reach:
    try:
        role = role_of(by)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    reach = unusual_reach(broker.engine, by.party, role, log_purpose, broker.now())
    if isinstance(reach, Refused):
        said = reach.decision
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, said.rule)
        raise RefusedError(Code.POLICY_REFUSED, said.reason, rule=said.rule)
    return reach


def _entry(noted: NotedUse, evidence: Evidence) -> UnusualEntry:
    record = evidence.opening.record
    return UnusualEntry(
        agency=noted.agency,
        purpose=noted.purpose,
        reason=noted.reason,
        day=noted.day,
        count=record.get("count", 0),
        limit=record.get("limit", 0),
        evidence=evidence,
    )


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
