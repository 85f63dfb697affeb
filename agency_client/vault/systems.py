# SPDX-License-Identifier: EUPL-1.2
"""The agency's own systems that may use the local API, each by a token of its own.

Only a keyed hash of a token is kept: who has the disk has no token. Not here: HTTP (``agency_client/api/``).
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import select

from agency_client.vault.database import Database
from agency_client.vault.record_tables import SystemRow
from protocol.encoding import b64url, format_time, lp, parse_time
from protocol.errors import AuthenticationError, Code, ConflictError, NotFoundError
from protocol.group import random_bytes

TOKEN_START: Final = "sluis_"  # noqa: S105 - how a token begins, so that secret scanners know one
_SECRET_BYTES: Final = 32
_USED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a token was last used: a write a minute, not one a request."""
_MAX_TOKEN: Final = 200
"""Characters: the longest name and its secret."""


class Scope(StrEnum):
    """What a system may do."""

    RECORDS = "records"
    """Give, read and withdraw its own records."""
    HITS = "hits"
    """Read the hits of its own records, and tell what came of them."""


@dataclass(frozen=True, slots=True)
class KeptSystem:
    """A system that has, or had, a token."""

    name: str
    may: frozenset[Scope]
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Systems:
    """The shelf of systems."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stranger = database.keyed_hash("system-token", random_bytes(_SECRET_BYTES))

    def add(self, name: str, may: Collection[Scope], now: datetime) -> str:
        """Make a token for a system and return it; it cannot be shown again. A revoked one gets a new token.

        Raises ``ConflictError`` when the system has a token.
        """
        token = f"{TOKEN_START}{name}.{b64url(random_bytes(_SECRET_BYTES))}"
        with self._database.writing() as session:
            known = session.get(SystemRow, name)
            if known is not None and known.revoked_at is None:
                raise ConflictError(
                    Code.CONFLICT,
                    f"The system {name} has a token.",
                    hint=f"Revoke it first: `sluis agency systems revoke {name}`.",
                )
            session.merge(
                SystemRow(name=name, token=self._hash(token), may=" ".join(sorted(may)), made_at=format_time(now))
            )
        return token

    def revoke(self, name: str, now: datetime) -> None:
        """End a system's token at once. Raises ``NotFoundError``."""
        with self._database.writing() as session:
            row = session.get(SystemRow, name)
            if row is None:
                raise NotFoundError(Code.NOT_FOUND, "There is no such system.", hint="`sluis agency systems list`")
            row.revoked_at = row.revoked_at or format_time(now)

    def all(self) -> list[KeptSystem]:
        """Return all systems by name, also those without a token."""
        with self._database.reading() as session:
            rows = session.exec(select(SystemRow).order_by(SystemRow.name)).all()
        return [_kept(row) for row in rows]

    def require(self, token: str, now: datetime) -> KeptSystem:
        """Return whose token this is, and note the use.

        Raises ``AuthenticationError`` (``token_invalid``), the same for an unknown, a wrong and a revoked one.
        """
        name = name_in(token)
        with self._database.reading() as session:
            row = session.get(SystemRow, name)
        # Compared also when there is no such system, so that the time of an answer does not tell which names exist.
        same = hmac.compare_digest(row.token if row is not None else self._stranger, self._hash(token))
        if row is None or not same or row.revoked_at is not None or len(token) > _MAX_TOKEN:
            raise AuthenticationError(
                Code.TOKEN_INVALID,
                "This token is not, or no longer, one of a system of this agency.",
                hint="`sluis agency systems add NAME` makes one.",
            )
        if row.used_at is None or now - parse_time(row.used_at) >= _USED_EVERY:
            with self._database.writing() as session:
                kept = session.get_one(SystemRow, name)
                kept.used_at = format_time(now)
        return _kept(row)

    def _hash(self, token: str) -> bytes:
        return self._database.keyed_hash("system-token", lp(token[: 2 * _MAX_TOKEN]))


def name_in(token: str) -> str:
    """Return the name of the system that a token says it is of, true or not."""
    return token[:_MAX_TOKEN].removeprefix(TOKEN_START).partition(".")[0]


def _kept(row: SystemRow) -> KeptSystem:
    return KeptSystem(
        row.name,
        frozenset(Scope(one) for one in row.may.split()),
        parse_time(row.made_at),
        None if row.used_at is None else parse_time(row.used_at),
        None if row.revoked_at is None else parse_time(row.revoked_at),
    )
