# SPDX-License-Identifier: EUPL-1.2
"""An account: who somebody is to this agency's console, in which roles, and what proves that it is them.

Values only; a change is a new value. Not here: what makes a password or a code good (``passwords.py``,
``one_time.py``), where accounts are kept (``vault/people.py``).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, NewType, TypeAlias, cast

from edge.languages import LANGS, Lang
from protocol.encoding import Json, b64url, format_time, parse_time, unb64url
from protocol.errors import Code, InputError
from protocol.questions import PersonRole

AccountId = NewType("AccountId", str)
"""A keyed hash of who it is, in hexadecimal: the same person again has the same, and it says nothing by itself."""
AccountKind: TypeAlias = Literal["local", "oidc"]

ROLES: Final[tuple[PersonRole, ...]] = ("coordinator", "supervisor", "privacy-officer", "operator")
"""What people are here; ``system`` is for machines and never logs in."""
MAX_DISPLAY: Final = 80
MAX_NAME: Final = 40
_NAME: Final = re.compile(rf"[a-z][a-z0-9._-]{{1,{MAX_NAME - 1}}}\Z")


class AccountState(StrEnum):
    """Where an account is. A removed one keeps its name taken, since the log knows its owner by it."""

    WAITS = "waits"
    """For its first login, by the one-time code."""
    ACTIVE = "active"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class SetUpCode:
    """The one-time code of a first login: a keyed hash of it, and when it ends."""

    hashed: bytes = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Proofs:
    """What proves that somebody is the owner of a local account."""

    password: str | None = field(default=None, repr=False)
    """Argon2id, as libsodium writes it."""
    totp: str | None = field(default=None, repr=False)
    """The shared secret in base32."""
    step: int = 0
    """The last time step whose code was accepted; no earlier one ever is again."""
    recovery: tuple[bytes, ...] = field(default=(), repr=False)
    """Keyed hashes of the recovery codes that were not used yet."""
    set_up: SetUpCode | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in."""

    id: AccountId
    kind: AccountKind
    subject: str = field(repr=False)
    """What never changes: the user name, or the provider's issuer and subject."""
    display: str = field(repr=False)
    roles: frozenset[PersonRole]
    language: Lang
    state: AccountState
    created_at: datetime
    proofs: Proofs = Proofs()

    def to_json(self) -> bytes:
        """Return the account as it is sealed."""
        proofs = self.proofs
        set_up: Json = None
        if proofs.set_up is not None:
            set_up = {"hashed": b64url(proofs.set_up.hashed), "endsAt": format_time(proofs.set_up.ends_at)}
        value: dict[str, Json] = {
            "kind": self.kind,
            "subject": self.subject,
            "display": self.display,
            "roles": [*sorted(self.roles)],
            "language": self.language,
            "state": self.state,
            "createdAt": format_time(self.created_at),
            "password": proofs.password,
            "totp": proofs.totp,
            "step": proofs.step,
            "recovery": [b64url(one) for one in proofs.recovery],
            "setUp": set_up,
        }
        return json.dumps(value).encode()


def account_from(name: AccountId, sealed: bytes) -> Account:
    """Return the account that ``to_json`` wrote."""
    value = json.loads(sealed)
    set_up = value["setUp"]
    return Account(
        id=name,
        kind=value["kind"],
        subject=value["subject"],
        display=value["display"],
        roles=frozenset(value["roles"]),
        language=value["language"],
        state=AccountState(value["state"]),
        created_at=parse_time(value["createdAt"]),
        proofs=Proofs(
            password=value["password"],
            totp=value["totp"],
            step=value["step"],
            recovery=tuple(unb64url(one) for one in value["recovery"]),
            set_up=None if set_up is None else SetUpCode(unb64url(set_up["hashed"]), parse_time(set_up["endsAt"])),
        ),
    )


def user_name(text: str) -> str:
    """Return a user name in its one form. Raises ``InputError``."""
    name = text.strip().lower()
    if not _NAME.match(name):
        raise InputError(
            Code.MALFORMED,
            "That cannot be a user name.",
            hint=f"A letter, then letters, digits, dots and hyphens; 2 to {MAX_NAME} in all.",
        )
    return name


def display_name(text: str) -> str:
    """Return a name for the screen, on one line. Raises ``InputError``."""
    shown = " ".join(text.split())
    if not shown or len(shown) > MAX_DISPLAY or not shown.isprintable():
        raise InputError(Code.MALFORMED, "A name has 1 to 80 letters on one line.")
    return shown


def roles_of(names: Iterable[str]) -> frozenset[PersonRole]:
    """Return roles by their names, at least one. Raises ``InputError``."""
    given = frozenset(names)
    if not given or not given <= frozenset(ROLES):
        raise InputError(Code.MALFORMED, "That is not a role.", hint=f"Roles are: {', '.join(ROLES)}.")
    return cast("frozenset[PersonRole]", given)


def language_of(text: str) -> Lang:
    """Return a language by its code. Raises ``InputError``."""
    if text not in LANGS:
        raise InputError(Code.MALFORMED, "That is not a language of the console.", hint=f"{' or '.join(LANGS)}")
    return text
