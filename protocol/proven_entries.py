# SPDX-License-Identifier: EUPL-1.2
"""An entry of the log that is proven and read, as every reader of entries has it in hand.

Not here: proving it (``evidence_pack.py``, ``log_evidence.py``).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from protocol.events import Event
from protocol.messages import Opening

SubjectPart: TypeAlias = Literal["whole", "erased", "left-out"]
"""Of whom an entry is: said in it, erased as another entry tells, or not for the eyes of who reads."""


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An event at its place in the log. Made by who proved both."""

    index: int
    event: Event
    """With an empty subject part when that is erased or left out."""
    opening: Opening
    subject_part: SubjectPart
    erased_by: int | None = None
    """The entry that tells of the erasure."""
