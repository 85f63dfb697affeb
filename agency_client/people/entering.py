# SPDX-License-Identifier: EUPL-1.2
"""Logging in and out: by password and code, or by the agency's identity provider; and who a session is.

Each step runs the same whether the account exists or not. Not here: first logins and changing what one logs in with
(``enrolling.py``), talking to the provider (``oidc.py``).
"""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime

from agency_client.people.accounts import MAX_NAME, Account, AccountState, Proofs
from agency_client.people.gate import Entered, Gate, Source, ended, wrong
from agency_client.people.logins import How, Result
from agency_client.people.one_time import as_code, new_secret, step_of, without
from agency_client.people.passwords import as_typed
from agency_client.people.sessions import TOKEN_LETTERS, Session, Stage
from edge.languages import Lang
from protocol.encoding import b64url
from protocol.errors import AuthenticationError, Code, RefusedError
from protocol.questions import PersonRole


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is logged in: the account as it is now, and the session."""

    account: Account
    session: Session
    csrf: str = field(repr=False)
    """What every form of this session carries; it follows from the token, and nobody else can make it."""


@dataclass(frozen=True, slots=True)
class Provided:
    """Who an identity provider says somebody is, verified."""

    subject: str = field(repr=False)
    display: str = field(repr=False)
    roles: frozenset[PersonRole]
    language: Lang


class Entrance:
    """The ways in and out."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def by_password(self, name: str, password: str, source: Source) -> Entered:
        """Take a user name and password; a code must follow where the account has a second factor.

        Raises ``AuthenticationError`` (``login_refused``), the same for a wrong name, ``RefusedError``
        (``login_paused``).
        """
        gate, subject = self._gate, name.strip().lower()[:MAX_NAME]
        id_ = gate.people.account_id("local", subject)
        found = gate.people.account(id_)
        who = "" if found is None else found.subject
        tried = gate.count(id_, source, "password", who)
        kept = found.proofs.password if found is not None and found.state is AccountState.ACTIVE else None
        right = gate.hashing.matches(kept, as_typed(password))
        if found is None or not right:
            raise tried.failed(who)
        tried.was_right()
        if found.proofs.totp is not None:
            return gate.open(found, Stage.PASSWORD, source)
        if gate.factor_needed:
            return gate.open(found, Stage.ENROL, source, pending={"totp": new_secret()})
        gate.forget_tries(id_)
        gate.note(Result.ENTERED, "password", who, source)
        return gate.open(found, Stage.FULL, source)

    def by_code(self, token: str, code: str, source: Source) -> Entered:
        """Take the code that follows a password: of the app, or a recovery code. The session gets a new token.

        Raises as ``by_password``.
        """
        gate = self._gate
        session = gate.find(token, Stage.PASSWORD)
        found = gate.people.account(session.account)
        if found is None or found.state is not AccountState.ACTIVE:
            raise ended()
        how: How = "code" if "".join(code.split()).isdigit() else "recovery-code"
        tried = gate.count(session.account, source, how, found.subject)
        hashed = gate.people.hash("recovery", session.account.encode() + as_code(code))
        now = gate.clock()
        try:
            account = gate.people.change(
                session.account, lambda one: replace(one, proofs=_used(one.proofs, code, hashed, now))
            )
        except AuthenticationError:
            raise tried.failed(found.subject) from None
        tried.succeeded()
        gate.note(Result.ENTERED, how, account.subject, source)
        return gate.open(account, Stage.FULL, source, instead_of=session.id)

    def by_provider(self, provided: Provided, source: Source) -> Entered:
        """Take somebody whom the provider vouches for, in the roles that its claims give now.

        Raises ``RefusedError`` for somebody without a role here.
        """
        gate = self._gate
        id_ = gate.people.account_id("oidc", provided.subject)
        found = gate.people.account(id_)
        if not provided.roles or (found is not None and found.state is AccountState.REMOVED):
            if found is not None:
                gate.people.end_sessions_of(id_)
            gate.note(Result.REFUSED, "provider", provided.subject, source)
            raise RefusedError(
                Code.POLICY_REFUSED,
                "You are known, and have no role in Sluis.",
                hint="Ask who manages accounts at your agency for one.",
            )
        account = Account(
            id=id_,
            kind="oidc",
            subject=provided.subject,
            display=provided.display,
            roles=provided.roles,
            language=provided.language if found is None else found.language,
            state=AccountState.ACTIVE,
            created_at=gate.clock() if found is None else found.created_at,
        )
        if found is None:
            gate.people.add(account)
        else:
            account = gate.people.change(id_, lambda one: replace(account, language=one.language, state=one.state))
        gate.note(Result.ENTERED, "provider", account.subject, source)
        return gate.open(account, Stage.FULL, source)

    def who(self, token: str, *, used: bool = True) -> Present | None:
        """Return who this token's session is, with the roles as they are now; None when nobody.

        ``used``: the person did something, so the session's rest begins again.
        """
        gate = self._gate
        if len(token) != TOKEN_LETTERS:
            return None
        try:
            session = gate.find(token, Stage.FULL)
        except AuthenticationError:
            return None
        account = gate.people.account(session.account)
        if account is None or account.state is not AccountState.ACTIVE or not account.roles:
            return None
        touched = session.touched(gate.clock()) if used else None
        if touched is not None:
            gate.people.keep_session(touched)
        return Present(account, touched or session, self.csrf(token))

    def csrf(self, token: str) -> str:
        """Return the token that forms of this session carry."""
        return b64url(self._gate.people.hash("csrf", token.encode()))

    def leave(self, present: Present) -> None:
        """End this session."""
        self._gate.people.end_sessions([present.session.id])
        self._gate.note(Result.LEFT, "self", present.account.subject)

    def handle(self, session: Session) -> str:
        """Return by what a page names one of its owner's sessions; no token and not what one is kept as."""
        return b64url(self._gate.people.hash("session-handle", session.id))

    def end_one(self, present: Present, handle: str) -> Session | None:
        """End the session of this person that a page named so, and return it; None when there is none, or no more."""
        now, people = self._gate.clock(), self._gate.people
        for one in people.sessions_of(present.account.id):
            if hmac.compare_digest(self.handle(one).encode(), handle.encode()) and not one.is_over(now):
                people.end_sessions([one.id])
                self._gate.note(Result.LEFT, "self", present.account.subject)
                return one
        return None

    def leave_everywhere(self, present: Present) -> None:
        """End every session of this person."""
        self._gate.people.end_sessions_of(present.account.id)
        self._gate.note(Result.LEFT_EVERYWHERE, "self", present.account.subject)


def _used(proofs: Proofs, code: str, hashed: bytes, now: datetime) -> Proofs:
    """Return the proofs with this code used up. Raises ``AuthenticationError``."""
    step = None if proofs.totp is None else step_of(proofs.totp, code, now, proofs.step)
    left = without(proofs.recovery, hashed)
    if step is not None:
        return replace(proofs, step=step)
    if left is not None:
        return replace(proofs, recovery=left)
    raise wrong()
