# SPDX-License-Identifier: EUPL-1.2
"""A supervisor's canaries: sealed here from their drafting until the cover has lent its name, and then what they are.

A canary that is planted is a signal of the vault too, so that what is told about it is verified like anything else.
Not here: making and planting them (``agency_client/canaries.py``).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from agency_client.vault.database import Database
from agency_client.vault.signals import KeptKey
from agency_client.vault.tables import CanaryRow
from protocol.encoding import b64url, format_time, parse_time, unb64url
from protocol.ids import KeyKind, PartyId, SignalId
from protocol.messages import Signal, parse


@dataclass(frozen=True, slots=True)
class Drafted:
    """A canary that waits for its cover's signature."""

    signal: Signal = field(repr=False)
    """Signed by the planter until the cover's signature takes its place."""
    draft: bytes = field(repr=False)
    keys: tuple[KeptKey, ...] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Canary:
    """A canary as the list shows it; ``planted`` says whether it left."""

    id: SignalId
    cover: PartyId
    purpose: str
    reference: str
    created_at: str
    expires_at: str
    planted: bool


class Canaries:
    """The shelf of canaries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, drafted: Sequence[Drafted], references: Sequence[str], cover: PartyId, now: datetime) -> None:
        """Keep canaries that were drafted, in one transaction."""
        with self._database.writing() as session:
            for one, reference in zip(drafted, references, strict=True):
                name = str(one.signal.id)
                kept = {
                    "signal": one.signal.to_json().decode(),
                    "draft": b64url(one.draft),
                    "keys": [[key.kind, key.role, b64url(key.key)] for key in one.keys],
                }
                session.add(
                    CanaryRow(
                        id=name,
                        cover=cover,
                        purpose=one.signal.purpose,
                        reference=self._database.seal(reference.encode(), "canary-reference", name),
                        waiting=self._database.seal(json.dumps(kept).encode(), "canary", name),
                        created_at=format_time(now),
                        expires_at=format_time(one.expires_at),
                    )
                )

    def drafted(self, ids: Sequence[SignalId]) -> dict[SignalId, Drafted]:
        """Return those of these canaries that still wait for their cover's signature."""
        found: dict[SignalId, Drafted] = {}
        with self._database.reading() as session:
            for one in ids:
                row = session.get(CanaryRow, str(one))
                if row is None or row.waiting is None:
                    continue
                kept = json.loads(self._database.open(row.waiting, "canary", row.id))
                keys = tuple(KeptKey(KeyKind(kind), role, unb64url(key, length=32)) for kind, role, key in kept["keys"])
                signal = parse(Signal, kept["signal"].encode())
                found[one] = Drafted(signal, unb64url(kept["draft"]), keys, parse_time(row.expires_at))
        return found

    def planted(self, ids: Sequence[SignalId]) -> None:
        """Write that these canaries left; what was kept of them for that goes."""
        with self._database.writing() as session:
            for one in ids:
                row = session.get(CanaryRow, str(one))
                if row is not None:
                    row.waiting = None

    def cover_of(self, signal: SignalId) -> PartyId | None:
        """Return under whose name a signal of this vault is shown; None when it is no canary."""
        with self._database.reading() as session:
            row = session.get(CanaryRow, str(signal))
        return None if row is None else PartyId(row.cover)

    def covers(self, signals: Sequence[SignalId]) -> dict[SignalId, PartyId]:
        """Return under whose name each of these is shown that is a canary."""
        with self._database.reading() as session:
            wanted = [str(signal) for signal in signals]
            rows = session.exec(select(CanaryRow.id, CanaryRow.cover).where(col(CanaryRow.id).in_(wanted))).all()
        return {SignalId(UUID(one)): PartyId(cover) for one, cover in rows}

    def all(self) -> list[Canary]:
        """Return every canary, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(CanaryRow).order_by(col(CanaryRow.created_at), col(CanaryRow.id))).all()
        return [
            Canary(
                SignalId(UUID(row.id)),
                PartyId(row.cover),
                row.purpose,
                self._database.open(row.reference, "canary-reference", row.id).decode(),
                row.created_at,
                row.expires_at,
                row.waiting is None,
            )
            for row in rows
        ]
