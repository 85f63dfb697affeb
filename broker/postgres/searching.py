# SPDX-License-Identifier: EUPL-1.2
"""Find a page of the log's entries that somebody may see, in one statement, by the columns that tell nothing of whom.

The statement has a short walk of an index for each purpose and kind that is asked, each in the log's order and no
longer than a page: what is not asked for, or may not be seen, is not touched, however much of it there is. By person,
hit or signal the keyed handles of each month lead to few candidates instead. Only what has its quorum is given.
Not here: what may be seen (``broker/searching.py``), openings and proofs (``proofs.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Placeholder

from broker.data_keys import DataKeys
from broker.postgres.connections import Connection
from broker.postgres.proofs import published
from broker.sealing import HandleKind, handle
from broker.sought import FoundEvent, FoundEvents, Sought
from protocol.event_search import CONCERNING, NOT_OWN, TOLD, EventFilters, kinds_of
from protocol.events import EVENTS, SignalsMatched
from protocol.ids import PurposeId
from protocol.questions import Scope

SLACK: Final = timedelta(hours=1)
"""Between an act's time and its place in the log, which is given a moment later, or after a pause of the log: in the
order of ids, which begin with the time. Entries of before a period are cut off this far before it."""
_SECRET: Final = frozenset((3, 4, 5, 6, 8, 9, 10, 16, 18))
"""Kinds that say of a planter that something was planted or touched (``protocol/events.py``)."""

_PAGE: Final = """
{picked} SELECT f.log_index, e.id, e.erased_by, f.whole FROM (
    SELECT * FROM ({branches}) AS b ORDER BY log_index LIMIT %(limit)s) AS f
