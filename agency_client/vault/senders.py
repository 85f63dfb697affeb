# SPDX-License-Identifier: EUPL-1.2
"""Which person sends a signal, where a person does: of a record that a system gave there is no row.

A column of its own table, so that vaults made before it open as they are. The reference is the opaque one that stands
in the log and on requests (``submit.person_reference``); whose it is, only a sealed name says. Not here: how signals
of one sender become one request (``pending.py``, ``agency_client/tagging.py``).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Field, Session, col, delete, func, select

from agency_client.vault.tables import Row

_SYSTEM: Final = ""
"""Stands for the agency's system where senders are compared: no reference is empty."""
_ASKED: Final = 500


class SenderRow(Row, table=True):
    """The person who made or changed a signal last before it was sent."""

    __tablename__ = "signal_sender"

    signal: str = Field(primary_key=True)
    person: str


def sender_of() -> ColumnElement[str]:
    """Return who sends a signal, as a column beside its row (``joined``): comparable, since the system has a value."""
    return func.coalesce(SenderRow.person, _SYSTEM)


def as_sender(person: str | None) -> str:
    """Return how ``sender_of`` names a person, or the agency's system."""
    return _SYSTEM if person is None else person


def as_person(sender: str) -> str | None:
    """Return the person that a sender is; None for the agency's system."""
    return sender or None


def joined(signal: Any) -> ColumnElement[bool]:
    """Return the condition by which senders are joined, outer, to rows that have this column of signals."""
    return col(SenderRow.signal) == col(signal)


def put_senders(session: Session, persons: Mapping[str, str | None]) -> None:
    """Write within a transaction who sends each of these signals now."""
    forget_senders(session, [signal for signal, person in persons.items() if person is None])
    rows = [{"signal": signal, "person": person} for signal, person in persons.items() if person is not None]
    if rows:
        statement = insert(SenderRow)
        session.connection().execute(
            statement.on_conflict_do_update(index_elements=["signal"], set_={"person": statement.excluded.person}),
            rows,
        )


def senders_of(session: Session, signals: Collection[str]) -> dict[str, str]:
    """Return the persons who send those of these signals that a person does."""
    found: dict[str, str] = {}
    wanted = sorted(signals)
    for start in range(0, len(wanted), _ASKED):
        chosen = col(SenderRow.signal).in_(wanted[start : start + _ASKED])
        found |= dict(session.exec(select(SenderRow.signal, SenderRow.person).where(chosen)).all())
    return found


def forget_senders(session: Session, signals: Collection[str]) -> None:
    """Forget who sent signals; their entries in the log go on saying it."""
    wanted = sorted(signals)
    for start in range(0, len(wanted), _ASKED):
        chosen = col(SenderRow.signal).in_(wanted[start : start + _ASKED])
        session.connection().execute(delete(SenderRow).where(chosen))
