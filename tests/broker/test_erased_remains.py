# SPDX-License-Identifier: EUPL-1.2
"""What PostgreSQL's files and a backup of them still have of erased entries: bytes that nothing opens any more."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL

from broker.cluster import Cluster
from broker.data_keys import DataKeyFolder, month_of
from broker.erasable import MonthStanding
from broker.event_ids import EventIds
from broker.facts import EntriesErased, MonthErased, Outcome, Recorded
from broker.postgres.proofs import ROW, EventRow, read_row
from broker.postgres.store import PostgresStore
from broker.recording import Erased, Recorder
from broker.sealing import Sealed, unseal
from edge.keyfile import SecretBytes, ValueCipher
from protocol.checkpoint import LogSigner
from protocol.erasure import RETENTION_OVER
from protocol.errors import ConfigurationError, NotFoundError
from protocol.events import Act, CovenantRef, HitOpened, Subject, Words
from protocol.group import random_bytes
from protocol.ids import HitId, PartyId, SignalId
from protocol.messages import Opening
from tests.fakes.broker_world import new_signal_id
from tests.fakes.covenants import make_covenant

NOW = datetime.now(UTC).replace(microsecond=0)
MONTH = month_of(NOW)
PERSON = "medewerker-GEPLANT-7301"
WORDS = "geplante-woorden-over-iemand"
CASE = "ZAAK-GEPLANT-4471"
SECRET = bytes(range(32))


@dataclass(frozen=True)
class Disk:
    """The files of one database and its part of the write-ahead log, as they are now, or as a backup took them."""

    files: tuple[bytes, ...]

    @staticmethod
    def of(server: Cluster, database: str, since: str) -> "Disk":
        """Write everything out, and copy the files; of the write-ahead log those from the one named ``since`` on."""
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        assert row is not None
        until = _wal_file(database)
        tables = sorted((server.data / "base" / str(row[0])).iterdir())
        wal = [path for path in sorted((server.data / "pg_wal").iterdir()) if since <= path.name <= until]
        assert wal
        return Disk(tuple(path.read_bytes() for path in (*tables, *wal)))

    def holds(self, text: bytes) -> bool:
        """Say whether these bytes stand anywhere."""
        return any(text in content for content in self.files)

    def remains_of(self, row: EventRow, *, subject: bool = True) -> Sealed:
        """Return what of an entry was found in the files, cut out of them."""
        assert row.sealed is not None
        assert row.sealed.subject is not None
        wanted = (row.sealed.record, row.sealed.subject)
        cut = []
        for sealed in wanted if subject else wanted[:1]:
            content = next(one for one in self.files if sealed in one)
            start = content.index(sealed)
            cut.append(content[start : start + len(sealed)])
        return Sealed(cut[0], cut[1] if subject else None)


@dataclass(frozen=True)
class Kept:
    """A home's folder of data keys."""

    folder: Path

    def keys(self) -> DataKeyFolder:
        """Open it as a new process does."""
        return DataKeyFolder(self.folder, ValueCipher(SecretBytes(SECRET)), random_bytes)

    def open(self, row: EventRow, found: Sealed) -> Opening:
        """Open remains. Raises as ``unseal`` and ``of_month``."""
        return unseal(self.keys().of_month(MONTH), row.id, found, row.leaf)

    def copied(self, to: Path) -> "Kept":
        """Return a backup of it."""
        shutil.copytree(self.folder, to)
        return Kept(to)


def _wal_file(database: str) -> str:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
    assert row is not None
    return str(row[0])


def _event(signal: SignalId, hit: UUID) -> HitOpened:
    act = Act(
        time=NOW,
        covenant=CovenantRef(version="1", sha256="0" * 64),
        agency=PartyId("police-oost"),
        person=PERSON,
        justification="case-work",
    )
    words = Words(text=WORDS, case_reference=CASE)
    return HitOpened(act=act, subject=Subject(signal_ids=(signal,), hit_id=HitId(hit), words=words))


def _rows(database: str) -> list[EventRow]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(SQL("SELECT {} FROM events ORDER BY id").format(ROW)).fetchall()
    return [read_row(row) for row in rows]


async def _write(store: PostgresStore, ids: EventIds, signals: list[SignalId]) -> None:
    async with store.act() as act:
        events = tuple(Recorded(ids.next(), _event(signal, new_signal_id())) for signal in signals)
        await act.commit(Outcome((), events))
    async with store.log.lead(LogSigner("log.example", bytes(32))) as leader:
        assert leader is not None
        await leader.head()
        await leader.integrate(100, NOW)


async def test_erased_entries_leave_nothing_that_opens(server: Cluster, database: str, tmp_path: Path) -> None:
    """Before its key is destroyed, what the files and a backup hold of an entry opens; after that neither does."""
    home = Kept(tmp_path / "data-keys")
    ids = EventIds(lambda: NOW, random_bytes)
    recorder = Recorder(make_covenant(now=NOW).covenant, PartyId("broker"), ids.next)
    signals = [new_signal_id() for _ in range(3)]
    async with PostgresStore.open(database, random_bytes, home.keys()) as store:
        since = _wal_file(database)
        await _write(store, ids, signals)
        first, second, third = _rows(database)
        backup = Disk.of(server, database, since)
        key_backup = home.copied(tmp_path / "key-backup")

        # What the entries say never stood in a file; the sealed bytes do.
        planted = [PERSON.encode(), WORDS.encode(), CASE.encode()]
        planted += [form for one in signals for form in (one.bytes, str(one).encode(), one.hex.encode())]
        assert [text for text in planted if backup.holds(text)] == []
        assert first.sealed is not None
        assert backup.holds(first.sealed.record)

        async with store.act() as act:
            entries = await act.entries_of(signals[0])
            marker = recorder.parts_erased(Erased("court-order", (0,)), None, None, NOW)
            await act.commit(Outcome((EntriesErased(tuple(entries), marker.id),), (marker,)))
        live = Disk.of(server, database, since)
        # Erased in the database, and still there for who has its files and the key: this is what the test is about.
        for disk in (backup, live):
            subject = home.open(first, disk.remains_of(first)).subject
            assert subject is not None
            assert subject["signalIds"] == [str(signals[0])]

        await store.destroy_erased()
        after = Disk.of(server, database, since)
        for disk in (backup, live, after):
            with pytest.raises(NotFoundError):
                home.open(first, disk.remains_of(first))
            # Its record stays, and so do the entries beside it.
            assert home.open(first, disk.remains_of(first, subject=False)).record["person"] == PERSON
            subject = home.open(second, disk.remains_of(second)).subject
            assert subject is not None
            assert subject["signalIds"] == [str(signals[1])]
        assert [text for text in planted if after.holds(text)] == []
        # Who keeps old copies of the key folder keeps the keys: SECURITY.md says so.
        assert key_backup.open(first, backup.remains_of(first)).subject is not None

        async with store.act() as act:
            standing = MonthStanding(MONTH, 4, 0, 2, 0, 0, 0)
            gone = recorder.month_erased(RETENTION_OVER, standing, NOW)
            # A marker is of a later month than what it erases; here only the rows and keys matter.
            await act.commit(Outcome((MonthErased(MONTH, gone.id, 2),), (gone,)))
        await store.destroy_erased()
        assert list(home.keys().months()) == []
        end = Disk.of(server, database, since)
        for disk in (backup, live, after, end):
            for row in (first, second, third):
                with pytest.raises(ConfigurationError):
                    home.open(row, disk.remains_of(row, subject=False))
        assert sorted(path.name for path in home.folder.iterdir() if path.suffix == ".keys") == []
