# SPDX-License-Identifier: EUPL-1.2
"""Registrations of one signal for several epochs: the newest stands in its row, what it replaced beside it.

While both epochs are live the signal has the tags, parts and signature of each. When the old epoch is over nobody can
make its pseudonyms any more, so they go, and hits that were told under it are given out as sealed for the new one.
Not here: which signal may be registered again (``broker/ingest.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from broker import facts as f
from broker.postgres.connections import Connection
from protocol.ids import Epoch, KeyId, PartyId, SignalId


@dataclass(frozen=True, slots=True)
class Registration:
    """What a signal's sender signed for one epoch, and whether the signal may be shown now."""

    agency: PartyId
    key_id: KeyId
    signature: bytes
    part_digests: Mapping[Any, str]
    restricted: bool


async def retag(connection: Connection, retagged: Sequence[f.SignalRetagged]) -> None:
    """Put new registrations in the place of the last; their tags and parts come with the bulk rows."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL(
                """INSERT INTO earlier_registrations (signal_id, epoch, key_id, signature, part_digests)
                   SELECT id, epoch, key_id, signature, part_digests FROM signals WHERE id = %s"""
            ),
            [(one.signal.id,) for one in retagged],
        )
        await cursor.executemany(
            SQL(
                """UPDATE signals SET epoch = %s, grounds = %s, basis = %s, urgency = %s, expires_at = %s, key_id = %s,
                     signature = %s, part_digests = %s, digest = %s, event_id = %s WHERE id = %s"""
            ),
            [
                (
                    *(one.signal.epoch, list(one.signal.grounds), one.signal.basis, one.signal.urgency),
                    *(one.signal.expires_at, one.signal.key_id, one.signal.signature),
                    Jsonb({name: digest.hex() for name, digest in one.part_digests.items()}),
                    *(one.digest, one.event_id, one.signal.id),
                )
                for one in retagged
            ],
        )


async def registrations(
    connection: Connection, wanted: Collection[tuple[SignalId, Epoch]]
) -> dict[tuple[UUID, int], Registration]:
    """Return what was signed for these signals and epochs, as far as it is still there."""
    ids, epochs = [signal for signal, _ in wanted], [epoch for _, epoch in wanted]
    cursor = await connection.execute(
        SQL(
            """WITH wanted AS MATERIALIZED (SELECT DISTINCT * FROM unnest(%s::uuid[], %s::bigint[]) AS w (id, epoch))
               SELECT s.id, w.epoch, s.agency, s.key_id, s.signature, s.part_digests, s.restricted_by IS NOT NULL
               FROM wanted w JOIN signals s ON s.id = w.id AND s.epoch = w.epoch
               UNION ALL
               SELECT s.id, w.epoch, s.agency, e.key_id, e.signature, e.part_digests, s.restricted_by IS NOT NULL
               FROM wanted w JOIN earlier_registrations e ON e.signal_id = w.id AND e.epoch = w.epoch
               JOIN signals s ON s.id = w.id"""
        ),
        (ids, epochs),
    )
    return {(row[0], row[1]): Registration(*row[2:]) for row in await cursor.fetchall()}


async def retire(connection: Connection, oldest: Epoch, limit: int) -> int:
    """Forget the tags and parts of registrations whose epoch is over; return how many registrations that were."""
    cursor = await connection.execute(
        SQL(
            """UPDATE earlier_registrations SET retired = true WHERE (signal_id, epoch) IN (
                 SELECT signal_id, epoch FROM earlier_registrations WHERE NOT retired AND epoch < %s
                 ORDER BY signal_id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING signal_id"""
        ),
        (oldest, limit),
    )
    ids = [row[0] for row in await cursor.fetchall()]
    if not ids:
        return 0
    # A hit that was told and not fetched in all that time would be sealed for nobody: both sides have a newer seal.
    await connection.execute(
        SQL(
            """UPDATE notices n SET epoch = a.epoch FROM hits h
                 JOIN signals a ON a.id = h.first_signal JOIN signals b ON b.id = h.second_signal
               WHERE (h.first_signal = ANY(%s) OR h.second_signal = ANY(%s)) AND n.agency IN (a.told, b.told)
                 AND n.hit_id = h.id AND n.type = 'hit' AND n.epoch < %s AND a.epoch = b.epoch AND a.epoch >= %s"""
        ),
        (ids, ids, oldest, oldest),
    )
    await connection.execute(SQL("DELETE FROM tags WHERE signal_id = ANY(%s) AND epoch < %s"), (ids, oldest))
    await connection.execute(SQL("DELETE FROM parts WHERE signal_id = ANY(%s) AND epoch < %s"), (ids, oldest))
    return len(ids)
