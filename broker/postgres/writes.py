# SPDX-License-Identifier: EUPL-1.2
"""Facts -> rows: what ``commit(outcome)`` writes, all in the caller's transaction; bulk rows by COPY.

Not here: when to commit (``acts.py``).
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar, cast

from psycopg import AsyncCopy
from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from broker import facts as f
from broker.data_keys import DataKeys, month_of
from broker.postgres.awaiting import end_waits
from broker.postgres.changing import keep_seen, live_on, set_restriction
from broker.postgres.connections import Connection
from broker.postgres.disclosures import ask
from broker.postgres.disclosures import step as step_disclosures
from broker.postgres.erasing import erase_entries, erase_months, forget_signals
from broker.postgres.following import begin, note_late, step
from broker.postgres.retagging import retag
from broker.sealing import MonthKeys, handles_of, seal
from protocol.commitments import SALT_BYTES
from protocol.commitments import commit as commit_event
from protocol.events import SignalsMatched

EVENTS_CHANNEL: Final = "sluis_events"
QUEUE_CHANNEL: Final = "sluis_queue"
PUBLISHED_CHANNEL: Final = "sluis_published"

Row = tuple[Any, ...]
F = TypeVar("F")

_EVENT_TYPES: Final = (
    *("uuid", "bytea", "timestamptz", "int2", "text", "text", "text", "text[]", "text", "text", "bool"),
    *("bytea", "bytea"),
)
_HANDLE_TYPES: Final = ("int8", "uuid")
_SIGNAL_TYPES: Final = (
    *("uuid", "text", "text", "int8", "text[]", "text", "bytea", "text", "timestamptz", "text", "date", "uuid"),
    *("text", "bytea", "jsonb", "bytea", "text", "uuid", "timestamptz", "text"),
)
_TAG_TYPES: Final = ("bytea", "uuid", "text", "text", "text", "text", "int8", "int8", "bytea", "bytea", "bool")
_PART_TYPES: Final = ("uuid", "int8", "text", "bytea")


async def write(connection: Connection, outcome: f.Outcome, draw: Callable[[int], bytes], data_keys: DataKeys) -> None:
    """Write an outcome; ``draw`` gives the salts of its events, ``data_keys`` what they are sealed under."""
    # A full push makes tens of thousands of values: built beside the event loop, which serves others meanwhile.
    events, handles = await asyncio.to_thread(_event_rows, outcome.events, draw, data_keys)
    signals, tags, parts = await asyncio.to_thread(_bulk_rows, outcome)
    grouped: dict[type[Any], list[Any]] = defaultdict(list)
    for fact in outcome.facts:
        grouped[type(fact)].append(fact)
    await _copy(
        connection,
        SQL(
            "COPY signals (id, agency, purpose, epoch, grounds, basis, case_token, urgency, "
            "expires_at, informed, review_on, supersedes, key_id, signature, part_digests, digest, state, event_id, "
            "awaited_since, told) "
            "FROM STDIN (FORMAT BINARY)"
        ),
        _SIGNAL_TYPES,
        signals,
    )
    await _copy(
        connection,
        SQL(
            "COPY tags (tag, signal_id, role, kind, agency, purpose, epoch, case_hash, contact_wrap, "
            "content_wrap, canary) FROM STDIN (FORMAT BINARY)"
        ),
        _TAG_TYPES,
        tags,
    )
    await _copy(
        connection,
        SQL("COPY parts (signal_id, epoch, name, ciphertext) FROM STDIN (FORMAT BINARY)"),
        _PART_TYPES,
        parts,
    )
    for kind, writer in _WRITERS.items():
        if grouped[kind]:
            await writer(connection, grouped[kind])
    await _copy(
        connection,
        SQL(
            "COPY events (id, leaf, at, kind, agency, recipient, concerns, agencies, purpose, decision, canary, "
            "record, subject) FROM STDIN (FORMAT BINARY)"
        ),
        _EVENT_TYPES,
        events,
    )
    await _copy(
        connection, SQL("COPY event_handles (handle, event_id) FROM STDIN (FORMAT BINARY)"), _HANDLE_TYPES, handles
    )
    # Delivered when the transaction commits, and not before.
    await connection.execute(SQL("SELECT pg_notify(%s, '')"), (EVENTS_CHANNEL,))
    if grouped[f.BatchQueued]:
        await connection.execute(SQL("SELECT pg_notify(%s, '')"), (QUEUE_CHANNEL,))


# --- Bulk -------------------------------------------------------------------------------------------------------------


def _event_rows(
    events: Sequence[f.Recorded], draw: Callable[[int], bytes], data_keys: DataKeys
) -> tuple[list[Row], list[Row]]:
    # One call for all salts: a call each costs more than all the hashing.
    salts = draw(2 * SALT_BYTES * len(events))
    keys: dict[str, MonthKeys] = {}
    rows, handles = [], []
    for place, recorded in enumerate(events):
        month = month_of(recorded.event.act.time)
        if month not in keys:
            keys[month] = data_keys.of_month(month, make=True)
        rows.append(_event_row(recorded, salts[2 * SALT_BYTES * place : 2 * SALT_BYTES * (place + 1)], keys[month]))
        handles += [(handle, recorded.id) for handle in handles_of(keys[month], recorded.event)]
    # In the order of the index, which COPY then fills from left to right.
    handles.sort()
    return rows, handles


def _bulk_rows(outcome: f.Outcome) -> tuple[list[Row], list[Row], list[Row]]:
    added = [fact for fact in outcome.facts if isinstance(fact, f.SignalAdded)]
    signals = [_signal_row(fact) for fact in added]
    sealed: list[f.SignalAdded | f.SignalRetagged] = [
        *added,
        *(fact for fact in outcome.facts if isinstance(fact, f.SignalRetagged)),
    ]
    tags = [row for fact in sealed for row in _tag_rows(fact)]
    # In the order of the index, which COPY then fills from left to right.
    tags.sort(key=lambda row: cast(bytes, row[0]))
    parts = [
        (fact.signal.id, fact.signal.epoch, part.name, part.ciphertext) for fact in sealed for part in fact.signal.parts
    ]
    return signals, tags, parts


def _event_row(recorded: f.Recorded, salts: bytes, keys: MonthKeys) -> Row:
    event, act = recorded.event, recorded.event.act
    committed = commit_event(event, salts[:SALT_BYTES], salts[SALT_BYTES:])
    sealed = seal(keys, recorded.id, committed.opening)
    return (
        recorded.id,
        committed.leaf,
        act.time,
        event.TAG,
        act.agency,
        act.recipient,
        recorded.concerns,
        list(event.agencies) if isinstance(event, SignalsMatched) else None,
        act.purpose,
        act.decision,
        recorded.canary,
        sealed.record,
        sealed.subject,
    )


def _signal_row(fact: f.SignalAdded) -> Row:
    signal = fact.signal
    return (
        signal.id,
        fact.agency,
        signal.purpose,
        signal.epoch,
        list(signal.grounds),
        signal.basis,
        signal.case_token,
        signal.urgency,
        signal.expires_at,
        signal.informed.status,
        signal.informed.review_on,
        signal.supersedes,
        signal.key_id,
        signal.signature,
        Jsonb({name: digest.hex() for name, digest in fact.part_digests.items()}),
        fact.digest,
        "live",
        fact.event_id,
        fact.awaited_since,
        fact.told or fact.agency,
    )


def _tag_rows(fact: f.SignalAdded | f.SignalRetagged) -> Iterable[Row]:
    signal = fact.signal
    case_hash = int.from_bytes(signal.case_token[:8], "big", signed=True)
    for key in signal.keys:
        yield (
            key.tag,
            signal.id,
            key.role,
            key.kind,
            fact.agency,
            signal.purpose,
            signal.epoch,
            case_hash,
            key.wraps.get("contact"),
            key.wraps.get("content"),
            fact.told is not None,
        )


async def _copy(connection: Connection, statement: SQL, types: Sequence[str], rows: Sequence[Row]) -> None:
    if not rows:
        return
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        # Tens of thousands of rows take a part of a second to write out: not in the event loop.
        for block in await asyncio.to_thread(_blocks, copy, rows):
            await copy.write(block)


def _blocks(copy: AsyncCopy, rows: Sequence[Row]) -> list[bytes]:
    """Return the rows in PostgreSQL's binary form, in blocks; what is left over leaves with the end of the copy."""
    return [bytes(block) for row in rows if (block := copy.formatter.write_row(row))]


