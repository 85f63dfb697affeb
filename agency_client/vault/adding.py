# SPDX-License-Identifier: EUPL-1.2
"""What records that are read bring to the vault: a new signal, a change of one that waits, a successor, or nothing.

Not here: the reading and writing of rows (``signals.py``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from agency_client.draft import Draft
from agency_client.states import SignalState
from protocol.encoding import format_time
from protocol.ids import PurposeId, SignalId

Result: TypeAlias = Literal["new", "known", "changed", "held-back"]
"""What became of one record; ``held-back``: withdrawn by you, and unchanged since."""
_GONE_IF_AGAIN: Final = frozenset({SignalState.WITHDRAWN, SignalState.ACCEPTED})
"""An accepted signal of a record that is given again has its withdrawal in the outbox (``records.py``)."""


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A record that was read and normalised: what its signal will be, before any key-holder is asked."""

    id: SignalId
    purpose: PurposeId
    reference: str
    draft: bytes = field(repr=False)
    """All that would be sent about the record (``draft.py``); two drafts are equal when their bytes are."""
    expires_at: datetime
    found_by: Draft | None = field(default=None, repr=False)
    """The same draft, when people must find the signal again by what is in it (``search_terms.py``); not a probe's."""
    again: bool = False
    """Its system withdrew the record before and now gives it again: what it had is gone, or on its way out."""
    person: str | None = None
    """The opaque reference of the person who gives it; None when one of the agency's systems does."""


@dataclass(slots=True)
class Added:
    """What became of records that were offered to the vault."""

    new: int = 0
    known: int = 0
    """Unchanged since last time: nothing to do."""
    changed: int = 0
    """Sent before, and changed since: a new signal takes the old one's place."""
    withdrawn: int = 0
    """Unchanged, and withdrawn by you since: not sent again."""
    results: list[Result] = field(default_factory=list)
    """What became of each, in the order in which they were offered."""


@dataclass(slots=True)
class Latest:
    """What the vault has of a record last, or will have once the chunk is written."""

    id: str
    digest: bytes
    state: SignalState


class Adding:
    """What a chunk of records adds and changes; a record that comes twice meets what the first one left."""

    def __init__(self, latest: dict[bytes, Latest]) -> None:
        self.added = Added()
        self.fresh: dict[str, dict[str, object]] = {}
        """Rows to insert, by signal id, in the order of reading."""
        self.changed: list[dict[str, object]] = []
        self._latest = latest

    def wants(self, record: bytes, digest: bytes, *, again: bool = False) -> bool:
        """Return whether this record is new, changed or given again; counts it when it is not."""
        latest = self._latest.get(record)
        if latest is None or latest.digest != digest or latest.state is SignalState.REFUSED:
            return True
        if again and latest.state in _GONE_IF_AGAIN:
            return True
        if latest.state is SignalState.WITHDRAWN:
            self.added.withdrawn += 1
            self.added.results.append("held-back")
        else:
            self.added.known += 1
            self.added.results.append("known")
        return False

    def id_of(self, record: bytes, signal: NewSignal) -> str:
        """Return the id under which it will stand: one that was not tagged yet is changed in place."""
        latest = self._latest.get(record)
        return latest.id if latest is not None and latest.state is SignalState.NEW else str(signal.id)

    def put(self, record: bytes, digest: bytes, signal: NewSignal, sealed: bytes, now: datetime) -> None:
        """Take a record that is wanted."""
        latest = self._latest.get(record)
        if latest is not None and latest.state is SignalState.NEW:
            self.added.changed += 1
            self.added.results.append("changed")
            latest.digest = digest
            if latest.id in self.fresh:
                self.fresh[latest.id] |= {"draft": sealed, "digest": digest}
            else:
                self.changed.append({"changed": latest.id, "new_draft": sealed, "new_digest": digest})
            return
        ended = latest is None or latest.state in {SignalState.REFUSED, SignalState.WITHDRAWN}
        ended = ended or (signal.again and latest is not None and latest.state is SignalState.ACCEPTED)
        supersedes = None if latest is None or ended else latest.id
        self.added.changed += supersedes is not None
        self.added.new += supersedes is None
        self.added.results.append("new" if supersedes is None else "changed")
        self._latest[record] = Latest(str(signal.id), digest, SignalState.NEW)
        self.fresh[str(signal.id)] = {
            "id": str(signal.id),
            "purpose": signal.purpose,
            "record": record,
            "digest": digest,
            "state": SignalState.NEW,
            "draft": sealed,
            "created_at": format_time(now),
            "expires_at": format_time(signal.expires_at),
            "supersedes": supersedes,
        }
