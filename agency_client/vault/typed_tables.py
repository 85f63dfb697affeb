# SPDX-License-Identifier: EUPL-1.2
"""What people typed into the console's form, sealed. Not here: what it means (``typed_records.py``)."""

from sqlmodel import Field

from agency_client.vault.tables import Row


class TypedRecordRow(Row, table=True):
    """A record that was typed here, by the keyed hash of its purpose and reference."""

    __tablename__ = "typed_record"

    record: bytes = Field(primary_key=True)
    typed: bytes
    """Sealed: the form's fields."""