# --- One kind of fact each --------------------------------------------------------------------------------------------


async def _queue(connection: Connection, batches: Sequence[f.BatchQueued]) -> None:
    await _many(
        connection,
        "INSERT INTO match_queue (id, purpose, epoch, signals) VALUES (%s, %s, %s, %s)",
        [(batch.id, batch.purpose, batch.epoch, list(batch.signals)) for batch in batches],
    )


async def _keep_answers(connection: Connection, answers: Sequence[f.AnswerKept]) -> None:
    await _many(
        connection,
        "INSERT INTO idempotency (agency, key, digest, results, expires_at) VALUES (%s, %s, %s, %s, %s)",
        [
            (
                answer.agency,
                answer.key,
                answer.digest,
                Jsonb([result_json(r) for r in answer.results]),
                answer.expires_at,
            )
            for answer in answers
        ],
    )


def result_json(result: f.KeptResult) -> dict[str, Any]:
    """Return a kept result as JSON; ``acts.py`` reads it back."""
    return {
        "signal": str(result.signal_id),
        "status": result.status,
        "event": str(result.event_id),
        "refusal": json.loads(result.refusal.to_json()) if result.refusal else None,
    }


async def _keep_requests(connection: Connection, requests: Sequence[f.RequestKept]) -> None:
    await _many(
        connection,
        "INSERT INTO requests (id, key_id, base, signature, body_digest) VALUES (%s, %s, %s, %s, %s)",
        [(r.id, r.verified.key_id, r.verified.base, r.verified.signature, r.verified.body_digest) for r in requests],
    )


