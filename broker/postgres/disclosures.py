# SPDX-License-Identifier: EUPL-1.2
"""Requests for more and the sealed pieces of answers: read under locks, kept, and deleted when they are over.

Not here: what may follow what (``protocol/disclosure_states.py``), what is decided (``broker/disclosure.py``), notices
about them (``notices.py``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from broker import facts as f
from broker.interfaces import StoredChunk, StoredDisclosure
from broker.postgres.connections import Connection
from protocol.disclosure_states import LIVE, OPEN, DisclosureState
from protocol.disclosures import SealedAnswer, SealedRefusal
from protocol.encoding import canonical_json
from protocol.ids import AnswerId, DisclosureId, HitId, PartyId
from protocol.messages import parse

COLUMNS: Final = """id, hit_id, asker, owner, asker_signal, owner_signal, purpose, epoch, state, canary, requested_at,
  due_at, fetch_by, body_digest, event_id, why_digest, wanted, wanted_digest, key_id, signature, approver, answer,
  answer_digest, refusal"""
_NAMES: Final = tuple(name.strip() for name in COLUMNS.split(","))
_LIVE: Final = ", ".join(f"'{state.value}'" for state in LIVE)
_DUE: Final = f"""
SELECT {COLUMNS} FROM disclosures d WHERE state IN ({_LIVE}) AND (
  (state <> 'granted' AND due_at <= %s) OR (state = 'granted' AND fetch_by <= %s)
  OR NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = d.asker_signal AND s.state = 'live')
  OR NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = d.owner_signal AND s.state = 'live'))
ORDER BY due_at, id LIMIT %s FOR UPDATE OF d SKIP LOCKED
"""  # noqa: S608 - our own columns


def read_row(row: Sequence[Any]) -> StoredDisclosure:
    """Return a row as a value."""
    found: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    found["state"] = DisclosureState(found["state"])
    if found["answer"] is not None:
        found["answer"] = parse(SealedAnswer, canonical_json(found["answer"]))
    if found["refusal"] is not None:
        found["refusal"] = parse(SealedRefusal, canonical_json(found["refusal"]))
    return StoredDisclosure(**found)


async def read_disclosure(connection: Connection, disclosure: DisclosureId, *, lock: bool) -> StoredDisclosure | None:
    """Return a request; ``lock`` keeps others from taking a step meanwhile."""
    query = f"SELECT {COLUMNS} FROM disclosures WHERE id = %s" + " FOR UPDATE" * lock  # noqa: S608 - our own columns
    row = await (await connection.execute(SQL(query), (disclosure,))).fetchone()
    return None if row is None else read_row(row)


async def count_open(connection: Connection, asker: PartyId, hit: HitId) -> int:
    """Return how many requests of an agency about a hit wait for a decision."""
    cursor = await connection.execute(
        SQL("SELECT count(*) FROM disclosures WHERE hit_id = %s AND asker = %s AND state = ANY(%s)"),
        (hit, asker, [state.value for state in OPEN]),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def read_due(connection: Connection, now: datetime, limit: int) -> Sequence[StoredDisclosure]:
    """Return requests past their time, or of a hit of which a signal ended, locked; skips those that others hold."""
    cursor = await connection.execute(SQL(_DUE), (now, now, limit))
    return [read_row(row) for row in await cursor.fetchall()]


async def keep_chunk(
    connection: Connection, disclosure: DisclosureId, answer: AnswerId, chunk: StoredChunk, ciphertext: bytes
) -> None:
    """Keep one sealed piece; one that was there before gives way: the decision names the pieces that count."""
    await connection.execute(
        SQL(
            """INSERT INTO disclosure_chunks (disclosure_id, answer_id, place, digest, ciphertext)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT (disclosure_id, answer_id, place)
               DO UPDATE SET digest = excluded.digest, ciphertext = excluded.ciphertext"""
        ),
        (disclosure, answer, chunk.place, chunk.digest, ciphertext),
    )


async def read_chunks(connection: Connection, disclosure: DisclosureId, answer: AnswerId) -> Sequence[StoredChunk]:
    """Return which pieces of an answer are there, in their order."""
    cursor = await connection.execute(
        SQL("SELECT place, digest FROM disclosure_chunks WHERE disclosure_id = %s AND answer_id = %s ORDER BY place"),
        (disclosure, answer),
    )
    return [StoredChunk(*row) for row in await cursor.fetchall()]


async def count_answers(connection: Connection, disclosure: DisclosureId, but: AnswerId) -> int:
    """Return for how many other answers to a request there are pieces."""
    cursor = await connection.execute(
        SQL("SELECT count(DISTINCT answer_id) FROM disclosure_chunks WHERE disclosure_id = %s AND answer_id <> %s"),
        (disclosure, but),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def read_chunk(connection: Connection, disclosure: DisclosureId, answer: AnswerId, place: int) -> bytes | None:
    """Return one sealed piece, or None."""
    cursor = await connection.execute(
        SQL("SELECT ciphertext FROM disclosure_chunks WHERE disclosure_id = %s AND answer_id = %s AND place = %s"),
        (disclosure, answer, place),
    )
    row = await cursor.fetchone()
    return None if row is None else bytes(row[0])


# --- What an act writes -----------------------------------------------------------------------------------------------


async def ask(connection: Connection, asked: Sequence[f.DisclosureAsked]) -> None:
    """Write new requests."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL(
                """INSERT INTO disclosures (id, hit_id, asker, owner, asker_signal, owner_signal, purpose, epoch, state,
                     canary, requested_at, due_at, body_digest, event_id, why_digest, wanted, wanted_digest, key_id,
                     signature)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'requested', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
            ),
            [
                (
                    *(one.id, one.hit_id, one.asker, one.owner, one.asker_signal, one.owner_signal, one.purpose),
                    *(one.epoch, one.canary, one.requested_at, one.due_at, one.body_digest, one.event_id),
                    *(one.why_digest, one.wanted, one.wanted_digest, one.key_id, one.signature),
                )
                for one in asked
            ],
        )


async def step(connection: Connection, stepped: Sequence[f.DisclosureStepped]) -> None:
    """Write steps; what is over takes what was sealed along, and of a grant the pieces of other answers go."""
    for one in stepped:
        answer = None if one.answer is None else Jsonb(one.answer.model_dump(mode="json", by_alias=True))
        refusal = None if one.refusal is None else Jsonb(one.refusal.model_dump(mode="json", by_alias=True))
        await connection.execute(
            SQL(
                """UPDATE disclosures SET state = %s, approver = coalesce(%s, approver),
                     fetch_by = coalesce(%s, fetch_by), answer = coalesce(%s, answer),
                     answer_digest = coalesce(%s, answer_digest), refusal = coalesce(%s, refusal)
                   WHERE id = %s"""
            ),
            (one.state, one.approver, one.fetch_by, answer, one.answer_digest, refusal, one.id),
        )
        if one.state not in OPEN:
            await connection.execute(SQL("UPDATE disclosures SET wanted = NULL WHERE id = %s"), (one.id,))
        if one.state is DisclosureState.GRANTED and one.answer is not None:
            await connection.execute(
                SQL("DELETE FROM disclosure_chunks WHERE disclosure_id = %s AND answer_id <> %s"),
                (one.id, one.answer.id),
            )
        if one.state not in LIVE:
            await connection.execute(SQL("UPDATE disclosures SET answer = NULL WHERE id = %s"), (one.id,))
            await connection.execute(SQL("DELETE FROM disclosure_chunks WHERE disclosure_id = %s"), (one.id,))
