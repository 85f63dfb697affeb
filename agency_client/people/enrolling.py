# SPDX-License-Identifier: EUPL-1.2
"""A first login, and changing what one logs in with: password, second factor, recovery codes.

What is being set up waits in its session and holds only once its first code was right. Not here: daily logins
(``entering.py``), what an operator does (``staff.py``).
"""

import hmac
from dataclasses import dataclass, field, replace

from agency_client.people.accounts import MAX_NAME, Account, AccountState, Proofs, language_of
from agency_client.people.entering import Present
from agency_client.people.gate import Entered, Gate, Source, ended, wrong
from agency_client.people.logins import Result
from agency_client.people.one_time import Enrolment, as_code, enrolment, new_codes, new_secret, step_of
from agency_client.people.passwords import as_typed, new_password
from agency_client.people.sessions import Session, Stage
from protocol.encoding import b64url, unb64url
from protocol.errors import Code, InputError, RefusedError


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A second factor that holds now, and the recovery codes, which are shown this once."""

    entered: Entered
    codes: tuple[str, ...] = field(repr=False)


class EnrolmentDesk:
    """Where people set up what they log in with. ``agency`` is how an authenticator app lists it."""

    def __init__(self, gate: Gate, agency: str) -> None:
        self._gate = gate
        self._agency = agency

    def begin(self, name: str, code: str, password: str, again: str, source: Source) -> Entered:
        """Take the one-time code of a first login and a new password.

        Raises as a login, and ``InputError`` for a password that will not do.
        """
        gate, subject = self._gate, name.strip().lower()[:MAX_NAME]
        id_ = gate.people.account_id("local", subject)
        found = gate.people.account(id_)
        tried = gate.count(id_, source, "set-up-code", "" if found is None else found.subject)
        hashed = gate.people.hash("set-up", id_.encode() + as_code(code))
        if found is None or not self._may_begin(found, hashed):
            raise tried.failed("" if found is None else found.subject)
        tried.succeeded()
        chosen = gate.hashing.hash(new_password(password, again, (subject, found.display, self._agency)))
        pending = {"password": chosen, "setUp": b64url(hashed), "totp": new_secret()}
        if gate.factor_needed:
            return gate.open(found, Stage.ENROL, source, pending=pending)
        account = gate.people.change(id_, lambda one: _settled(one, pending, proofs=replace(one.proofs, totp=None)))
        gate.note(Result.SET_UP, "set-up-code", account.subject, source)
        return gate.open(account, Stage.FULL, source)

    def _may_begin(self, account: Account, hashed: bytes) -> bool:
        kept = account.proofs.set_up
        return (
            account.state is AccountState.WAITS
            and kept is not None
            and hmac.compare_digest(kept.hashed, hashed)
            and self._gate.clock() < kept.ends_at
        )

    def enrolment(self, token: str) -> tuple[Enrolment, Session]:
        """Return what the authenticator app must take in. Raises ``AuthenticationError`` when nothing is set up now."""
        session = self._gate.find(token, Stage.ENROL, Stage.FULL)
        account = self._gate.people.account(session.account)
        if account is None or "totp" not in session.pending:
            raise ended()
        return enrolment(session.pending["totp"], account.subject, self._agency), session

    def confirm(self, token: str, code: str, source: Source) -> Enrolled:
        """Take the first code of the new factor: from now on it holds, and all other sessions of the person end.

        Raises as a login.
        """
        gate = self._gate
        _, session = self.enrolment(token)
        account = gate.people.account(session.account)
        if account is None:
            raise ended()
        tried = gate.count(session.account, source, "code", account.subject)
        step = step_of(session.pending["totp"], code, gate.clock(), 0)
        if step is None:
            raise tried.failed(account.subject)
        codes = new_codes()
        hashed = self._hashed(account, codes)
        account = gate.people.change(
            session.account,
            lambda one: _settled(
                one,
                session.pending,
                proofs=replace(one.proofs, totp=session.pending["totp"], step=step, recovery=hashed),
            ),
        )
        tried.succeeded()
        gate.people.end_sessions_of(account.id)
        result = Result.SET_UP if session.stage is Stage.ENROL else Result.FACTOR_CHANGED
        gate.note(result, "code", account.subject, source)
        return Enrolled(gate.open(account, Stage.FULL, source), codes)

    def change_password(self, present: Present, old: str, new: str, again: str, source: Source) -> Entered:
        """Replace the password; all other sessions of the person end. Raises as a login, and ``InputError``."""
        gate, account = self._gate, self._confirmed(present, old, source)
        chosen = gate.hashing.hash(new_password(new, again, (account.subject, account.display, self._agency)))
        account = gate.people.change(account.id, lambda one: replace(one, proofs=replace(one.proofs, password=chosen)))
        gate.people.end_sessions_of(account.id)
        gate.note(Result.PASSWORD_CHANGED, "self", account.subject, source)
        return gate.open(account, Stage.FULL, source)

    def renew_factor(self, present: Present, password: str, source: Source) -> None:
        """Begin with another authenticator app; the old one holds until the new one's first code. Raises as a login."""
        self._confirmed(present, password, source)
        self._gate.people.keep_session(replace(present.session, pending={"totp": new_secret()}))

    def renew_codes(self, present: Present, password: str, source: Source) -> tuple[str, ...]:
        """Return new recovery codes; the old ones are void. Raises as a login."""
        account = self._confirmed(present, password, source)
        if account.proofs.totp is None:
            raise InputError(Code.MALFORMED, "Recovery codes come with a second factor. Set that up first.")
        codes = new_codes()
        hashed = self._hashed(account, codes)
        self._gate.people.change(account.id, lambda one: replace(one, proofs=replace(one.proofs, recovery=hashed)))
        self._gate.note(Result.FACTOR_CHANGED, "self", account.subject, source)
        return codes

    def set_language(self, present: Present, language: str) -> None:
        """Change the language that the console speaks to this person."""
        chosen = language_of(language)
        self._gate.people.change(present.account.id, lambda one: replace(one, language=chosen))

    def _confirmed(self, present: Present, password: str, source: Source) -> Account:
        """Return the account once its password was given again: a forgotten open screen must not be enough."""
        gate, account = self._gate, present.account
        if account.kind != "local":
            raise RefusedError(Code.POLICY_REFUSED, "Your password is kept by your agency's identity provider.")
        tried = gate.count(account.id, source, "password", account.subject)
        if not gate.hashing.matches(account.proofs.password, as_typed(password)):
            raise tried.failed(account.subject)
        tried.succeeded()
        return account

    def _hashed(self, account: Account, codes: tuple[str, ...]) -> tuple[bytes, ...]:
        return tuple(self._gate.people.hash("recovery", account.id.encode() + as_code(code)) for code in codes)


def _settled(account: Account, pending: dict[str, str], *, proofs: Proofs) -> Account:
    """Return the account with what was set up. Raises ``AuthenticationError`` when its set-up code was used since."""
    if "setUp" not in pending:
        if account.state is not AccountState.ACTIVE:
            raise ended()
        return replace(account, proofs=proofs)
    kept = account.proofs.set_up
    if kept is None or not hmac.compare_digest(kept.hashed, unb64url(pending["setUp"])):
        # Its code was used in another browser meanwhile.
        raise wrong()
    return replace(
        account, state=AccountState.ACTIVE, proofs=replace(proofs, password=pending["password"], set_up=None)
    )