async def _end_signals(connection: Connection, ended: Sequence[f.SignalEnded]) -> None:
    ids = [fact.signal_id for fact in ended]
    await connection.execute(SQL("DELETE FROM tags WHERE signal_id = ANY(%s)"), (ids,))
    await connection.execute(SQL("DELETE FROM parts WHERE signal_id = ANY(%s)"), (ids,))
    await _many(
        connection,
        "UPDATE signals SET state = %s, ended_event_id = %s, awaited_since = NULL WHERE id = %s",
        [(fact.state, fact.event_id, fact.signal_id) for fact in ended],
    )


async def _add_hits(connection: Connection, hits: Sequence[f.HitFound]) -> None:
    await _many(
        connection,
        """INSERT INTO hits (first_signal, second_signal, id, first_agency, second_agency, purpose, epoch, quality, at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [(h.first, h.second, h.id, h.first_agency, h.second_agency, h.purpose, h.epoch, h.quality, h.at) for h in hits],
    )


async def _add_pairs(connection: Connection, known: Sequence[f.PairKnown]) -> None:
    await _many(
        connection,
        """INSERT INTO known_pairs (first_token, second_token, first_agency, second_agency, purpose, hit_id)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [
            (k.pair.first_token, k.pair.second_token, k.pair.first_agency, k.pair.second_agency, k.purpose, k.hit_id)
            for k in known
        ],
    )


async def _forget_pairs(connection: Connection, forgotten: Sequence[f.PairForgotten]) -> None:
    await _many(
        connection,
        """DELETE FROM known_pairs WHERE first_token = %s AND second_token = %s AND first_agency = %s
           AND second_agency = %s AND purpose = %s""",
        [
            (k.pair.first_token, k.pair.second_token, k.pair.first_agency, k.pair.second_agency, k.purpose)
            for k in forgotten
        ],
    )


