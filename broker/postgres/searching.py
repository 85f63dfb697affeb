# SPDX-License-Identifier: EUPL-1.2
"""Find a page of the log's entries that somebody may see, in one statement, by the columns that tell nothing of whom.

The statement has a short walk of an index for each purpose and kind that is asked, each in the log's order and no
longer than a page: what is not asked for, or may not be seen, is not touched, however much of it there is. By person,
hit or signal the keyed handles of each month lead to few candidates instead. Only what has its quorum is given.
Not here: what may be seen (``broker/searching.py``), openings and proofs (``proofs.py``).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Placeholder

from broker.data_keys import DataKeys
from broker.postgres.connections import Connection
from broker.postgres.proofs import published
from broker.sealing import HandleKind, handle
from broker.sought import FoundEvent, FoundEvents, Sought
from protocol.event_search import CONCERNING, NOT_OWN, TOLD, EventFilters, kinds_of
from protocol.events import SignalsMatched
from protocol.ids import PurposeId
from protocol.questions import Scope

SLACK: Final = timedelta(hours=1)
"""Between an act's time and its place in the log, which is given a moment later, or after a pause of the log: in the
order of ids, which begin with the time. Entries of before a period are cut off this far before it."""
_SECRET: Final = frozenset((3, 4, 5, 6, 8, 9, 10))
"""Kinds that say of a planter that something was planted or touched (``protocol/events.py``)."""

_WALK: Final = """(
SELECT found.* FROM unnest(%(kinds)s::smallint[]) AS k (kind)
CROSS JOIN unnest({purposes}::text[]) AS p (purpose)
CROSS JOIN LATERAL (
    SELECT e.log_index, e.id, e.erased_by, {whole} AS whole FROM events e
    WHERE e.kind = k.kind AND e.purpose = p.purpose AND {seen} AND {common}
    ORDER BY e.log_index LIMIT %(limit)s) AS found)"""
_WALK_WITHOUT: Final = """(
SELECT found.* FROM unnest(%(kinds)s::smallint[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT e.log_index, e.id, e.erased_by, {whole} AS whole FROM events e
    WHERE e.kind = k.kind AND e.purpose IS NULL AND {seen} AND {common}
    ORDER BY e.log_index LIMIT %(limit)s) AS found)"""
_PICK: Final = """(
SELECT e.log_index, e.id, e.erased_by, {whole} AS whole FROM events e
WHERE {picked} AND e.kind = ANY(%(kinds)s) AND e.purpose = ANY({purposes}) AND {seen} AND {common})"""
_PICK_WITHOUT: Final = """(
SELECT e.log_index, e.id, e.erased_by, {whole} AS whole FROM events e
WHERE {picked} AND e.kind = ANY(%(kinds)s) AND e.purpose IS NULL AND {seen} AND {common})"""
_OWN: Final = SQL("e.agency = %(me)s AND e.kind <> ALL(%(not_own)s)")
_TOLD: Final = SQL("e.recipient = %(me)s AND e.kind = ANY(%(told)s)")
_CONCERNS: Final = SQL("e.concerns = %(me)s AND e.kind = ANY(%(concerning)s) AND NOT e.canary")
_OTHERS: Final = SQL(
    "NOT (e.kind = ANY(%(secret)s) AND (coalesce(e.agency, '') = ANY(%(planters)s) "
    "OR coalesce(e.recipient, '') = ANY(%(planters)s)))"
)
_Part = tuple[Scope, frozenset[PurposeId | None], Composable, bool]
"""A scope, of which purposes, what makes an entry one of it, and whether the subject part goes along."""
_NAMED: Final = (
    SQL("e.agency = %(agency)s"),
    SQL("e.recipient = %(agency)s AND e.agency IS DISTINCT FROM %(agency)s"),
    SQL("e.kind = {} AND e.agencies @> ARRAY[%(agency)s]").format(SignalsMatched.TAG),
)
"""How an entry names an agency; no entry in two of these ways. Each has an index."""


async def find_events(connection: Connection, sought: Sought, keys: DataKeys) -> FoundEvents:
    """Return the entries behind ``sought.after`` that fit and may be seen, at most a page of them."""
    head = await published(connection)
    months = keys.months()
    values = _values(sought, head.size, months)
    if not months or not values["kinds"]:
        return FoundEvents((), more=False, size=head.size)
    cursor = await connection.execute(_statement(sought, keys, months, values), values)
    rows = await cursor.fetchall()
    entries = tuple(FoundEvent(*row) for row in rows[: sought.limit])
    return FoundEvents(entries, more=len(rows) > sought.limit, size=head.size)


def _values(sought: Sought, size: int, months: Sequence[str]) -> dict[str, Any]:
    filters = sought.filters
    # Of a month whose keys are destroyed there is nothing left to give.
    kept = datetime.strptime(months[0], "%Y-%m").replace(tzinfo=UTC) if months else None
    since = max((moment for moment in (filters.since, kept) if moment is not None), default=None)
    return {
        "me": sought.agency,
        "kinds": sorted(kinds_of(filters)),
        "not_own": sorted(NOT_OWN),
        "told": sorted(TOLD),
        "concerning": sorted(CONCERNING),
        "secret": sorted(_SECRET),
        "planters": list(sought.planters),
        "after": -1 if sought.after is None else sought.after,
        "size": size,
        "limit": sought.limit + 1,
        "since": since,
        "first_id": None if since is None else _first_id(since - SLACK),
        "until": filters.until,
        "last_id": None if filters.until is None else _first_id(filters.until + SLACK),
        "agency": filters.agency,
        "decision": filters.decision,
        "index": filters.index,
    }


def _statement(sought: Sought, keys: DataKeys, months: Sequence[str], values: dict[str, Any]) -> Composed:
    filters, purposes = sought.filters, sought.purposes
    picked = _picked(sought, keys, months, values)
    # Who may see all of a purpose has its own entries among them.
    parts: list[_Part] = [("own", purposes["own"] - purposes["others"], _OWN, True)]
    parts.append(("counterpart", purposes["counterpart"] - purposes["others"], _TOLD, True))
    if filters.hit is None and filters.signal is None:
        # Whoever does not get the subject part must not find out by asking what is in it.
        parts.append(("counterpart", parts[1][1], _CONCERNS, False))
    named = _NAMED if filters.agency is not None and picked is None else (SQL("true"),)
    parts += [("others", purposes["others"], SQL("{} AND {}").format(_OTHERS, one), True) for one in named]
    branches = []
    for scope, seen_of, seen, whole in parts:
        values[scope] = sorted(one for one in seen_of if one is not None)
        details = {"seen": seen, "whole": SQL("true" if whole else "false"), "common": _common(filters)}
        if picked is None:
            branches.append(SQL(_WALK).format(purposes=Placeholder(scope), **details))
        else:
            branches.append(SQL(_PICK).format(purposes=Placeholder(scope), picked=picked, **details))
        if None in seen_of:
            without = _WALK_WITHOUT if picked is None else _PICK_WITHOUT
            branches.append(SQL(without).format(picked=picked, **details))
    return SQL("{} ORDER BY log_index LIMIT %(limit)s").format(SQL(" UNION ALL ").join(branches))


def _common(filters: EventFilters) -> Composed:
    conditions = [
        SQL("e.log_index > %(after)s AND e.log_index < %(size)s AND e.at >= %(since)s AND e.record IS NOT NULL")
    ]
    # Where the period begins and ends in the log: an index is then walked from there.
    conditions.append(
        SQL(
            "e.log_index > coalesce((SELECT b.log_index FROM events b WHERE b.id < %(first_id)s "
            "AND b.log_index IS NOT NULL ORDER BY b.id DESC LIMIT 1), -1)"
        )
    )
    if filters.until is not None:
        conditions.append(SQL("e.at < %(until)s"))
        conditions.append(
            SQL(
                "e.log_index < coalesce((SELECT b.log_index FROM events b WHERE b.id >= %(last_id)s "
                "AND b.log_index IS NOT NULL ORDER BY b.id LIMIT 1), %(size)s)"
            )
        )
    if filters.agency is not None:
        conditions.append(SQL("(e.agency = %(agency)s OR e.recipient = %(agency)s OR e.agencies @> ARRAY[%(agency)s])"))
    if filters.decision is not None:
        conditions.append(SQL("e.decision = %(decision)s"))
    return SQL(" AND ").join(conditions)


def _picked(sought: Sought, keys: DataKeys, months: Sequence[str], values: dict[str, Any]) -> Composed | None:
    """Return what leads to a few entries by itself, if anything asked does."""
    filters = sought.filters
    found: list[Composable] = []
    if filters.index is not None:
        found.append(SQL("e.log_index = %(index)s"))
    handles: list[tuple[HandleKind, bytes]] = []
    if filters.person is not None:
        handles.append(("person", f"{filters.agency or sought.agency}/{filters.person}".encode()))
    if filters.hit is not None:
        handles.append(("hit", filters.hit.bytes))
    if filters.signal is not None:
        handles.append(("signal", filters.signal.bytes))
    for kind, value in handles:
        values[f"{kind}_handles"] = [handle(keys.of_month(month), kind, value) for month in months]
        held = SQL("e.id IN (SELECT h.event_id FROM event_handles h WHERE h.handle = ANY({}))")
        found.append(held.format(Placeholder(f"{kind}_handles")))
    return SQL(" AND ").join(found) if found else None


def _first_id(moment: datetime) -> UUID:
    """Return an id at or below all UUIDv7 of a moment and later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
