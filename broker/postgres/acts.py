# SPDX-License-Identifier: EUPL-1.2
"""One act in one transaction: reads under the locks that keep them true until the commit, and the commit.

Order of locks, so that no two acts wait for each other: a purpose's matching turn, signals by id, known pairs, counters
by agency.
Not here: rows of facts (``writes.py``) and what is read without locks (``notices.py``, ``proofs.py``).
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.erasable import Erasable, MonthStanding
from broker.facts import KeptResult, Outcome, Pair, ProbesSaid
from broker.interfaces import (
    Acquainted,
    Agreed,
    Candidates,
    CommonTag,
    Expectation,
    KeptAnswer,
    LateHit,
    OpenableHit,
    OtherSide,
    Queued,
    SealedSignal,
    Shared,
    StoredChunk,
    StoredDisclosure,
    StoredFollowUp,
    StoredSignal,
    ToldChange,
    ToldHit,
    UseKey,
    Waiting,
)
from broker.ldv import LoggedAct
from broker.levels import NAMED
from broker.matching import pair_of
from broker.postgres import disclosures
from broker.postgres.awaiting import end_waits, read_waiting
from broker.postgres.changing import read_told_change
from broker.postgres.connections import Connection
from broker.postgres.counting import is_counted, read_declared
from broker.postgres.erasing import entries_of, entry_at, oldest_month
from broker.postgres.following import read_follow_up, read_late, read_other_side
from broker.postgres.queries import sealed_signals, shared_keys
from broker.postgres.searching import find_events
from broker.postgres.subject_requests import entries_about, erased_among
from broker.postgres.unusual import read_most_by_one, read_said, read_use
from broker.postgres.writes import write
from broker.sought import FoundEvents, Sought
from broker.subjects import AboutEntry, AboutSought, ErasedRow
from protocol.errors import Code, ConflictError
from protocol.ids import AnswerId, DisclosureId, Epoch, HitId, HolderIndex, PartyId, PurposeId, SignalId
from protocol.messages import PartName, Quality, QueryKey, Refusal, SignedKeyStatement, parse
from protocol.unusual import Hour

_SIGNAL_COLUMNS = (
    "id, agency, purpose, epoch, case_token, urgency, expires_at, digest, state, event_id, ended_event_id, told, "
    "restricted_by IS NOT NULL, extensions"
)


class PostgresAct:
    """``interfaces.Act`` on an open transaction."""

    def __init__(
        self, connection: Connection, draw: Callable[[int], bytes], keys: DataKeys, logged: LoggedAct | None = None
    ) -> None:
        """``logged`` gives each event its place in the log of processing; without it, as in tests, they have none."""
        self._connection = connection
        self._draw = draw
        self._keys = keys
        self._logged = logged
        self.done = False
        """Whether the transaction has something to keep."""

    async def kept_answer(self, agency: PartyId, key: str) -> KeptAnswer | None:
        """Return what was answered under this key, and hold the key. Raises ``ConflictError`` (``in_flight``)."""
        # The lock ends with the transaction, so a crashed request never leaves its key locked.
        if not (await self._one("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", f"{agency}/{key}"))[0]:
            raise in_flight()
        row = await self._row("SELECT digest, results FROM idempotency WHERE agency = %s AND key = %s", agency, key)
        return None if row is None else KeptAnswer(row[0], tuple(_read_result(item) for item in row[1]))

    async def signals(self, ids: Sequence[SignalId], *, lock: bool = False) -> Mapping[SignalId, StoredSignal]:
        """Return those of these signals that exist; ``lock`` keeps others from ending or matching them meanwhile."""
        query = f"SELECT {_SIGNAL_COLUMNS} FROM signals WHERE id = ANY(%s) ORDER BY id"  # noqa: S608 - our own columns
        return {row[0]: StoredSignal(*row) for row in await self._rows(query + " FOR UPDATE" * lock, list(ids))}

    async def expired(self, now: datetime, oldest_epoch: Epoch, limit: int) -> Sequence[StoredSignal]:
        """Return live signals past their time or of an epoch that is over, locked; skips those that others hold."""
        query = f"""SELECT {_SIGNAL_COLUMNS} FROM signals WHERE state = 'live' AND (expires_at <= %s OR epoch < %s)
                    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED"""  # noqa: S608 - our own columns
        return [StoredSignal(*row) for row in await self._rows(query, now, oldest_epoch, limit)]

    async def told(self, ended: Sequence[SignalId]) -> Sequence[ToldHit]:
        """Return who was told of hits with these signals, the signals' own agencies left out."""
        rows = await self._rows(
            """WITH ended AS (SELECT unnest(%s::uuid[]) AS id),
                    pair AS (SELECT h.id, e.id AS ended, h.second_signal AS other, h.purpose, h.epoch
                             FROM hits h JOIN ended e ON h.first_signal = e.id
                             UNION ALL
                             SELECT h.id, e.id, h.first_signal, h.purpose, h.epoch
                             FROM hits h JOIN ended e ON h.second_signal = e.id),
                    hit AS (SELECT p.id, p.ended, s.told AS agency, p.other, p.purpose, p.epoch
                            FROM pair p JOIN signals s ON s.id = p.other)
               SELECT hit.* FROM hit WHERE EXISTS (
                 SELECT 1 FROM notices n WHERE n.agency = hit.agency AND n.hit_id = hit.id AND n.type = 'hit')
               AND NOT EXISTS (
                 SELECT 1 FROM notices n WHERE n.agency = hit.agency AND n.hit_id = hit.id AND n.type = 'withdrawn')
               ORDER BY hit.agency, hit.id""",
            list(ended),
        )
        return [ToldHit(*row) for row in rows]

    async def acquainted(self, ended: Sequence[SignalId]) -> Acquainted:
        """Return which cases know each other by hits with these signals; no pass counts on it until the end."""
        ids = list(ended)
        # A pass that counted on one of these rows holds it: only behind that pass is it known what stayed silent.
        rows = await self._rows(
            """WITH hit AS (SELECT id, first_signal, second_signal FROM hits WHERE first_signal = ANY(%s)
                            UNION SELECT id, first_signal, second_signal FROM hits WHERE second_signal = ANY(%s)),
                    case_of AS (SELECT DISTINCT s.case_token FROM signals s
                                JOIN hit ON s.id IN (hit.first_signal, hit.second_signal))
               SELECT first_agency, first_token, second_agency, second_token, purpose FROM known_pairs
               WHERE first_token IN (SELECT case_token FROM case_of) AND hit_id IN (SELECT id FROM hit)
               ORDER BY 1, 2, 3, 4, 5 FOR UPDATE OF known_pairs""",
            ids,
            ids,
        )
        if not rows:
            return Acquainted()
        pairs = tuple((Pair(*row[:4]), PurposeId(row[4])) for row in rows)
        sides = sorted(
            {
                (side[0], side[1], purpose)
                for pair, purpose in pairs
                for side in ((pair.first_agency, pair.first_token), (pair.second_agency, pair.second_token))
            }
        )
        others = await self._rows(
            """SELECT s.purpose, s.epoch, s.id FROM signals s
               JOIN unnest(%s::text[], %s::bytea[], %s::text[]) AS c (agency, token, purpose)
                 ON s.case_token = c.token AND s.agency = c.agency AND s.purpose = c.purpose
               WHERE s.state = 'live' AND NOT s.id = ANY(%s) ORDER BY s.id""",
            *([side[place] for side in sides] for place in range(3)),
            ids,
        )
        return Acquainted(pairs, tuple((PurposeId(row[0]), Epoch(row[1]), SignalId(row[2])) for row in others))

    async def next_seqs(self, agencies: Sequence[PartyId]) -> Mapping[PartyId, int]:
        """Return each agency's next notice number, held until the transaction ends."""
        wanted = sorted(set(agencies))
        await self._connection.execute(
            SQL(
                "INSERT INTO notice_counters (agency, seq) SELECT a, 0 FROM unnest(%s::text[]) a ORDER BY a "
                "ON CONFLICT DO NOTHING"
            ),
            (wanted,),
        )
        rows = await self._rows(
            "SELECT agency, seq + 1 FROM notice_counters WHERE agency = ANY(%s) ORDER BY agency FOR UPDATE", wanted
        )
        return {PartyId(agency): seq for agency, seq in rows}

    async def queued(self, purpose: PurposeId, epoch: Epoch, limit: int) -> Sequence[Queued]:
        """Return waiting batches, oldest first; one transaction at a time matches a purpose and epoch."""
        await self._one("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", f"{purpose}/{epoch}")
        rows = await self._rows(
            "SELECT id, signals FROM match_queue WHERE purpose = %s AND epoch = %s ORDER BY id LIMIT %s",
            purpose,
            epoch,
            limit,
        )
        return [Queued(row[0], tuple(row[1])) for row in rows]

    async def candidates(self, signals: Sequence[SignalId], epoch: Epoch, common_limit: int) -> Candidates:
        """Return what these signals agree on with others in an epoch. Who is named stays as it is until the end."""
        ids = list(signals)
        await self._connection.execute(SQL(BY_INDEX))
        common = [CommonTag(*row) for row in await self._rows(COMMON, ids, epoch, common_limit)]
        muted = [item.tag for item in common]
        agreed = [Agreed(*row) for row in await self._rows(AGREED, ids, epoch, muted)]
        involved = sorted({item.first for item in agreed} | {item.second for item in agreed})
        query = f"SELECT {_SIGNAL_COLUMNS} FROM signals WHERE id = ANY(%s) ORDER BY id FOR SHARE"  # noqa: S608 - ours
        stored = {row[0]: StoredSignal(*row) for row in await self._rows(query, involved)}
        firsts = sorted({item.first for item in agreed})
        found = await self._rows(
            """SELECT first_signal, second_signal, EXISTS (
                 SELECT 1 FROM notices n
                 WHERE n.agency = ANY(%s) AND n.hit_id = h.id AND n.type = 'hit')
               FROM hits h WHERE first_signal = ANY(%s)""",
            sorted({signal.told for signal in stored.values()}),
            firsts,
        )
        return Candidates(
            tuple(common),
            tuple(agreed),
            stored,
            {(row[0], row[1]): row[2] for row in found},
            await self._known(agreed, stored),
        )

    async def shared(self, agency: PartyId, purpose: PurposeId, epoch: Epoch, keys: Sequence[QueryKey]) -> Shared:
        """Return what these keys have in common with signals of other agencies, muted keys left out."""
        await self._connection.execute(SQL(BY_INDEX))
        found = await shared_keys(self._connection, agency, purpose, epoch, keys)
        query = f"SELECT {_SIGNAL_COLUMNS} FROM signals WHERE id = ANY(%s) ORDER BY id FOR SHARE"  # noqa: S608 - ours
        rows = await self._rows(query, sorted({key.signal for key in found}))
        return Shared(found, {row[0]: StoredSignal(*row) for row in rows})

    async def sealed(
        self, wanted: Mapping[SignalId, Sequence[PartName]], epoch: Epoch
    ) -> Mapping[SignalId, SealedSignal]:
        """Return what the senders of these signals signed for an epoch, with those of their parts that are named."""
        return await sealed_signals(self._connection, wanted, epoch)

    async def told_hit(self, agency: PartyId, hit_id: HitId) -> OpenableHit | None:
        """Return what an agency was told of a hit, or None when it was not."""
        row = await self._row(
            """SELECT n.purpose, n.my_signal, g.agency, g.told <> g.agency, n.level, g.id FROM notices n
               LEFT JOIN signals g ON g.id = n.their_signal
               WHERE n.agency = %s AND n.hit_id = %s AND n.type = 'hit'""",
            agency,
            hit_id,
        )
        if row is None:
            return None
        purpose, mine, other, canary, level, theirs = row
        named = level in NAMED
        return OpenableHit(
            purpose, mine, other if named else None, canary=bool(canary), their_signal=theirs if named else None
        )

    async def awaiting(
        self, expected: Sequence[Expectation], meets: Sequence[Quality], now: datetime, latest: datetime, limit: int
    ) -> Sequence[Waiting]:
        """Return live signals that waited their whole time by ``latest``, locked; skips those that others hold."""
        return await read_waiting(self._connection, expected, meets, now, latest, limit)

    async def waited(self, signals: Sequence[SignalId]) -> None:
        """Let these signals wait no more: their counterparts came."""
        await end_waits(self._connection, signals)
        self.done = True

    async def follow_up(self, agency: PartyId, hit_id: HitId) -> StoredFollowUp | None:
        """Return how far an agency is with a hit, locked; None when it was told of no such hit."""
        return await read_follow_up(self._connection, agency, hit_id)

    async def other_side(self, agency: PartyId, hit_id: HitId) -> OtherSide | None:
        """Return the other agency of a hit, when it was told of the hit too and its signal stands; never a planter."""
        return await read_other_side(self._connection, agency, hit_id)

    async def late_follow_ups(
        self, agencies: Sequence[PartyId], now: datetime, latest: datetime, limit: int
    ) -> Sequence[LateHit]:
        """Return the hits that these agencies should have followed up by ``latest``, locked; skips those held."""
        return await read_late(self._connection, agencies, now, latest, limit)

    async def disclosure(self, disclosure: DisclosureId, *, lock: bool = False) -> StoredDisclosure | None:
        """Return a request for more; ``lock`` keeps others from taking a step with it meanwhile."""
        return await disclosures.read_disclosure(self._connection, disclosure, lock=lock)

    async def open_disclosures(self, asker: PartyId, hit: HitId) -> int:
        """Return how many requests of an agency about a hit wait for a decision."""
        return await disclosures.count_open(self._connection, asker, hit)

    async def due_disclosures(self, now: datetime, limit: int) -> Sequence[StoredDisclosure]:
        """Return requests past their time, or of a hit of which a signal ended, locked; skips those others hold."""
        return await disclosures.read_due(self._connection, now, limit)

    async def keep_chunk(
        self, disclosure: DisclosureId, answer: AnswerId, chunk: StoredChunk, ciphertext: bytes
    ) -> None:
        """Keep one sealed piece of an answer until the decision that names it."""
        await disclosures.keep_chunk(self._connection, disclosure, answer, chunk, ciphertext)
        self.done = True

    async def chunks(self, disclosure: DisclosureId, answer: AnswerId) -> Sequence[StoredChunk]:
        """Return which pieces of an answer are there, in their order."""
        return await disclosures.read_chunks(self._connection, disclosure, answer)

    async def other_answers(self, disclosure: DisclosureId, but: AnswerId) -> int:
        """Return for how many other answers to a request there are pieces."""
        return await disclosures.count_answers(self._connection, disclosure, but)

    async def chunk(self, disclosure: DisclosureId, answer: AnswerId, place: int) -> bytes | None:
        """Return one sealed piece, or None."""
        return await disclosures.read_chunk(self._connection, disclosure, answer, place)

    async def told_change(self, agency: PartyId, seq: int) -> ToldChange | None:
        """Return a change that an agency was told of under this number, locked; None when there is no such."""
        return await read_told_change(self._connection, agency, seq)

    async def reported(self, holder: HolderIndex, hours: Sequence[datetime]) -> frozenset[datetime]:
        """Return which of these hours this key-holder reported before; nobody else reports for it meanwhile."""
        await self._one("SELECT pg_advisory_xact_lock(hashtextextended('reported-hours', %s))", holder)
        rows = await self._rows(
            "SELECT hour FROM reported_hours WHERE holder = %s AND hour = ANY(%s)", holder, list(hours)
        )
        return frozenset(row[0] for row in rows)

    async def has_statement(self, signed: SignedKeyStatement) -> bool:
        """Say whether a statement of this key-holder for this purpose and epoch is kept."""
        said = signed.statement
        await self._one(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", f"{said.purpose}/{said.epoch}/{said.holder}"
        )
        return (
            await self._row(
                "SELECT 1 FROM key_statements WHERE purpose = %s AND epoch = %s AND holder = %s",
                said.purpose,
                said.epoch,
                said.holder,
            )
            is not None
        )

    async def has_covenant(self, sha256: str) -> bool:
        """Say whether this covenant's activation was logged."""
        await self._one("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", sha256)
        return await self._row("SELECT 1 FROM covenants WHERE sha256 = %s", sha256) is not None

    async def probes_said(self, agency: PartyId, purpose: PurposeId, month: date) -> ProbesSaid | None:
        """Return what an agency declared of a month; from then on until the commit nobody else declares or counts."""
        return await read_declared(self._connection, agency, purpose, month)

    async def month_counted(self, purpose: PurposeId, month: date) -> bool:
        """Say whether a month's signals were counted."""
        return await is_counted(self._connection, purpose, month)

    async def said_unusual(self, day: date) -> frozenset[tuple[PartyId, PurposeId, str]]:
        """Return what was said to be unusual about a day; nobody else says anything until the end."""
        return await read_said(self._connection, day)

    async def use_of(self, day: date) -> Mapping[UseKey, Sequence[Hour]]:
        """Return the hours of a day (UTC) in which each agency did something for each purpose, from counts alone."""
        return await read_use(self._connection, day)

    async def most_by_one(self, day: date, above: int) -> Mapping[UseKey, int]:
        """Return how often the person looked, on a day (UTC), who looked most, where that is more than this."""
        return await read_most_by_one(self._connection, day, above, self._keys)

    async def search(self, sought: Sought) -> FoundEvents:
        """Return a page of the published log's entries that fit and may be seen."""
        return await find_events(self._connection, sought, self._keys)

    async def entries_of(self, signal: SignalId) -> Sequence[Erasable]:
        """Return the entries of the log whose subject part names a signal and was not erased, in their order."""
        return await entries_of(self._connection, signal, self._keys)

    async def entry_at(self, index: int) -> Erasable | None:
        """Return the entry at an index, or None when the log has none there."""
        return await entry_at(self._connection, index, self._keys)

    async def oldest_month(self, oldest_epoch: Epoch) -> MonthStanding | None:
        """Return the oldest month of the log of which anything is left; nobody else erases one until the end."""
        await self._one("SELECT pg_advisory_xact_lock(hashtextextended('erase-month', 6))")
        return await oldest_month(self._connection, oldest_epoch)

    async def about(self, sought: AboutSought) -> Sequence[AboutEntry]:
        """Return the newest entries that name one of these values, opened."""
        return await entries_about(self._connection, sought, self._keys)

    async def erased_among(self, indexes: Sequence[int], agency: PartyId) -> Sequence[ErasedRow]:
        """Return those of these entries of an agency that were erased, and by which event."""
        return await erased_among(self._connection, indexes, agency)

    async def commit(self, outcome: Outcome) -> None:
        """Write the outcome. Raises ``ConflictError`` (``in_flight``) when another act wrote the same: begin anew."""
        stamped = outcome
        if self._logged is not None:
            # A full push has a thousand events: beside the event loop.
            stamped = await asyncio.to_thread(self._logged.stamp, outcome)
        try:
            await write(self._connection, stamped, self._draw, self._keys)
        except UniqueViolation:
            raise in_flight() from None
        self.done = True

    async def matched(self, batches: Sequence[UUID]) -> None:
        """Take these batches off the queue."""
        await self._connection.execute(SQL("DELETE FROM match_queue WHERE id = ANY(%s)"), (list(batches),))
        self.done = True

    async def _known(self, agreed: Sequence[Agreed], stored: Mapping[SignalId, StoredSignal]) -> frozenset[Pair]:
        signals = {(item.first, item.second) for item in agreed if item.first in stored and item.second in stored}
        pairs = {pair_of(stored[first], stored[second]) for first, second in signals}
        purposes = {signal.purpose for signal in stored.values()}
        rows = await self._rows(
            """SELECT first_agency, first_token, second_agency, second_token FROM known_pairs
               WHERE first_token = ANY(%s) AND purpose = ANY(%s)
               ORDER BY 1, 2, 3, 4, purpose FOR SHARE""",
            sorted({pair.first_token for pair in pairs}),
            sorted(purposes),
        )
        return frozenset(Pair(*row) for row in rows) & pairs

    async def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(SQL(query), values)
        return await cursor.fetchall()

    async def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        cursor = await self._connection.execute(SQL(query), values)
        return await cursor.fetchone()

    async def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        row = await self._row(query, *values)
        if row is None:
            raise ValueError("a query that always answers did not")
        return row