async def _add_notices(connection: Connection, notices: Sequence[f.NoticeAdded]) -> None:
    await _many(
        connection,
        """INSERT INTO notices (agency, seq, type, at, event_id, my_signal, purpose, epoch, hit_id, their_signal,
             quality, level, urgency, agreed, rule, reason, kind, signals, due_since,
             disclosure_id, act_event_id)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            (
                *(n.agency, n.seq, n.type, n.at, n.event_id, n.my_signal, n.purpose, n.epoch, n.hit_id, n.their_signal),
                *(n.quality, n.level, n.urgency, None if n.agreed is None else Jsonb([list(a) for a in n.agreed])),
                *(n.rule, n.reason, n.kind, n.signals, n.due_since),
                *(n.disclosure_id, n.act_event_id),
            )
            for n in notices
        ],
    )
    last: dict[str, int] = {}
    for notice in notices:
        last[notice.agency] = max(notice.seq, last.get(notice.agency, 0))
    await _many(
        connection, "UPDATE notice_counters SET seq = %s WHERE agency = %s", [(s, a) for a, s in sorted(last.items())]
    )


async def _end_waits(connection: Connection, ended: Sequence[f.WaitEnded]) -> None:
    await end_waits(connection, [fact.signal_id for fact in ended])


async def _mute(connection: Connection, muted: Sequence[f.TagMuted]) -> None:
    await _many(
        connection,
        "INSERT INTO muted_tags (tag, agency, event_id) VALUES (%s, %s, %s)",
        [(fact.tag, fact.agency, fact.event_id) for fact in muted],
    )


async def _keep_statements(connection: Connection, kept: Sequence[f.StatementKept]) -> None:
    await _many(
        connection,
        "INSERT INTO key_statements (purpose, epoch, holder, statement, event_id) VALUES (%s, %s, %s, %s, %s)",
        [
            (s.purpose, s.epoch, s.holder, fact.signed.to_json().decode(), fact.event_id)
            for fact in kept
            for s in (fact.signed.statement,)
        ],
    )


async def _keep_hours(connection: Connection, kept: Sequence[f.HourReported]) -> None:
    await _many(
        connection,
        "INSERT INTO reported_hours (holder, hour) VALUES (%s, %s)",
        [(fact.holder, fact.hour) for fact in kept],
    )


async def _keep_covenants(connection: Connection, kept: Sequence[f.CovenantKept]) -> None:
    await _many(
        connection,
        "INSERT INTO covenants (sha256, event_id) VALUES (%s, %s)",
        [(fact.sha256, fact.event_id) for fact in kept],
    )


async def _change_informing(connection: Connection, changed: Sequence[f.InformingChanged]) -> None:
    await _many(
        connection,
        "UPDATE signals SET informed = %s, review_on = %s WHERE id = %s",
        [(fact.status, fact.review_on, fact.signal_id) for fact in changed],
    )


async def _say_unusual(connection: Connection, said: Sequence[f.UnusualSaid]) -> None:
    await _many(
        connection,
        "INSERT INTO unusual (agency, purpose, reason, day, event_id) VALUES (%s, %s, %s, %s, %s)",
        [(fact.agency, fact.purpose, fact.reason, fact.day, fact.event_id) for fact in said],
    )


async def _say_probes(connection: Connection, said: Sequence[f.ProbesSaid]) -> None:
    await _many(
        connection,
        "INSERT INTO probe_counts (agency, purpose, month, registered, withdrawn, expired, hit, probable, possible, "
        "event_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [(fact.agency, fact.purpose, fact.month, *fact.counts, fact.event_id) for fact in said],
    )


async def _many(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(SQL(statement), rows)


_WRITERS: Final[dict[type[Any], Callable[[Connection, Sequence[Any]], Any]]] = {
    f.BatchQueued: _queue,
    f.AnswerKept: _keep_answers,
    f.RequestKept: _keep_requests,
    f.SignalEnded: _end_signals,
    f.HitFound: _add_hits,
    f.PairForgotten: _forget_pairs,
    f.PairKnown: _add_pairs,
    f.NoticeAdded: _add_notices,
    f.WaitEnded: _end_waits,
    f.SignalRetagged: retag,
    f.FollowUpBegun: begin,
    f.FollowUpStepped: step,
    f.FollowUpLate: note_late,
    f.DisclosureAsked: ask,
    f.DisclosureStepped: step_disclosures,
    f.RestrictionSet: set_restriction,
    f.SignalLivesOn: live_on,
    f.ChangeSeenKept: keep_seen,
    f.TagMuted: _mute,
    f.StatementKept: _keep_statements,
    f.CovenantKept: _keep_covenants,
    f.HourReported: _keep_hours,
    f.UnusualSaid: _say_unusual,
    f.InformingChanged: _change_informing,
    f.ProbesSaid: _say_probes,
    f.EntriesErased: erase_entries,
    f.SignalForgotten: forget_signals,
    f.MonthErased: erase_months,
}
