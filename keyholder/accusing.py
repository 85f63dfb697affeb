# SPDX-License-Identifier: EUPL-1.2
"""Files of what the log contradicted itself in, for others: two notes of one size that it signed both.

Not here: noticing and keeping it (``witness.py``, ``ledger.py``) and checking a file (``protocol/fork_evidence.py``).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.keyfile import replace_file
from keyholder.ledger import Contradiction
from protocol.fork_evidence import ForkEvidence
from protocol.note import parse_note


def write_evidence(found: Iterable[Contradiction], folder: Path) -> Iterator[Path]:
    """Write a file for each contradiction and yield where."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(found, 1):
        path = folder / f"fork-{one.size}-{number}.json"
        evidence = ForkEvidence(first=_bare(one.cosigned, one.origin), second=_bare(one.note, one.origin))
        replace_file(path, evidence.to_json() + b"\n")
        path.chmod(0o644)
        yield path


def _bare(note: str, origin: str) -> str:
    """Return a note with the lines in the log's name only: others' are no part of the evidence."""
    text = parse_note(note).text
    lines = note.rpartition("\n\n")[2].splitlines(keepends=True)
    return f"{text}\n{''.join(line for line in lines if line.split(' ')[1] == origin)}"
