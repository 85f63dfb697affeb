# SPDX-License-Identifier: EUPL-1.2
"""When this agency took each version of the covenant over, so that a broker which stays behind is noticed.

Not here: what is concluded from it (``signed_versions.py``).
"""

import json
from datetime import datetime
from itertools import pairwise
from typing import Final

from agency_client.vault.evidence import EvidenceShelf
from protocol.encoding import format_time, parse_time

_TAKEN: Final = "covenants-taken"


def note_taken(shelf: EvidenceShelf, sha256: str, now: datetime) -> None:
    """Keep that this version is acted under from now on, unless it was already."""
    taken = _taken(shelf)
    if not taken or taken[-1][0] != sha256:
        shelf.put_setting(_TAKEN, json.dumps([*taken, (sha256, format_time(now))]))


def last_taken(shelf: EvidenceShelf) -> str | None:
    """Return the version that was acted under last; it stands sealed in this agency's own vault."""
    taken = _taken(shelf)
    return taken[-1][0] if taken else None


def replaced_at(shelf: EvidenceShelf) -> dict[str, datetime]:
    """Return each version that was acted under here and is not any more -> when the one after it was taken over."""
    taken = _taken(shelf)
    ends = {before: parse_time(at) for (before, _), (_, at) in pairwise(taken)}
    return {sha256: at for sha256, at in ends.items() if sha256 != taken[-1][0]}


def _taken(shelf: EvidenceShelf) -> list[tuple[str, str]]:
    return [(sha256, at) for sha256, at in json.loads(shelf.setting(_TAKEN) or "[]")]
