# SPDX-License-Identifier: EUPL-1.2
"""What a query reads, in one statement for all its keys; nothing is written here, and nothing of a query is stored.

Not here: locks and the transaction (``acts.py``), what the keys are worth and who is told (``broker/query.py``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from psycopg.sql import SQL

from broker.interfaces import SealedSignal, SharedKey
from broker.postgres.connections import Connection
from broker.postgres.retagging import registrations
from protocol.ids import Epoch, PartyId, PurposeId, SignalId
from protocol.messages import PartName, QueryKey, SealedPart

MAX_ROWS: Final = 8_192
"""Keys found for one query. Twenty cases of an agency may share a key before it is muted, so that this is the mass of
somebody who signals one case over and over; the newest are looked at."""

# Equal tags with different kinds come from somebody who mislabels: a weak key must not pass for an identifier.
SHARED: Final = """
WITH asked AS MATERIALIZED (SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[]) AS a (tag, kind, role))
SELECT t.signal_id, t.kind, a.role, t.role, t.contact_wrap, t.content_wrap
FROM asked a JOIN tags t ON t.tag = a.tag
WHERE t.kind = a.kind AND t.purpose = %s AND t.epoch = %s AND t.agency <> %s
  AND NOT EXISTS (SELECT 1 FROM muted_tags m WHERE m.tag = t.tag)
ORDER BY t.signal_id DESC, t.kind, t.tag, a.role, t.role LIMIT %s
"""


async def shared_keys(
    connection: Connection, agency: PartyId, purpose: PurposeId, epoch: Epoch, keys: Sequence[QueryKey]
) -> tuple[SharedKey, ...]:
    """Return the keys that signals of other agencies have too, those of the newest signals first."""
    cursor = await connection.execute(
        SQL(SHARED),
        (
            [key.tag for key in keys],
            [key.kind for key in keys],
            [key.role for key in keys],
            *(purpose, epoch, agency, MAX_ROWS),
        ),
    )
    rows = await cursor.fetchall()
    if len(rows) == MAX_ROWS:
        # The last signal may have more keys than were read: told in part, it would look less sure than it is.
        rows = [row for row in rows if row[0] != rows[-1][0]]
    return tuple(SharedKey(row[0], (row[1], row[2], row[3]), _wraps(row[4], row[5])) for row in rows)


async def sealed_signals(
    connection: Connection, wanted: Mapping[SignalId, Sequence[PartName]], epoch: Epoch
) -> Mapping[SignalId, SealedSignal]:
    """Return what the senders of these signals signed for an epoch, with those of their parts that are named."""
    if not wanted:
        return {}
    pairs = [(signal, name) for signal, names in wanted.items() for name in names]
    parts: dict[UUID, list[SealedPart]] = defaultdict(list)
    cursor = await connection.execute(
        SQL(
            """SELECT p.signal_id, p.name, p.ciphertext FROM unnest(%s::uuid[], %s::text[]) AS w (signal_id, name)
               JOIN parts p ON p.signal_id = w.signal_id AND p.name = w.name AND p.epoch = %s
               ORDER BY p.signal_id, p.name"""
        ),
        ([signal for signal, _ in pairs], [name for _, name in pairs], epoch),
    )
    for signal, name, ciphertext in await cursor.fetchall():
        parts[signal].append(SealedPart(name=name, ciphertext=ciphertext))
    signed = await registrations(connection, [(signal, epoch) for signal in wanted])
    return {
        SignalId(signal): SealedSignal(
            one.key_id,
            one.signature,
            {name: bytes.fromhex(digest) for name, digest in one.part_digests.items()},
            tuple(parts[signal]),
        )
        for (signal, _), one in signed.items()
    }


def _wraps(contact: bytes | None, content: bytes | None) -> Mapping[PartName, bytes]:
    found: dict[PartName, bytes | None] = {"contact": contact, "content": content}
    return {name: wrap for name, wrap in found.items() if wrap is not None}
