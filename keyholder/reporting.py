# SPDX-License-Identifier: EUPL-1.2
"""Report to the log what was evaluated and refused, hour by hour, so that it does not stand in this ledger alone.

What was sent is marked only when the broker has taken it; after a failure it is sent again. Not here: counting
(``ledger.py``), the messages (``protocol/evaluation_reports.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import groupby
from typing import Final

from keyholder.ledger import Ledger
from protocol.evaluation_reports import MAX_REPORTS, AgencyHour, EvaluationReports, HourReport
from protocol.ids import PartyId, PurposeId

REST_SECONDS: Final = 60.0
"""Between looks: an hour is reported within minutes of its end."""

Send = Callable[[EvaluationReports], Awaitable[object]]


def due(ledger: Ledger, now: datetime) -> EvaluationReports | None:
    """Return the oldest closed hours that were not reported, as many as go into one request."""
    found = []
    for hour, rows in groupby(ledger.unreported(now, MAX_REPORTS), key=lambda row: row.start):
        said = tuple(
            AgencyHour(
                agency=PartyId(row.agency) if row.agency else None,
                purpose=PurposeId(row.purpose) if row.purpose else None,
                elements=row.elements,
                refused=row.refused,
            )
            for row in rows
        )
        found.append(HourReport(hour=hour, rows=said))
    return EvaluationReports(reports=tuple(found)) if found else None


async def report(ledger: Ledger, send: Send, now: datetime) -> int:
    """Send all that is due; return how many hours. Raises what ``send`` does."""
    count = 0
    while (reports := await asyncio.to_thread(due, ledger, now)) is not None:
        await send(reports)
        await asyncio.to_thread(ledger.mark_reported, [one.hour for one in reports.reports])
        count += len(reports.reports)
    return count
