# SPDX-License-Identifier: EUPL-1.2
"""Past decisions as lines of text: each an entry of the log without its subject part, which is there by its hash only.

So a line names no signal, hit or tag, and still proves which leaf of the log it belongs to. It does hold what the
record holds: agencies, moments, rules.
Spec: ``spec/policy.md``. Not here: who may get the lines, and deciding again (``board/replay.py``).
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from protocol.commitments import open_entry, subject_hash
from protocol.events import (
    Event,
    NoticeIssued,
    QueryAnswered,
    RequestRefused,
    SignalRefused,
    SignalRegistered,
    SignalsMatched,
)
from protocol.messages import Bytes32, LogIndex, Message, Opening, parse

DECISIONS: Final[tuple[type[Event], ...]] = (
    SignalRegistered,
    SignalRefused,
    SignalsMatched,
    NoticeIssued,
    RequestRefused,
    QueryAnswered,
)
"""The events that say what the rules decided."""
MAX_LINE: Final = 65_536
"""Characters: a record of ours takes some two thousand."""


class _Line(Message):
    index: LogIndex
    record: dict[str, Any]
    record_salt: Bytes32
    subject_hash: Bytes32


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A line that was read: where it says to stand in the log, what it says, and the leaf that it must have there."""

    index: int
    event: Event
    leaf: bytes


def is_decision(record: dict[str, Any]) -> bool:
    """Say whether a record is one of an event that says what the rules decided."""
    return record.get("event") in {kind.TAG for kind in DECISIONS}


def write_line(index: int, opening: Opening) -> str:
    """Return an entry as a line, without its subject part."""
    line = _Line(
        index=index, record=opening.record, record_salt=opening.record_salt, subject_hash=subject_hash(opening)
    )
    return json.dumps(json.loads(line.to_json()), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_line(text: str) -> DecisionLine:
    """Read a line strictly. Raises ``InputError`` (``malformed``)."""
    line = parse(_Line, text[: MAX_LINE + 1].encode())
    opening = Opening(record=line.record, record_salt=line.record_salt, subject_hash=line.subject_hash)
    opened = open_entry(opening)
    return DecisionLine(line.index, opened.event, opened.leaf)
