# SPDX-License-Identifier: EUPL-1.2
"""The entries of an evidence pack as a table (CSV, RFC 4180, UTF-8) that a spreadsheet opens without being fooled.

A cell that a spreadsheet would take for a formula gets an apostrophe in front of it. Spec: ``spec/evidence-pack.md``.
Not here: what makes the entries true (``evidence_pack.py``).
"""

import io
import json
from collections.abc import Iterable, Sequence
from typing import Final

from protocol.encoding import Json, b64url, canonical_json, format_time
from protocol.events import Act
from protocol.proven_entries import ProvenEntry
from protocol.record_fields import names_of
from protocol.spreadsheet import TableWriter

COLUMNS: Final = (
    "index",
    "time",
    "event",
    "kind",
    "operation",
    "agency",
    "person",
    "system",
    "purpose",
    "basis",
    "justification",
    "recipient",
    "decision",
    "policyIds",
    "covenantVersion",
    "covenantSha256",
    "traceId",
    "spanId",
    "details",
    "signalIds",
    "hitId",
    "tagDigests",
    "text",
    "caseReference",
    "subjectPart",
    "erasedBy",
)
_HEAD: Final = frozenset({"event", "operation"})


def write_table(entries: Iterable[ProvenEntry]) -> bytes:
    """Return the table: a row an entry, in the log's order."""
    return write_rows(COLUMNS, map(_row, entries))


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table of this form: names of columns, and rows."""
    out = io.StringIO()
    table = TableWriter(out)
    table.row(columns)
    for row in rows:
        table.row(row)
    return out.getvalue().encode()


def _row(one: ProvenEntry) -> tuple[str, ...]:
    act, subject = one.event.act, one.event.subject
    words = subject.words
    return (
        str(one.index),
        format_time(act.time),
        str(one.event.TAG),
        type(one.event).__name__,
        one.event.OPERATION,
        act.agency or "",
        act.person or "",
        act.system or "",
        act.purpose or "",
        act.basis or "",
        act.justification or "",
        act.recipient or "",
        act.decision or "",
        " ".join(act.policy_ids),
        act.covenant.version,
        act.covenant.sha256,
        act.trace_id or "",
        act.span_id or "",
        _details(one.opening.record),
        " ".join(map(str, subject.signal_ids)),
        "" if subject.hit_id is None else str(subject.hit_id),
        " ".join(map(b64url, subject.tag_digests)),
        "" if words is None else words.text,
        "" if words is None else words.case_reference,
        one.subject_part,
        "" if one.erased_by is None else str(one.erased_by),
    )


def _details(record: dict[str, Json]) -> str:
    own = {name: value for name, value in record.items() if name not in names_of(Act) and name not in _HEAD}
    return json.dumps(json.loads(canonical_json(own)), ensure_ascii=False, sort_keys=True) if own else ""
