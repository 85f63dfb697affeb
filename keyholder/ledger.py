# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder must never forget: budgets used, nonces seen, refusals, keys destroyed, checkpoints witnessed.

One SQLite file, written through (WAL, ``synchronous=FULL``): what a method returned is on the disk, so a power cut
gives no budget back, lets no request in twice and makes no witness forget. It holds no element, key or identifier; of
a request only who, for which purpose, how many. Every method is safe to call from several threads.
Not here: what a budget is or which checkpoint may follow (the covenant, ``evaluate.py``, ``witness.py``).
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Table, and_, delete, func, literal, select, union_all, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, IntegrityError

from keyholder.tables import (
    BUDGET,
    CONTRADICTION,
    DESTRUCTION,
    DRAWN,
    HOUR,
    NONCE,
    REFUSAL,
    REPORTED,
    TABLES,
    WITNESSED,
    open_file,
)
from protocol.encoding import format_time, parse_time
from protocol.errors import AuthenticationError, Code, ConfigurationError, UnavailableError
from protocol.ids import Epoch, PartyId, PurposeId

SCHEMA: Final = 1
"""The file's version (SQLite ``user_version``); a file of another version is refused, never guessed at."""
NONCE_MARGIN: Final = timedelta(minutes=10)
"""A nonce is kept this much longer than its request could be accepted, for clocks that are set back a little."""
HOURS_KEPT: Final = timedelta(days=62)
"""Two months of hours: what `sluis keyholder ledger` looks back at by default, and once more."""
UNKNOWN: Final = "-"
"""Stands for an agency that was not proven or a purpose that the covenant does not have: no caller's text is kept."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a reservation did: ``granted`` or not, and the day's use after it."""

    granted: bool
    used: int


@dataclass(frozen=True, slots=True)
class Usage:
    """A day's requests and elements of an agency for a purpose."""

    day: date
    agency: str
    purpose: str
    requests: int
    elements: int


@dataclass(frozen=True, slots=True)
class HourUsage:
    """An hour's elements of an agency for a purpose."""

    start: datetime
    agency: str
    purpose: str
    elements: int


@dataclass(frozen=True, slots=True)
class HourActivity:
    """What an hour saw of an agency and purpose; either is empty where it was not proven or known."""

    start: datetime
    agency: str
    purpose: str
    elements: int
    refused: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """A day's requests that were refused for the same reason."""

    day: date
    agency: str
    purpose: str
    code: str
    requests: int
    elements: int


@dataclass(frozen=True, slots=True)
class Destruction:
    """That an epoch's seeds were destroyed; ``done_at`` is absent while it is still to be finished."""

    epoch: Epoch
    begun_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The last checkpoint cosigned for a log: its size and root, and the note as the log signed it."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two notes of one log, both signed by it, that cannot both be true; ``cosigned`` is the one seen first."""

    at: datetime
    origin: str
    size: int
    note: str
    cosigned: str