JOIN events e ON e.log_index = f.log_index ORDER BY f.log_index"""
# Only columns of an index, so that rows are fetched for the page alone and not for each walk.
_WALK: Final = """(
SELECT w.log_index, {whole} AS whole FROM unnest({kinds}::smallint[]) AS k (kind)
CROSS JOIN unnest({purposes}::text[]) AS p (purpose)
CROSS JOIN LATERAL (
    SELECT e.log_index FROM events e
    WHERE e.kind = k.kind AND e.purpose = p.purpose AND {seen} AND {common}
    ORDER BY e.log_index LIMIT %(limit)s) AS w)"""
_WALK_WITHOUT: Final = """(
SELECT w.log_index, {whole} AS whole FROM unnest({kinds}::smallint[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT e.log_index FROM events e
    WHERE e.kind = k.kind AND e.purpose IS NULL AND {seen} AND {common}
    ORDER BY e.log_index LIMIT %(limit)s) AS w)"""
_PICK: Final = """(
SELECT e.log_index, {whole} AS whole FROM picked e
WHERE e.kind = ANY({kinds}) AND e.purpose = ANY({purposes}) AND {seen} AND {common})"""
_PICK_WITHOUT: Final = """(
SELECT e.log_index, {whole} AS whole FROM picked e
WHERE e.kind = ANY({kinds}) AND e.purpose IS NULL AND {seen} AND {common})"""
# OFFSET 0 keeps this a look-up a candidate, however many the planner expects.
_BY_HANDLE: Final = """
WITH picked AS MATERIALIZED (
    SELECT e.* FROM ({handles}) AS h CROSS JOIN LATERAL (
        SELECT * FROM events x WHERE x.id = h.event_id OFFSET 0) AS e)"""
_BY_PLACE: Final = SQL("WITH picked AS MATERIALIZED (SELECT * FROM events x WHERE x.log_index = %(index)s)")
_OTHERS: Final = SQL(
    "NOT (e.kind = ANY(%(secret)s) AND (coalesce(e.agency, '') = ANY(%(planters)s) "
    "OR coalesce(e.recipient, '') = ANY(%(planters)s)))"
)
_MATCHED: Final = frozenset((SignalsMatched.TAG,))
_ALL: Final = frozenset(EVENTS)
_NAMED: Final = (
    (_ALL - _MATCHED, SQL("e.agency = %(agency)s")),
    (TOLD, SQL("e.recipient = %(agency)s")),
    (_MATCHED, SQL("e.agencies @> ARRAY[%(agency)s]")),
)
"""How an entry names an agency, and which kinds do so: no entry in two of these ways, since nobody tells itself."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Entries that are seen in one way: what makes an entry one of them, and whether the subject part goes along."""

    scope: Scope
    name: str
    kinds: frozenset[int]
    purposes: frozenset[PurposeId | None]
    seen: Composable
    whole: bool


async def find_events(connection: Connection, sought: Sought, keys: DataKeys) -> FoundEvents:
    """Return the entries behind ``sought.after`` that fit and may be seen, at most a page of them."""
    head = await published(connection)
    parts = [part for part in _parts(sought) if part.kinds and part.purposes]
    if not parts:
        return FoundEvents((), more=False, size=head.size)
    values = _values(sought, head.size)
    cursor = await connection.execute(_statement(parts, sought, keys, values), values)
    rows = await cursor.fetchall()
    entries = tuple(FoundEvent(*row) for row in rows[: sought.limit])
    return FoundEvents(entries, more=len(rows) > sought.limit, size=head.size)


def _values(sought: Sought, size: int) -> dict[str, Any]:
    filters = sought.filters
    return {
        "me": sought.agency,
        "secret": sorted(_SECRET),
        "planters": list(sought.planters),
        "after": -1 if sought.after is None else sought.after,
        "size": size,
        "limit": sought.limit + 1,
        "since": filters.since,
        "first_id": None if filters.since is None else _first_id(filters.since - SLACK),
        "until": filters.until,
        "last_id": None if filters.until is None else _first_id(filters.until + SLACK),
        "agency": filters.agency,
        "decision": filters.decision,
        "index": filters.index,
    }


def _parts(sought: Sought) -> Iterator[_Part]:
    """Yield what is looked for: by what was asked and what the rules allow alone, whatever the log holds."""
    filters, kinds, all_of = sought.filters, kinds_of(sought.filters), sought.purposes["others"]
    # Who may see all of a purpose has its own entries among them.
    own, told = sought.purposes["own"] - all_of, sought.purposes["counterpart"] - all_of
    of_agency = SQL("(e.agency = %(agency)s OR e.recipient = %(agency)s)")
    only = SQL("true") if filters.agency is None else of_agency
    yield _Part("own", "own", kinds - NOT_OWN, own, SQL("e.agency = %(me)s AND {}").format(only), whole=True)
    yield _Part("counterpart", "told", kinds & TOLD, told, SQL("e.recipient = %(me)s AND {}").format(only), whole=True)
    if filters.hit is None and filters.signal is None:
        # Whoever does not get the subject part must not find out by asking what is in it.
        seen = SQL("e.concerns = %(me)s AND NOT e.canary AND {}").format(only)
        yield _Part("counterpart", "concerning", kinds & CONCERNING, told, seen, whole=False)
    may = _OTHERS if sought.planters else SQL("true")
    for place, (of_kinds, named) in enumerate(_NAMED if filters.agency is not None else ((_ALL, SQL("true")),)):
        seen = SQL("{} AND {}").format(may, named)
        yield _Part("others", f"others_{place}", kinds & of_kinds, all_of, seen, whole=True)


def _statement(parts: Sequence[_Part], sought: Sought, keys: DataKeys, values: dict[str, Any]) -> Composed:
    filters = sought.filters
    picked, common = _picked(sought, keys, values), _common(filters)
    walk, without = (_WALK, _WALK_WITHOUT) if picked is None else (_PICK, _PICK_WITHOUT)
    branches = []
    for part in parts:
        values[f"{part.name}_kinds"] = sorted(part.kinds)
        values[f"{part.name}_purposes"] = sorted(one for one in part.purposes if one is not None)
        named = {"kinds": Placeholder(f"{part.name}_kinds"), "purposes": Placeholder(f"{part.name}_purposes")}
        details = named | {"seen": part.seen, "whole": SQL("true" if part.whole else "false"), "common": common}
        branches.append(SQL(walk).format(**details))
        if None in part.purposes:
            branches.append(SQL(without).format(**details))
    return SQL(_PAGE).format(picked=picked or SQL(""), branches=SQL(" UNION ALL ").join(branches))


def _common(filters: EventFilters) -> Composed:
    conditions: list[Composable] = [SQL("e.log_index > %(after)s AND e.log_index < %(size)s AND e.record IS NOT NULL")]
    # Where the period begins and ends in the log: an index is then walked from there.
    if filters.since is not None:
        conditions.append(
            SQL(
                "e.at >= %(since)s AND e.log_index > coalesce((SELECT b.log_index FROM events b "
                "WHERE b.id < %(first_id)s AND b.log_index IS NOT NULL ORDER BY b.id DESC LIMIT 1), -1)"
            )
        )
    if filters.until is not None:
        conditions.append(
            SQL(
                "e.at < %(until)s AND e.log_index < coalesce((SELECT b.log_index FROM events b "
                "WHERE b.id >= %(last_id)s AND b.log_index IS NOT NULL ORDER BY b.id LIMIT 1), %(size)s)"
            )
        )
    if filters.decision is not None:
        conditions.append(SQL("e.decision = %(decision)s"))
    return SQL(" AND ").join(conditions)


def _picked(sought: Sought, keys: DataKeys, values: dict[str, Any]) -> Composable | None:
    """Return what leads to a few entries by itself, if anything asked does."""
    filters, found = sought.filters, []
    if filters.index is not None:
        return _BY_PLACE
    handles: list[tuple[HandleKind, bytes]] = []
    if filters.person is not None:
        handles.append(("person", f"{filters.agency or sought.agency}/{filters.person}".encode()))
    if filters.hit is not None:
        handles.append(("hit", filters.hit.bytes))
    if filters.signal is not None:
        handles.append(("signal", filters.signal.bytes))
    for kind, value in handles:
        values[f"{kind}_handles"] = [handle(keys.of_month(month), kind, value) for month in keys.months()]
        held = SQL("SELECT event_id FROM event_handles WHERE handle = ANY({})")
        found.append(held.format(Placeholder(f"{kind}_handles")))
    return SQL(_BY_HANDLE).format(handles=SQL(" INTERSECT ").join(found)) if found else None


def _first_id(moment: datetime) -> UUID:
    """Return an id at or below all UUIDv7 of a moment and later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