BY_INDEX: Final = "SET LOCAL random_page_cost = 1.1; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""Makes a pass look up each tag of its batch. Left to itself the planner, which counts with turning disks, reads whole
partitions for a full push: three times as long against a million rows, and longer with every further one."""

COMMON: Final = """
WITH mine AS MATERIALIZED (SELECT DISTINCT tag, agency FROM tags WHERE signal_id = ANY(%s) AND epoch = %s)
SELECT t.tag, t.agency, min(t.kind), count(DISTINCT t.case_hash), (array_agg(t.signal_id ORDER BY t.signal_id))[1]
FROM mine JOIN tags t ON t.tag = mine.tag AND t.agency = mine.agency AND NOT t.canary
WHERE NOT EXISTS (SELECT 1 FROM muted_tags m WHERE m.tag = t.tag AND m.agency = t.agency)
GROUP BY t.tag, t.agency HAVING count(DISTINCT t.case_hash) > %s
ORDER BY t.agency, t.tag
"""

# Equal tags with different kinds come from somebody who mislabels: a weak key must not pass for an identifier.
AGREED: Final = """
WITH mine AS MATERIALIZED (SELECT * FROM tags WHERE signal_id = ANY(%s) AND epoch = %s)
SELECT DISTINCT least(a.signal_id, b.signal_id), greatest(a.signal_id, b.signal_id), a.kind,
       CASE WHEN a.signal_id < b.signal_id THEN a.role ELSE b.role END,
       CASE WHEN a.signal_id < b.signal_id THEN b.role ELSE a.role END
FROM mine a JOIN tags b ON b.tag = a.tag
WHERE b.agency <> a.agency AND b.kind = a.kind AND b.purpose = a.purpose AND b.epoch = a.epoch
  AND NOT a.tag = ANY(%s)
  AND NOT EXISTS (SELECT 1 FROM muted_tags m WHERE m.tag = a.tag)
"""


def in_flight() -> ConflictError:
    """Return the error for what another request is doing at this moment."""
    return ConflictError(
        Code.IN_FLIGHT, "The same request is being worked on.", hint="Send it again in a moment, under the same key."
    )


def _read_result(item: Mapping[str, Any]) -> KeptResult:
    refusal = None if item["refusal"] is None else parse(Refusal, json.dumps(item["refusal"]).encode())
    return KeptResult(SignalId(UUID(item["signal"])), item["status"], UUID(item["event"]), refusal)
