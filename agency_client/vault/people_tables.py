# SPDX-License-Identifier: EUPL-1.2
"""The vault's tables of who may log in: accounts, sessions, failures and the record of logins.

Names, addresses, roles and every secret are sealed; what is looked up is a keyed hash; times and states are in the
clear. Not here: the shelf (``people.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class AccountRow(Row, table=True):
    """Somebody who may log in, by a keyed hash of who it is."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    state: str
    account: bytes
    """Sealed: everything else (``agency_client/people/accounts.py``)."""


class LoginSessionRow(Row, table=True):
    """A session, by the keyed hash of its token."""

    __tablename__ = "login_session"

    id: bytes = Field(primary_key=True)
    account: str = Field(index=True)
    stage: str
    created_at: str
    seen_at: str
    said: bytes
    """Sealed: the browser in two words, and what is being set up."""


class TriesRow(Row, table=True):
    """Failures in a row, by a keyed hash of the name or the address that they were for."""

    __tablename__ = "login_tries"

    whom: bytes = Field(primary_key=True)
    count: int
    last_at: str


class LoginRow(Row, table=True):
    """One line of the record of logins."""

    __tablename__ = "login"

    number: int | None = Field(default=None, primary_key=True)
    at: str = Field(index=True)
    result: str = Field(index=True)
    how: str
    said: bytes
    """Sealed: who, and from where."""
