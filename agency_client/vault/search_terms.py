# SPDX-License-Identifier: EUPL-1.2
"""Finding own signals again by a case, a record or a person, without any of these standing readable on the disk.

Each signal has a term for its references and for each of its match keys: keyed hashes of the very forms that are made
into pseudonyms, so that a search forgives what matching forgives. Not here: the signals (``signals.py``), pages of
them (``signal_lists.py``).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from agency_client.draft import Draft
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.search_tables import SearchTermRow
from agency_client.vault.tables import SettingRow, SignalRow
from protocol.encoding import lp
from protocol.ids import KeyKind, SignalId
from protocol.keys import KINDS, Tier, quality_of

MAX_FOUND: Final = 50
"""Signals shown for one search: who finds more has searched by what many share."""
_TERM: Final = 16
"""Bytes kept of a keyed hash: two of a million terms are the same once in 10^26 vaults."""
_MOST_ROWS: Final = 5_000
"""Rows read for one search: fifty signals with all their terms, and room for what many share."""
_CHUNK: Final = 500
"""Signals given their terms in one transaction."""
_DONE: Final = "search-terms"
_QUALITIES: Final = ("hit", "probable", "possible")


class SearchTerms:
    """The shelf of what signals are found by."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as session:
            fresh = session.exec(select(SignalRow.position).limit(1)).first() is None
            known = session.get(SettingRow, _DONE) is not None
        if fresh and not known:
            # All signals of a new vault get their terms when they are added.
            with database.writing() as session:
                session.merge(SettingRow(name=_DONE, value="1"))

    def by_reference(self, text: str) -> list[SignalId]:
        """Return the signals whose record or case has this reference, however it is spaced or cased; newest first."""
        self._fill()
        term = _reference_term(self._database, text)
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow.id)
                .where(col(SignalRow.id).in_(_signals_of(session, [term])), real(SignalRow.id))
                .order_by(col(SignalRow.position).desc())
                .limit(MAX_FOUND)
            ).all()
        return [SignalId(UUID(row)) for row in rows]

    def by_person(self, keys: Iterable[tuple[KeyKind, str]]) -> list[SignalId]:
        """Return the signals of which enough agrees with these kinds and forms, the surest and newest first."""
        self._fill()
        kinds = {_key_term(self._database, kind, form): kind for kind, form in keys}
        with self._database.reading() as session:
            rows = session.exec(
                select(SearchTermRow.term, SearchTermRow.signal)
                .where(col(SearchTermRow.term).in_(kinds))
                .limit(_MOST_ROWS)
            ).all()
            agreed: dict[str, set[KeyKind]] = defaultdict(set)
            for term, signal in rows:
                agreed[str(UUID(bytes=signal))].add(kinds[term])
            worth = {signal: quality for signal, found in agreed.items() if (quality := quality_of(found)) is not None}
            found = session.exec(
                select(SignalRow.id, SignalRow.position).where(
                    col(SignalRow.id).in_(list(worth)[: _MOST_ROWS // 5]), real(SignalRow.id)
                )
            ).all()
        ordered = sorted(found, key=lambda row: (_QUALITIES.index(worth[row[0]]), -(row[1] or 0)))
        return [SignalId(UUID(signal)) for signal, _ in ordered[:MAX_FOUND]]

    def _fill(self) -> None:
        """Give terms to the signals of a vault that is older than the search, once."""
        with self._database.reading() as session:
            if session.get(SettingRow, _DONE) is not None:
                return
        last = 0
        while True:
            with self._database.writing() as session:
                rows = session.exec(
                    select(SignalRow)
                    .where(col(SignalRow.position) > last, real(SignalRow.id))
                    .order_by(col(SignalRow.position))
                    .limit(_CHUNK)
                ).all()
                put_terms(
                    session,
                    self._database,
                    {row.id: Draft.from_bytes(self._database.open(row.draft, "draft", row.id)) for row in rows},
                )
                if not rows:
                    session.merge(SettingRow(name=_DONE, value="1"))
                    return
            last = rows[-1].position or 0


def forget_terms(session: Session, signals: Iterable[str]) -> None:
    """Forget by what signals were found, within the transaction that erases what they said."""
    for signal in signals:
        session.connection().execute(delete(SearchTermRow).where(col(SearchTermRow.signal) == UUID(signal).bytes))


def put_terms(session: Session, database: Database, drafts: Mapping[str, Draft]) -> None:
    """Write by what signals are found, within the transaction that writes them; ``drafts`` are by the signals' ids."""
    if not drafts:
        return
    forget_terms(session, drafts)
    rows = [
        {"term": term, "signal": UUID(signal).bytes}
        for signal, draft in drafts.items()
        for term in sorted(_terms(database, draft))
    ]
    if rows:
        session.connection().execute(insert(SearchTermRow), rows)


def _terms(database: Database, draft: Draft) -> set[bytes]:
    # Of what was erased nothing is left but empty texts.
    references = {_reference_term(database, text) for text in (draft.reference, draft.case_reference) if text}
    # What never counts, alone or together, finds half the country.
    keys = {
        _key_term(database, key.kind, key.normal_form)
        for key in draft.keys
        if key.normal_form and key.kind in KINDS and KINDS[key.kind].tier is not Tier.FACTOR
    }
    return references | keys


def _signals_of(session: Session, terms: Iterable[bytes]) -> list[str]:
    rows = session.exec(
        select(SearchTermRow.signal).where(col(SearchTermRow.term).in_(list(terms))).limit(_MOST_ROWS // 5)
    ).all()
    return [str(UUID(bytes=row)) for row in rows]


def _reference_term(database: Database, text: str) -> bytes:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return database.keyed_hash("search-reference", lp(folded))[:_TERM]


def _key_term(database: Database, kind: KeyKind, form: str) -> bytes:
    return database.keyed_hash("search-key", lp(kind) + lp(form))[:_TERM]