class Ledger:
    """The open file. An error of disk or file becomes ``UnavailableError`` (``not_logged``), and nothing was done."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        if new:
            path.touch(mode=0o600)
        self._engine = open_file(path)
        self._turn = threading.Lock()
        try:
            with self._transaction() as connection:
                version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
                if version == 0 and new:
                    for table in TABLES:
                        table.create(connection)
                    HOUR.create(connection)
                    REPORTED.create(connection)
                    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
                elif version != SCHEMA:
                    raise ConfigurationError(
                        Code.SETTINGS_INVALID,
                        f"{path.name} is not a key-holder's ledger of version {SCHEMA}.",
                        hint="Was it made by another version of Sluis, or is it another file?",
                    )
                # A ledger from before hours were counted begins to count them now; nothing else about it changed.
                HOUR.create(connection, checkfirst=True)
                REPORTED.create(connection, checkfirst=True)
        except UnavailableError as error:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                f"{path.name} cannot be opened.",
                hint="Check that the disk is there, not full, and that this user may write in the folder.",
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    # --- Budgets ---

    def reserve(self, agency: PartyId, purpose: PurposeId, day: date, count: int, limit: int, hour: int = 0) -> Spent:
        """Take ``count`` elements off the day's budget if they fit under ``limit``, else take nothing; atomic.

        What is taken counts in the ``hour`` (0 to 23, UTC) of that day too.
        """
        key = _same(BUDGET, agency=agency, purpose=purpose, day=day.isoformat())
        with self._transaction() as connection:
            row = {"agency": agency, "purpose": purpose, "day": day.isoformat(), "requests": 0, "elements": 0}
            connection.execute(insert(BUDGET).values(row).on_conflict_do_nothing())
            taken = connection.execute(
                update(BUDGET)
                .where(key, BUDGET.c.elements + count <= limit)
                .values(elements=BUDGET.c.elements + count, requests=BUDGET.c.requests + 1)
                .returning(BUDGET.c.elements)
            ).scalar_one_or_none()
            if taken is not None:
                at = {"agency": agency, "purpose": purpose, "hour": f"{day.isoformat()}T{hour:02}"}
                more = {"elements": HOUR.c.elements + count}
                added = insert(HOUR).values(elements=count, **at)
                connection.execute(added.on_conflict_do_update(index_elements=list(HOUR.primary_key), set_=more))
                return Spent(True, int(taken))
            return Spent(False, int(connection.execute(select(BUDGET.c.elements).where(key)).scalar_one()))

    def usage(self, since: date) -> tuple[Usage, ...]:
        """Return what was used from ``since`` on, in order of day, agency and purpose."""
        columns = [BUDGET.c[name] for name in ("day", "agency", "purpose", "requests", "elements")]
        wanted = and_(BUDGET.c.day >= since.isoformat(), BUDGET.c.requests > 0)
        query = select(*columns).where(wanted).order_by(*columns[:3])
        with self._transaction() as connection:
            return tuple(Usage(date.fromisoformat(row[0]), *row[1:]) for row in connection.execute(query))

    def hourly(self, since: date) -> tuple[HourUsage, ...]:
        """Return what was used in each hour from ``since`` on, in order."""
        columns = [HOUR.c[name] for name in ("hour", "agency", "purpose", "elements")]
        query = select(*columns).where(HOUR.c.hour >= since.isoformat()).order_by(*columns[:3])
        with self._transaction() as connection:
            return tuple(
                HourUsage(datetime.fromisoformat(f"{row[0]}:00:00+00:00"), *row[1:])
                for row in connection.execute(query)
            )

    def unreported(self, now: datetime, hours: int) -> tuple[HourActivity, ...]:
        """Return what the oldest closed hours saw that were not reported, at most so many hours, in order."""
        used = select(HOUR.c.hour, HOUR.c.agency, HOUR.c.purpose, HOUR.c.elements, literal(0).label("refused"))
        minute = func.substr(REFUSAL.c.minute, 1, 13).label("hour")
        refused = select(minute, REFUSAL.c.agency, REFUSAL.c.purpose, literal(0), REFUSAL.c.requests)
        both = union_all(used, refused).subquery()
        closed, oldest = now.strftime("%Y-%m-%dT%H"), (now - HOURS_KEPT).strftime("%Y-%m-%dT%H")
        due = and_(both.c.hour < closed, both.c.hour > oldest, both.c.hour.not_in(select(REPORTED.c.hour)))
        first = select(both.c.hour).where(due).distinct().order_by(both.c.hour).limit(hours)
        keys = [both.c.hour, both.c.agency, both.c.purpose]
        query = (
            select(*keys, func.sum(both.c.elements), func.sum(both.c.refused))
            .where(both.c.hour.in_(first))
            .group_by(*keys)
            .order_by(*keys)
        )
        with self._transaction() as connection:
            return tuple(
                HourActivity(datetime.fromisoformat(f"{hour}:00:00+00:00"), _known(agency), _known(purpose), *counts)
                for hour, agency, purpose, *counts in connection.execute(query)
            )

    def mark_reported(self, hours: Iterable[datetime]) -> None:
        """Write down that the log has these hours."""
        rows = [{"hour": hour.astimezone(UTC).strftime("%Y-%m-%dT%H")} for hour in hours]
        with self._transaction() as connection:
            connection.execute(insert(REPORTED).values(rows).on_conflict_do_nothing())

    # --- Refusals ---

    def refuse(
        self, at: datetime, agency: PartyId | None, purpose: PurposeId | None, code: Code, elements: int
    ) -> None:
        """Count a refused request. ``agency`` and ``purpose`` are given only where they are proven and known."""
        row = {
            "minute": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"),
            "agency": agency or UNKNOWN,
            "purpose": purpose or UNKNOWN,
            "code": code.value,
            "requests": 1,
            "elements": elements,
        }
        more = {"requests": REFUSAL.c.requests + 1, "elements": REFUSAL.c.elements + elements}
        with self._transaction() as connection:
            keys = list(REFUSAL.primary_key)
            connection.execute(insert(REFUSAL).values(row).on_conflict_do_update(index_elements=keys, set_=more))

    def refusals(self, since: date) -> tuple[Refusals, ...]:
        """Return the refusals from ``since`` on, summed per day."""
        day = func.substr(REFUSAL.c.minute, 1, 10)
        keys = [day, REFUSAL.c.agency, REFUSAL.c.purpose, REFUSAL.c.code]
        sums = [func.sum(REFUSAL.c.requests), func.sum(REFUSAL.c.elements)]
        query = select(*keys, *sums).where(day >= since.isoformat()).group_by(*keys).order_by(*keys)
        with self._transaction() as connection:
            return tuple(Refusals(date.fromisoformat(row[0]), *row[1:]) for row in connection.execute(query))

    # --- Nonces ---

    def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep a nonce; raises ``AuthenticationError`` (``signature_replayed``) when the party used it before."""
        forget_after = int((expires + NONCE_MARGIN).timestamp())
        with self._transaction() as connection:
            try:
                connection.execute(insert(NONCE).values(party=party, nonce=nonce, forget_after=forget_after))
            except IntegrityError:
                raise AuthenticationError(
                    Code.SIGNATURE_REPLAYED,
                    "This signed request was received before.",
                    hint="Sign every attempt anew, with its own nonce.",
                ) from None

    def forget_expired(self, now: datetime) -> None:
        """Drop the nonces whose requests are too old to be accepted anyway, and hours that nobody looks back to."""
        oldest = (now - HOURS_KEPT).date().isoformat()
        with self._transaction() as connection:
            connection.execute(delete(HOUR).where(HOUR.c.hour < oldest))
            connection.execute(delete(REPORTED).where(REPORTED.c.hour < oldest))
            connection.execute(delete(NONCE).where(NONCE.c.forget_after < int(now.timestamp())))

    # --- Destroyed keys ---

    def begin_destruction(self, epochs: range, now: datetime) -> None:
        """Write down that the seeds of these epochs are about to be destroyed; what was begun before stays as it is."""
        rows = [{"epoch": epoch, "begun_at": format_time(now), "done_at": None} for epoch in epochs]
        if rows:
            with self._transaction() as connection:
                connection.execute(insert(DESTRUCTION).values(rows).on_conflict_do_nothing())

    def finish_destruction(self, before: Epoch, now: datetime) -> None:
        """Write down that no seed of an epoch before ``before`` exists any more."""
        with self._transaction() as connection:
            connection.execute(
                update(DESTRUCTION)
                .where(DESTRUCTION.c.epoch < before, DESTRUCTION.c.done_at.is_(None))
                .values(done_at=format_time(now))
            )

    def destructions(self) -> tuple[Destruction, ...]:
        """Return every destruction, oldest epoch first."""
        columns = [DESTRUCTION.c[name] for name in ("epoch", "begun_at", "done_at")]
        query = select(*columns).order_by(columns[0])
        with self._transaction() as connection:
            return tuple(
                Destruction(Epoch(epoch), parse_time(begun), parse_time(done) if done else None)
                for epoch, begun, done in connection.execute(query)
            )

    # --- Drawn seeds ---

    def note_drawn(self, names: Iterable[str], now: datetime) -> None:
        """Write down that the seeds of these sets were drawn here; what was written before stays as it is."""
        rows = [{"members": name, "at": format_time(now)} for name in names]
        if rows:
            with self._transaction() as connection:
                connection.execute(insert(DRAWN).values(rows).on_conflict_do_nothing())

    def drawn(self) -> frozenset[str]:
        """Return the names of the sets whose seeds were drawn here."""
        with self._transaction() as connection:
            return frozenset(connection.execute(select(DRAWN.c.members)).scalars())

    # --- Witnessing ---

    def advance(
        self, origin: str, now: datetime, decide: Callable[[Witnessed | None], tuple[T, Witnessed | None]]
    ) -> T:
        """Ask ``decide`` what follows the last checkpoint of a log, and keep the new one before returning its answer.

        Reading, deciding and writing are one transaction: two requests at once cannot build on the same checkpoint.
        """
        with self._transaction() as connection:
            columns = [WITNESSED.c[name] for name in ("size", "root", "note")]
            row = connection.execute(select(*columns).where(WITNESSED.c.origin == origin)).one_or_none()
            answer, following = decide(Witnessed(int(row[0]), bytes(row[1]), str(row[2])) if row else None)
            if following is not None:
                values = {
                    "size": following.size,
                    "root": following.root,
                    "note": following.note,
                    "at": format_time(now),
                }
                connection.execute(
                    insert(WITNESSED)
                    .values(origin=origin, **values)
                    .on_conflict_do_update(index_elements=["origin"], set_=values)
                )
        return answer

    def witnessed(self, origin: str) -> Witnessed | None:
        """Return the last checkpoint cosigned for a log."""
        columns = [WITNESSED.c[name] for name in ("size", "root", "note")]
        with self._transaction() as connection:
            row = connection.execute(select(*columns).where(WITNESSED.c.origin == origin)).one_or_none()
        return Witnessed(int(row[0]), bytes(row[1]), str(row[2])) if row else None

    def keep_contradiction(self, found: Contradiction) -> None:
        """Keep two notes of a log that deny each other; the same pair once."""
        row = {
            "origin": found.origin,
            "size": found.size,
            "note": found.note,
            "cosigned": found.cosigned,
            "at": format_time(found.at),
        }
        with self._transaction() as connection:
            connection.execute(insert(CONTRADICTION).values(row).on_conflict_do_nothing())

    def contradictions(self) -> tuple[Contradiction, ...]:
        """Return what logs signed that cannot both be true, oldest first."""
        columns = [CONTRADICTION.c[name] for name in ("at", "origin", "size", "note", "cosigned")]
        with self._transaction() as connection:
            rows = connection.execute(select(*columns).order_by(columns[0])).all()
        return tuple(Contradiction(parse_time(row[0]), *row[1:]) for row in rows)

    def check(self) -> None:
        """Return when the file can be written. Raises ``UnavailableError`` (``not_logged``)."""
        with self._transaction() as connection:
            # Taking the write lock and committing a page is what fails on a full or read-only disk.
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            # SQLite lets one write at a time; a queue of our own is fair, its waiting is by chance.
            with self._turn, self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise UnavailableError(
                Code.NOT_LOGGED, "The key-holder cannot write its ledger, so it did nothing.", hint="Try again later."
            ) from error


def _same(table: Table, **values: str) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in values.items()))


def _known(name: str) -> str:
    return "" if name == UNKNOWN else name
