# SPDX-License-Identifier: EUPL-1.2
"""By what the agency's own people find a signal again. No column says anything of a person.

Not here: what is made into a term (``search_terms.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class SearchTermRow(Row, table=True):
    """One thing by which a signal is found: a keyed hash, so that only this vault can make it."""

    __tablename__ = "search_term"
    __table_args__ = ({"sqlite_with_rowid": False},)

    term: bytes = Field(primary_key=True)
    signal: bytes = Field(primary_key=True, index=True)
    """The signal's id, 16 bytes."""
