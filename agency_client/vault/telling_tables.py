# SPDX-License-Identifier: EUPL-1.2
"""Which recipients are to be told that something waits. Times only: nothing says what it is. Not here: the rules."""

from sqlmodel import Field

from agency_client.vault.tables import Row


class TellingRow(Row, table=True):
    """One recipient, by its name in the settings."""

    __tablename__ = "telling"

    recipient: str = Field(primary_key=True)
    wants: int = 0
    """How often something came: what comes while a message goes out is told by the next one."""
    wanted_at: str | None = None
    urgent: bool = False
    key: str | None = None
    """Of the message that is to go out, however often it is tried: random, and another for each message."""
    offered_at: str | None = None
    told_at: str | None = None
    failures: int = 0
    failed_at: str | None = None
