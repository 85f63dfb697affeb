# SPDX-License-Identifier: EUPL-1.2
"""Who may log in: the shelf of accounts, sessions, failures and the record of logins.

Each change is one transaction that takes the writer's lock first, so that of two logins with one code one wins. Not
here: what makes a login right (``agency_client/people``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import Session as Transaction
from sqlmodel import col, select

from agency_client.people.accounts import Account, AccountId, AccountKind, account_from
from agency_client.people.lockout import Rule, Tries, after
from agency_client.people.logins import KEPT, Login, Result
from agency_client.people.sessions import LONGEST, UNFINISHED, Session, Stage
from agency_client.vault.database import Database
from agency_client.vault.people_tables import AccountRow, LoginRow, LoginSessionRow, TriesRow
from protocol.encoding import format_time, lp, parse_time
from protocol.errors import Code, ConflictError, NotFoundError

_TRIES_KEPT = timedelta(days=31)
"""A day more than any rule remembers (``people/lockout.py``)."""


class People:
    """The shelf."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- Accounts ---

    def account_id(self, kind: AccountKind, subject: str) -> AccountId:
        """Return the id that this person's account has, whether there is one or not."""
        return AccountId(self._database.keyed_hash("account", lp(kind) + lp(subject)).hex())

    def hash(self, use: str, value: bytes) -> bytes:
        """Return a keyed hash, by which a code or a token is kept."""
        return self._database.keyed_hash(use, value)

    def seal(self, plain: bytes, use: str) -> bytes:
        """Seal what a browser keeps for us and cannot read."""
        return self._database.seal(plain, use, "browser")

    def open(self, sealed: bytes, use: str) -> bytes:
        """Open what ``seal`` sealed for the same use. Raises ``ConfigurationError``."""
        return self._database.open(sealed, use, "browser")

    def account(self, name: AccountId) -> Account | None:
        """Return an account."""
        with self._database.reading() as session:
            row = session.get(AccountRow, name)
        return None if row is None else self._account(row)

    def accounts(self) -> list[Account]:
        """Return every account, by name."""
        with self._database.reading() as session:
            rows = session.exec(select(AccountRow)).all()
        return sorted((self._account(row) for row in rows), key=lambda one: (one.display.lower(), one.id))

    def add(self, account: Account) -> None:
        """Keep a new account. Raises ``ConflictError`` when there is one of this person."""
        with self._database.writing() as session:
            if session.get(AccountRow, account.id) is not None:
                raise ConflictError(Code.CONFLICT, "There is an account of this name already.")
            session.add(AccountRow(id=account.id, state=account.state, account=self._sealed(account)))

    def change(self, name: AccountId, to: Callable[[Account], Account]) -> Account:
        """Replace an account by what ``to`` makes of it; nothing is changed when that raises.

        Raises ``NotFoundError``.
        """
        with self._database.writing() as session:
            row = session.get(AccountRow, name)
            if row is None:
                raise NotFoundError(Code.NOT_FOUND, "There is no such account.")
            changed = to(self._account(row))
            row.state, row.account = changed.state, self._sealed(changed)
        return changed

    def _account(self, row: AccountRow) -> Account:
        return account_from(AccountId(row.id), self._database.open(row.account, "account", row.id))

    def _sealed(self, account: Account) -> bytes:
        return self._database.seal(account.to_json(), "account", account.id)

    # --- Sessions ---

    def open_session(self, session: Session, instead_of: bytes | None = None) -> None:
        """Keep a new session; the one that it takes the place of ends. Sessions that are long over go."""
        over = session.created_at - LONGEST, session.created_at - UNFINISHED
        with self._database.writing() as writing:
            if instead_of is not None:
                self._end(writing, [instead_of])
            row = col(LoginSessionRow.created_at)
            writing.execute(delete(LoginSessionRow).where(row < format_time(over[0])))
            unfinished = col(LoginSessionRow.stage) != Stage.FULL
            writing.execute(delete(LoginSessionRow).where(row < format_time(over[1]), unfinished))
            writing.add(
                LoginSessionRow(
                    id=session.id,
                    account=session.account,
                    stage=session.stage,
                    created_at=format_time(session.created_at),
                    seen_at=format_time(session.seen_at),
                    said=self._said(session),
                )
            )

    def session(self, name: bytes) -> Session | None:
        """Return a session, over or not."""
        with self._database.reading() as reading:
            row = reading.get(LoginSessionRow, name)
        return None if row is None else self._session(row)

    def sessions_of(self, account: AccountId) -> list[Session]:
        """Return the sessions of somebody, the newest first."""
        with self._database.reading() as reading:
            query = select(LoginSessionRow).where(LoginSessionRow.account == account)
            rows = reading.exec(query.order_by(col(LoginSessionRow.created_at).desc())).all()
        return [self._session(row) for row in rows]

    def keep_session(self, session: Session) -> None:
        """Write what changed of a session: when it was used, and what is being set up. One that ended stays ended."""
        with self._database.writing() as writing:
            row = writing.get(LoginSessionRow, session.id)
            if row is not None:
                row.seen_at, row.said = format_time(session.seen_at), self._said(session)

    def end_sessions(self, names: Sequence[bytes]) -> None:
        """End sessions."""
        with self._database.writing() as writing:
            self._end(writing, names)

    def end_sessions_of(self, account: AccountId | None, but: bytes | None = None) -> int:
        """End all sessions of somebody, or of everybody, but one; returns how many."""
        with self._database.writing() as writing:
            query = delete(LoginSessionRow)
            if account is not None:
                query = query.where(col(LoginSessionRow.account) == account)
            if but is not None:
                query = query.where(col(LoginSessionRow.id) != but)
            return int(writing.connection().execute(query).rowcount)

    @staticmethod
    def _end(writing: Transaction, names: Sequence[bytes]) -> None:
        writing.execute(delete(LoginSessionRow).where(col(LoginSessionRow.id).in_(names)))

    def _said(self, session: Session) -> bytes:
        said = {"device": session.device, "pending": session.pending}
        return self._database.seal(json.dumps(said).encode(), "login-session", session.id.hex())

    def _session(self, row: LoginSessionRow) -> Session:
        said = json.loads(self._database.open(row.said, "login-session", row.id.hex()))
        return Session(
            id=row.id,
            account=AccountId(row.account),
            stage=Stage(row.stage),
            created_at=parse_time(row.created_at),
            seen_at=parse_time(row.seen_at),
            device=said["device"],
            pending=said["pending"],
        )

    # --- Failures ---

    def begin_try(self, whom: Mapping[bytes, Rule], now: datetime) -> None:
        """Count a try before it is made, so that many at once are not one. Raises ``RefusedError`` in a pause."""
        with self._database.writing() as session:
            session.execute(delete(TriesRow).where(col(TriesRow.last_at) < format_time(now - _TRIES_KEPT)))
            for name, rule in whom.items():
                row = session.get(TriesRow, name)
                before = None if row is None else Tries(row.count, parse_time(row.last_at))
                tries = after(before, rule, now)
                session.merge(TriesRow(whom=name, count=tries.count, last_at=format_time(tries.last_at)))

    def forgive(self, names: Sequence[bytes]) -> None:
        """Forget the failures of these."""
        with self._database.writing() as session:
            session.execute(delete(TriesRow).where(col(TriesRow.whom).in_(names)))

    def take_back(self, names: Sequence[bytes]) -> None:
        """Take back one try of each of these, which was counted and was right."""
        with self._database.writing() as session:
            for name in names:
                row = session.get(TriesRow, name)
                if row is not None:
                    row.count = max(0, row.count - 1)

    # --- The record of logins ---

    def note(self, login: Login) -> None:
        """Add a line to the record; lines that are old enough go."""
        with self._database.writing() as session:
            session.execute(delete(LoginRow).where(col(LoginRow.at) < format_time(login.at - KEPT)))
            row = LoginRow(at=format_time(login.at), result=login.result, how=login.how, said=b"")
            session.add(row)
            session.flush()
            said = json.dumps({"who": login.who, "address": login.address}).encode()
            row.said = self._database.seal(said, "login", str(row.number))

    def logins(self, limit: int, before: int | None = None) -> list[tuple[int, Login]]:
        """Return the last lines of the record with their numbers, the newest first."""
        query = select(LoginRow).order_by(col(LoginRow.number).desc()).limit(limit)
        if before is not None:
            query = query.where(col(LoginRow.number) < before)
        with self._database.reading() as session:
            rows = session.exec(query).all()
        return [(row.number or 0, self._login(row)) for row in rows]

    def counts(self, since: datetime) -> dict[Result, int]:
        """Return how often each thing happened since a moment."""
        query = select(LoginRow.result, func.count()).where(LoginRow.at >= format_time(since)).group_by(LoginRow.result)
        with self._database.reading() as session:
            return {Result(result): count for result, count in session.exec(query).all()}

    def _login(self, row: LoginRow) -> Login:
        said = json.loads(self._database.open(row.said, "login", str(row.number)))
        return Login(parse_time(row.at), Result(row.result), row.how, said["who"], said["address"])  # type: ignore[arg-type]  # written by ``note``
