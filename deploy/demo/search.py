# SPDX-License-Identifier: EUPL-1.2
"""Prove that nothing leaked: search everything the middle stored, wrote or received for every identifier value.

Searched: every table of the broker, PostgreSQL's data files after a checkpoint, all log files, and all that passed
between the parties. Words that stood there before anybody's data did (a surname can be a word of PostgreSQL) are told
apart by searching once before. A value planted in each of the places must be found, or the search is broken.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier

from broker.main import DATABASE
from deploy.demo.leaks import Finding, Needles
from deploy.demo.world import BROKER, World

PLACES: Final = {"tables", "postgresql", "logs", "wire"}
FORMS: Final = {"plain", "hex", "base64", "sha256 in hex"}
"""Where a value is planted, and how."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found: leaks, whether the planted value was found everywhere, and the bytes searched."""

    leaks: list[Finding]
    planted: bool
    size: int


@dataclass(slots=True)
class Search:
    """The values to look for, and which of them were words of the programs before any data came."""

    world: World
    values: list[str]
    planted: str = field(default_factory=lambda: f"Geplante-Naam-{secrets.token_hex(4)}", repr=False)
    _needles: Needles = field(init=False)
    _words: frozenset[int] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        self._needles = Needles.of([*self.values, self.planted])

    @property
    def too_short(self) -> int:
        """Values that cannot be told from accident; they are searched for in combinations."""
        return self._needles.too_short

    @property
    def searched(self) -> int:
        """Values that are searched for."""
        return len(self._needles.values) - self.too_short - 1

    @property
    def words(self) -> int:
        """Values that stood there before any data came, as words of the programs themselves."""
        return len(self._words)

    def learn_words(self, values: Iterable[str]) -> None:
        """Search before these values are used anywhere; those found are words of the programs."""
        asked = set(values)
        unused = {number for number, value in enumerate(self._needles.values) if value in asked}
        found = {finding.value for finding in self._needles.search(self._places(), self._words)}
        self._words |= found & unused

    def run(self) -> Found:
        """Plant a value in a table, a log and on the wire, in four forms, and search everything once."""
        mark = self.planted.encode()
        (self.world.logs / "planted.log").write_bytes(b'{"event": "x", "name": "' + mark.hex().encode() + b'"}\n')
        (self.world.wire / "planted.asked").write_bytes(b'{"a":"' + base64.b64encode(b"zz" + mark) + b'"}')
        (self.world.wire / "planted.answered").write_bytes(hashlib.sha256(mark).hexdigest().encode())
        with self._database() as database:
            database.execute("CREATE TABLE planted (name text)")
            database.execute("INSERT INTO planted VALUES (%s)", [self.planted])
        places = self._places()
        found = self._needles.search(places, self._words)
        number = self._needles.values.index(self.planted)
        own = [finding for finding in found if finding.value == number]
        whole = {f.file.partition("/")[0] for f in own} >= PLACES and {f.form for f in own} >= FORMS
        size = sum(path.stat().st_size for path in places.values() if path.is_file())
        return Found([finding for finding in found if finding.value != number], whole, size)

    def _places(self) -> dict[str, Path]:
        # In binary form, since the text form would write every byte string in hex, where numbers abound.
        dump = self.world.folder / "tables"
        dump.mkdir(exist_ok=True)
        for old in dump.iterdir():
            old.unlink()
        with self._database() as database:
            for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
                query = SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(Identifier(name))
                with database.cursor().copy(query) as rows, (dump / name).open("wb") as file:
                    file.writelines(bytes(block) for block in rows)
            database.execute("CHECKPOINT")
        roots = {
            "tables": dump,
            "postgresql": self._data,
            "logs": self.world.logs,
            "wire": self.world.wire,
        }
        return {f"{name}/{path.relative_to(root)}": path for name, root in roots.items() for path in _files(root)}

    @property
    def _data(self) -> Path:
        (found,) = self.world.home(BROKER).rglob("postmaster.pid")
        return found.parent

    @contextmanager
    def _database(self) -> Iterator["psycopg.Connection[Any]"]:
        # postmaster.pid names on its fourth and fifth lines the port and the folder of the socket.
        lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        with psycopg.connect(
            host=lines[4], port=int(lines[3]), dbname=DATABASE, user="sluis", autocommit=True
        ) as opened:
            yield opened


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())
