# SPDX-License-Identifier: EUPL-1.2
"""Notices as an agency gets them: only proven ones, in order, with as much of the counterpart as the level lets go.

Sealed parts and wraps are read from the live signal each time, so what was withdrawn is never given out again.
Not here: who is told what (``broker/notify.py``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.interfaces import NoticeRead, StoredDisclosure
from broker.levels import NAMED, RELEASED
from broker.postgres.connections import Connection
from broker.postgres.disclosures import COLUMNS as DISCLOSURE_COLUMNS
from broker.postgres.disclosures import read_row
from broker.postgres.proofs import event_rows, evidence, leaves, published
from broker.postgres.retagging import Registration, registrations
from protocol.disclosure_states import Step
from protocol.disclosures import DisclosureNotice
from protocol.ids import DisclosureId, Epoch, HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import MAX_KEYS, Agreement, Counterpart, ErasedEntry, Evidence, Level, ReleasedWrap, SealedPart
from protocol.notices import (
    AcknowledgedNotice,
    DoubtedNotice,
    ErasedNotice,
    HitNotice,
    LateNotice,
    LiftedNotice,
    MutedNotice,
    Notice,
    OverdueNotice,
    QueriedNotice,
    RestrictedNotice,
    WithdrawnNotice,
)

PAGE_BYTES: Final = 8 * 1024 * 1024
"""Sealed bytes of one page, after which it ends early: a client on a slow line gets it within a minute."""
MAX_WRAPS: Final = 4 * MAX_KEYS
_COLUMNS: Final = """seq, type, at, event_id, my_signal, purpose, epoch, hit_id, their_signal, quality, level, urgency,
  agreed, rule, reason, kind, signals, due_since, disclosure_id, act_event_id"""


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    type: str
    at: datetime
    event_id: UUID
    my_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    hit_id: HitId | None
    their_signal: SignalId | None
    quality: Any
    level: Level | None
    urgency: Any
    agreed: list[list[Any]] | None
    rule: str | None
    reason: str | None
    kind: KeyKind | None
    signals: int | None
    due_since: datetime | None
    disclosure_id: DisclosureId | None
    act_event_id: UUID | None


@dataclass(slots=True)
class _Sealed:
    """What the counterparts of one page sealed: parts and signatures by signal and epoch, wraps by (mine, theirs)."""

    signals: dict[tuple[UUID, int], Registration] = field(default_factory=dict)
    disclosures: dict[UUID, StoredDisclosure] = field(default_factory=dict)
    parts: dict[tuple[UUID, int], list[SealedPart]] = field(default_factory=lambda: defaultdict(list))
    wraps: dict[tuple[UUID, UUID], list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class _Gone:
    """Of events that were erased: the entry that says so, and of those of an erased month what is left."""

    markers: Mapping[UUID, Evidence]
    leaves: Mapping[UUID, ErasedEntry]


async def read_notices(connection: Connection, agency: PartyId, after: int, limit: int, keys: DataKeys) -> NoticeRead:
    """Return the notices behind ``after`` that are proven, in order, without a gap."""
    head = await published(connection)
    cursor = await connection.execute(
        SQL(f"SELECT {_COLUMNS} FROM notices WHERE agency = %s AND seq > %s ORDER BY seq LIMIT %s"),  # noqa: S608
        (agency, after, limit),
    )
    rows = [_Row(*row) for row in await cursor.fetchall()]
    acts = [row.act_event_id for row in rows if row.act_event_id is not None]
    events = await event_rows(connection, [*(row.event_id for row in rows), *acts])
    markers = await event_rows(connection, sorted({one.erased_by for one in events.values() if one.erased_by}))
    ready: list[_Row] = []
    for row in rows:
        event = events[row.event_id]
        # The first that is not proven yet holds back all behind it: an agency never sees a gap. What is erased is not
        # told before the entry that says so.
        proven = event.within(head) and (event.erased_by is None or markers[event.erased_by].within(head))
        # What a notice of a request for more is about stands in an entry of its own, and is shown beside it.
        proven = proven and (row.act_event_id is None or events[row.act_event_id].within(head))
        if row.seq != after + len(ready) + 1 or not proven:
            break
        ready.append(row)
    sealed = await _sealed(connection, ready)
    ready = _fitting(ready, sealed)
    shown = [events[row.event_id] for row in ready]
    said = {one.erased_by: markers[one.erased_by] for one in shown if one.erased_by}
    beside = [events[row.act_event_id] for row in ready if row.act_event_id is not None]
    proofs = await evidence(connection, [*shown, *beside, *said.values()], head.size, keys)
    gone = _Gone(
        {one.id: proofs[one.erased_by] for one in shown if one.erased_by}, await leaves(connection, shown, head.size)
    )
    sealed.disclosures = await _disclosures(connection, ready)
    told = await asyncio.to_thread(_notices, ready, sealed, proofs, gone)
    return NoticeRead(told, head.note, ready[-1].seq if ready else after)


async def _disclosures(connection: Connection, rows: Sequence[_Row]) -> dict[UUID, StoredDisclosure]:
    wanted = sorted({row.disclosure_id for row in rows if row.disclosure_id is not None})
    if not wanted:
        return {}
    query = SQL(f"SELECT {DISCLOSURE_COLUMNS} FROM disclosures WHERE id = ANY(%s)")  # noqa: S608 - our own columns
    cursor = await connection.execute(query, (wanted,))
    found = [read_row(row) for row in await cursor.fetchall()]
    return {one.id: one for one in found}


async def _sealed(connection: Connection, rows: Sequence[_Row]) -> _Sealed:
    shown = [row for row in rows if row.their_signal and row.level in NAMED]
    opened = [row for row in shown if row.level and RELEASED[row.level]]
    found = _Sealed()
    if shown:
        wanted = [(row.their_signal, row.epoch) for row in shown if row.their_signal]
        found.signals = await registrations(connection, wanted)
        restricted = {key for key, one in found.signals.items() if one.restricted}
        opened = [row for row in opened if (row.their_signal, row.epoch) not in restricted]
    if opened:
        theirs, mine = [row.their_signal for row in opened], [row.my_signal for row in opened]
        epochs = [row.epoch for row in opened]
        cursor = await connection.execute(
            SQL(
                """WITH wanted AS MATERIALIZED (SELECT DISTINCT *
                                                FROM unnest(%s::uuid[], %s::bigint[]) AS w (id, epoch))
                   SELECT p.signal_id, p.epoch, p.name, p.ciphertext FROM wanted w
                   JOIN parts p ON p.signal_id = w.id AND p.epoch = w.epoch ORDER BY p.signal_id, p.name"""
            ),
            (theirs, epochs),
        )
        for signal_id, epoch, name, ciphertext in await cursor.fetchall():
            found.parts[signal_id, epoch].append(SealedPart(name=name, ciphertext=ciphertext))
        cursor = await connection.execute(
            SQL(
                """WITH pair AS MATERIALIZED (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])
                                              AS p (mine, theirs, epoch)),
                        own AS MATERIALIZED (SELECT p.mine, p.theirs, t.tag, t.role
                                             FROM pair p JOIN tags t ON t.signal_id = p.mine AND t.epoch = p.epoch)
                   SELECT own.mine, own.theirs, t.kind, t.role, own.role, t.contact_wrap, t.content_wrap
                   FROM own JOIN tags t ON t.tag = own.tag AND t.signal_id = own.theirs
                   ORDER BY t.kind, t.tag, t.role, own.role"""
            ),
            (mine, theirs, epochs),
        )
        for row in await cursor.fetchall():
            found.wraps[row[0], row[1]].append(row[2:])
    return found


def _fitting(rows: Sequence[_Row], sealed: _Sealed) -> list[_Row]:
    """Return as many as fit a page, at least one."""
    total = 0
    for place, row in enumerate(rows):
        if row.their_signal:
            total += sum(len(part.ciphertext) for part in sealed.parts.get((row.their_signal, row.epoch), ()))
        if place and total > PAGE_BYTES:
            return list(rows[:place])
    return list(rows)


def _notices(rows: Sequence[_Row], sealed: _Sealed, proofs: Mapping[UUID, Evidence], gone: _Gone) -> tuple[Notice, ...]:
    return tuple(_told(row, sealed, proofs, gone) for row in rows)


def _told(row: _Row, sealed: _Sealed, proofs: Mapping[UUID, Evidence], gone: _Gone) -> Notice:
    if row.event_id in gone.markers:
        return _erased(row, proofs, gone)
    if row.type == "disclosure":
        found = sealed.disclosures[_there(row.disclosure_id)]
        return _disclosure(row, found, proofs[_there(row.act_event_id)], proofs[row.event_id])
    return _notice(row, sealed, proofs[row.event_id])


def _disclosure(row: _Row, found: StoredDisclosure, act: Evidence, proof: Evidence) -> DisclosureNotice:
    step = Step(_there(row.reason))
    return DisclosureNotice(
        seq=row.seq,
        at=row.at,
        disclosure_id=found.id,
        hit_id=found.hit_id,
        my_signal=row.my_signal,
        their_signal=found.owner_signal if row.my_signal == found.asker_signal else found.asker_signal,
        purpose=found.purpose,
        asker=found.asker,
        owner=found.owner,
        requested_at=found.requested_at,
        due_at=found.due_at,
        # As it was when this was told: a request that was just made has no answer yet.
        fetch_by=found.fetch_by if step in (Step.GRANT, Step.RECEIVE, Step.FETCH_BY) else None,
        wanted=found.wanted if step is Step.ASK else None,
        wanted_digest=found.wanted_digest,
        why_digest=found.why_digest,
        key_id=found.key_id,
        signature=found.signature,
        answer=found.answer if step is Step.GRANT else None,
        refusal=found.refusal if step is Step.REFUSE else None,
        act=act,
        evidence=proof,
    )


def _erased(row: _Row, proofs: Mapping[UUID, Evidence], gone: _Gone) -> ErasedNotice:
    return ErasedNotice(
        seq=row.seq,
        at=row.at,
        evidence=proofs.get(row.event_id),
        entry=gone.leaves.get(row.event_id),
        marker=gone.markers[row.event_id],
    )


def _notice(row: _Row, sealed: _Sealed, proof: Evidence) -> Notice:
    if row.type == "muted":
        return MutedNotice(
            seq=row.seq,
            at=row.at,
            purpose=row.purpose,
            epoch=row.epoch,
            kind=_there(row.kind),
            signals=_there(row.signals),
            example=row.my_signal,
            evidence=proof,
        )
    if row.type == "withdrawn":
        return WithdrawnNotice(
            seq=row.seq,
            at=row.at,
            hit_id=_there(row.hit_id),
            my_signal=row.my_signal,
            reason=_there(row.reason),
            evidence=proof,
        )
    if row.type == "overdue":
        return OverdueNotice(
            seq=row.seq,
            at=row.at,
            my_signal=row.my_signal,
            purpose=row.purpose,
            epoch=row.epoch,
            due_since=_there(row.due_since),
            evidence=proof,
        )
    if row.type == "late":
        return LateNotice(
            seq=row.seq,
            at=row.at,
            hit_id=_there(row.hit_id),
            my_signal=row.my_signal,
            due_since=_there(row.due_since),
            evidence=proof,
        )
    if row.type == "acknowledged":
        return AcknowledgedNotice(
            seq=row.seq,
            at=row.at,
            hit_id=_there(row.hit_id),
            my_signal=row.my_signal,
            change=_there(row.reason),
            evidence=proof,
        )
    if row.type in ("restricted", "lifted"):
        return (RestrictedNotice if row.type == "restricted" else LiftedNotice)(
            seq=row.seq,
            at=row.at,
            hit_id=_there(row.hit_id),
            my_signal=row.my_signal,
            reason=_there(row.reason),
            evidence=proof,
        )
    if row.type == "doubted":
        return DoubtedNotice(
            seq=row.seq,
            at=row.at,
            hit_id=_there(row.hit_id),
            my_signal=row.my_signal,
            reason=_there(row.reason),
            evidence=proof,
        )
    agreed = tuple((kind, mine, theirs) for kind, mine, theirs in _there(row.agreed))
    if row.type == "queried":
        return QueriedNotice(
            seq=row.seq,
            at=row.at,
            my_signal=row.my_signal,
            purpose=row.purpose,
            epoch=row.epoch,
            quality=row.quality,
            level=_there(row.level),
            agreed=tuple(Agreement(kind=kind, my_role=mine, their_role=theirs) for kind, mine, theirs in agreed),
            # Nowhere but in the event, which names it only at a level that does.
            asker=proof.opening.record.get("agency"),
            rule=_there(row.rule),
            evidence=proof,
        )
    return HitNotice(
        seq=row.seq,
        at=row.at,
        hit_id=_there(row.hit_id),
        my_signal=row.my_signal,
        purpose=row.purpose,
        epoch=row.epoch,
        quality=row.quality,
        level=_there(row.level),
        urgency=row.urgency,
        agreed=tuple(Agreement(kind=kind, my_role=mine, their_role=theirs) for kind, mine, theirs in agreed),
        counterpart=_counterpart(row, set(agreed), sealed),
        rule=_there(row.rule),
        evidence=proof,
    )


def _counterpart(row: _Row, agreed: set[tuple[Any, ...]], sealed: _Sealed) -> Counterpart | None:
    # By the row's own level: the same signal may be there for another row, of another case, that names it.
    if row.level not in NAMED or row.their_signal is None:
        return None
    stored = sealed.signals.get((row.their_signal, row.epoch))
    if stored is None:
        return None
    signal_id = row.their_signal
    # The signature goes along at every level that names the agency: it is what proves the name to who is told.
    released = RELEASED[row.level]
    parts = tuple(part for part in sealed.parts.get((signal_id, row.epoch), ()) if part.name in released)
    wraps = [
        ReleasedWrap(kind=kind, role=their_role, my_role=my_role, part=name, wrap=wrap)
        for kind, their_role, my_role, contact, content in sealed.wraps.get((row.my_signal, signal_id), ())
        if (kind, my_role, their_role) in agreed
        for name, wrap in (("contact", contact), ("content", content))
        if wrap is not None and name in released
    ]
    return Counterpart(
        agency=stored.agency,
        signal_id=signal_id,
        parts=parts,
        part_digests={name: bytes.fromhex(digest) for name, digest in stored.part_digests.items()},
        wraps=tuple(wraps[:MAX_WRAPS]),
        key_id=stored.key_id,
        signature=stored.signature,
    )


def _there(value: Any) -> Any:
    """Return a column that this type of notice always has."""
    if value is None:
        raise ValueError("a notice lacks what its type has")
    return value
