# SPDX-License-Identifier: EUPL-1.2
"""What every way in shares: counting tries, keeping the record, opening a session, and answering all failures alike.

Not here: the ways in (``entering.py``, ``enrolling.py``).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.people.accounts import Account, AccountId
from agency_client.people.lockout import ACCOUNT, ADDRESS, Rule
from agency_client.people.logins import How, Login, Result
from agency_client.people.passwords import Hashing
from agency_client.people.sessions import Session, Stage, new_token
from agency_client.vault.people import People
from edge.logs import logger
from protocol.errors import AuthenticationError, Code, RefusedError

_CODES: Final = frozenset[How](("code", "recovery-code"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from."""

    address: str | None = field(default=None, repr=False)
    """None where it says nothing: a proxy on this machine would be everybody."""
    device: str = field(default="", repr=False)


def address_of(host: str) -> str | None:
    """Return the address that tries are counted of. This machine's own says nothing: a proxy may be in front."""
    try:
        return None if ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that was just opened; its token goes into the browser's cookie and nowhere else."""

    token: str = field(repr=False)
    session: Session
    account: Account


@dataclass(frozen=True, slots=True)
class Gate:
    """The shelf, the clock and the rules that all ways in share."""

    people: People
    hashing: Hashing
    clock: Callable[[], datetime]
    factor_needed: bool = True
    """Whether a local account needs a second factor; off only for demonstrations."""

    def count(self, account: AccountId, source: Source, how: How, who: str = "") -> "Try":
        """Count a try before it is made. Raises ``RefusedError`` (``login_paused``)."""
        # Codes have a count of their own: it goes on when the password is right, and starts from nothing after a pause.
        first = self._tries(account, "code" if how in _CODES else "password")
        whom: dict[bytes, Rule] = {first: ACCOUNT}
        if source.address is not None:
            whom[self.people.hash("tries-address", source.address.encode())] = ADDRESS
        try:
            self.people.begin_try(whom, self.clock())
        except RefusedError:
            self.note(Result.PAUSED, how, who, source)
            raise
        return Try(self, account, tuple(whom), how, source)

    def forget_tries(self, account: AccountId) -> None:
        """Let somebody try again at once."""
        self.people.forgive([self._tries(account, what) for what in ("password", "code")])

    def _tries(self, account: AccountId, what: str) -> bytes:
        return self.people.hash(f"tries-{what}", account.encode())

    def open(
        self,
        account: Account,
        stage: Stage,
        source: Source,
        *,
        instead_of: bytes | None = None,
        pending: dict[str, str] | None = None,
    ) -> Entered:
        """Open a session under a fresh token; the one that it takes the place of ends."""
        token, now = new_token(), self.clock()
        session = Session(self.session_id(token), account.id, stage, now, now, source.device, pending or {})
        self.people.open_session(session, instead_of)
        return Entered(token, session, account)

    def session_id(self, token: str) -> bytes:
        """Return what a token is kept as."""
        return self.people.hash("session", token.encode())

    def find(self, token: str, *stages: Stage) -> Session:
        """Return the session of a token that got to one of these stages. Raises ``AuthenticationError``."""
        session = self.people.session(self.session_id(token))
        if session is None or session.stage not in stages or session.is_over(self.clock()):
            raise ended()
        return session

    def note(self, result: Result, how: How, who: str = "", source: Source | None = None) -> None:
        """Write a line into the record, and one without any name into the program's log."""
        address = source.address or "" if source is not None else ""
        self.people.note(Login(self.clock(), result, how, who, address))
        logger("agency").info("login", step=str(result), kind=str(how))


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted. It stays counted unless its maker gets in."""

    gate: Gate
    account: AccountId
    counted: tuple[bytes, ...]
    how: How
    source: Source

    def failed(self, who: str) -> AuthenticationError:
        """Write that it failed, and return the error that says the same whatever was wrong."""
        self.gate.note(Result.WRONG, self.how, who, self.source)
        return wrong()

    def was_right(self) -> None:
        """Take back that it was counted; failures before it stay counted until its maker is in."""
        self.gate.people.take_back(self.counted)

    def succeeded(self) -> None:
        """Take back that it was counted, and forget the account's failures; the address's stay."""
        self.was_right()
        self.gate.forget_tries(self.account)


def wrong() -> AuthenticationError:
    """Return the one answer to everything that is not right about a login."""
    return AuthenticationError(Code.LOGIN_REFUSED, "That is not right. Check what you typed, and try again.")


def ended() -> AuthenticationError:
    """Return what somebody is told whose session is over."""
    return AuthenticationError(Code.LOGIN_REFUSED, "Your session has ended. Log in again.")
