# SPDX-License-Identifier: EUPL-1.2
"""What an operator does with accounts: add, change roles, reset, open, remove, log out. By the command line only.

Not here: the commands (``agency_client/commands_people.py``), what people do with their own account (``enrolling.py``).
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from agency_client.people.accounts import (
    Account,
    AccountState,
    Proofs,
    SetUpCode,
    display_name,
    language_of,
    roles_of,
    user_name,
)
from agency_client.people.gate import Gate
from agency_client.people.logins import Result
from agency_client.people.one_time import as_code, new_code
from agency_client.people.passwords import new_password
from agency_client.people.sessions import Session
from protocol.errors import Code, ConflictError, InputError, NotFoundError

SET_UP_LASTS: Final = timedelta(hours=72)
"""How long the code of a first login holds: over a weekend."""


@dataclass(frozen=True, slots=True)
class Added:
    """An account that waits for its first login, and the code for it, which is shown this once."""

    account: Account
    code: str | None = field(repr=False)
    """None when it got a password at once."""


class Staff:
    """The operator's acts."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def add(
        self,
        name: str,
        display: str,
        roles: list[str],
        language: str,
        *,
        password: str | None = None,
        again: bool = False,
    ) -> Added:
        """Add a local account. With a ``password`` it can be used at once; else its one-time code is returned.

        ``again``: the person of a removed account comes back. Raises ``InputError``, ``ConflictError``.
        """
        gate, subject = self._gate, user_name(name)
        code = new_code() if password is None else None
        id_ = gate.people.account_id("local", subject)
        proofs = self._set_up(id_, code) if code is not None else Proofs(password=self._hash(password, subject))
        account = Account(
            id=id_,
            kind="local",
            subject=subject,
            display=display_name(display),
            roles=roles_of(roles),
            language=language_of(language),
            state=AccountState.WAITS if code is not None else AccountState.ACTIVE,
            created_at=gate.clock(),
            proofs=proofs,
        )
        found = gate.people.account(id_)
        if found is None:
            gate.people.add(account)
        elif found.state is not AccountState.REMOVED:
            raise ConflictError(Code.CONFLICT, "There is an account of this name already.")
        elif not again:
            raise ConflictError(
                Code.CONFLICT,
                "This name was somebody's before, and the log knows that person by it.",
                hint="Another person needs another name. If it is the same person, add --again.",
            )
        else:
            gate.people.change(id_, lambda _: account)
        gate.forget_tries(id_)
        gate.note(Result.ADDED, "operator", subject)
        return Added(account, code)

    def all(self) -> list[Account]:
        """Return every account that was not removed, by name."""
        return [one for one in self._gate.people.accounts() if one.state is not AccountState.REMOVED]

    def find(self, name: str) -> Account:
        """Return an account by its user name, or by the id that lists show. Raises ``NotFoundError``."""
        wanted = name.strip().lower()
        found = [one for one in self.all() if wanted == one.subject or (len(wanted) >= 8 and one.id.startswith(wanted))]
        if len(found) != 1:
            raise NotFoundError(
                Code.NOT_FOUND, "There is no such account.", hint="`sluis agency people list` shows who there is."
            )
        return found[0]

    def set_roles(self, name: str, roles: list[str]) -> Account:
        """Give somebody other roles; they hold at the next click. Raises ``InputError``, ``NotFoundError``."""
        account, wanted = self.find(name), roles_of(roles)
        if account.kind == "oidc":
            raise InputError(
                Code.MALFORMED,
                "This person's roles come from the identity provider.",
                hint="Change them there; they hold from the next login. `log-out-everywhere` makes that now.",
            )
        changed = self._gate.people.change(account.id, lambda one: replace(one, roles=wanted))
        self._gate.note(Result.ROLES_CHANGED, "operator", account.subject)
        return changed

    def reset(self, name: str) -> Added:
        """Void password and second factor, end all sessions, and give a code to begin again. Raises as ``find``."""
        account = self.find(name)
        if account.kind == "oidc":
            raise InputError(Code.MALFORMED, "This person logs in by the identity provider. There is nothing to reset.")
        code = new_code()
        proofs = self._set_up(account.id, code)
        changed = self._gate.people.change(
            account.id, lambda one: replace(one, state=AccountState.WAITS, proofs=proofs)
        )
        self._gate.people.end_sessions_of(account.id)
        self._gate.forget_tries(account.id)
        self._gate.note(Result.RESET, "operator", account.subject)
        return Added(changed, code)

    def remove(self, name: str) -> Account:
        """Take somebody's access away at once; the name stays taken. Raises as ``find``."""
        account = self.find(name)
        self._gate.people.change(
            account.id, lambda one: replace(one, state=AccountState.REMOVED, proofs=Proofs(), roles=frozenset())
        )
        self._gate.people.end_sessions_of(account.id)
        self._gate.note(Result.REMOVED, "operator", account.subject)
        return account

    def unlock(self, name: str) -> Account:
        """Let somebody try again who failed too often. Raises as ``find``."""
        account = self.find(name)
        self._gate.forget_tries(account.id)
        return account

    def sessions(self) -> list[tuple[Account, Session]]:
        """Return who is logged in now."""
        now = self._gate.clock()
        return [
            (account, one)
            for account in self.all()
            for one in self._gate.people.sessions_of(account.id)
            if not one.is_over(now)
        ]

    def log_out(self, name: str | None) -> int:
        """End all sessions of somebody, or of everybody; returns how many. Raises as ``find``."""
        account = None if name is None else self.find(name)
        ended = self._gate.people.end_sessions_of(None if account is None else account.id)
        self._gate.note(Result.LEFT_EVERYWHERE, "operator", "" if account is None else account.subject)
        return ended

    def _set_up(self, id_: str, code: str) -> Proofs:
        hashed = self._gate.people.hash("set-up", id_.encode() + as_code(code))
        return Proofs(set_up=SetUpCode(hashed, self._gate.clock() + SET_UP_LASTS))

    def _hash(self, password: str | None, subject: str) -> str:
        text = password or ""
        return self._gate.hashing.hash(new_password(text, text, (subject,)))
