# SPDX-License-Identifier: EUPL-1.2
"""From the form of a signal to a record, by the same reading as a row of a file. Pure.

Not here: the pages (``signal_form.py``), whether values are right (``agency_client/intake.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agency_client.console.visits import Form
from agency_client.mapping import (
    MANY_FIELDS,
    REQUIRED,
    SIGNAL_FIELDS,
    SINGLE_FIELDS,
    Quarantined,
    SourceRecord,
    is_field,
    to_record,
)
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.settings import CONTACT_FIELDS
from agency_client.source_rows import Row
from protocol.errors import Issue
from protocol.normalise import Person, Record

HANDLES: Final = 3
"""Online accounts in the form: who knows more gives them in a file."""
DOCUMENTS: Final = 2
ASSOCIATES: Final = 2
"""People around the person in the form."""
CONTENT_FIELDS: Final = ("danger", "contact-preference", "note")
ASSOCIATE_FIELDS: Final = ("given_names", "surname", "birth_date", "phones")
_PAIRS: Final = (
    ("handles", "handle", "platform", "name", HANDLES),
    ("documents", "document", "kind", "number", DOCUMENTS),
)
_PAIRED: Final = tuple(f"{one}{n}_" for _, one, _, _, most in _PAIRS for n in range(1, most + 1))

Typed = Mapping[str, tuple[str, ...]]
"""What was filled in, by field."""

NAMES: Final = (
    *sorted(SIGNAL_FIELDS),
    *sorted(SINGLE_FIELDS | MANY_FIELDS),
    *(f"{one}{n}_{part}" for _, one, *parts, most in _PAIRS for n in range(1, most + 1) for part in parts),
    *(f"associate{n}.{name}" for n in range(1, ASSOCIATES + 1) for name in ASSOCIATE_FIELDS),
    *(f"contact.{name}" for name in CONTACT_FIELDS),
    *(f"content.{name}" for name in CONTENT_FIELDS),
)
"""Every field of the form that is part of a record."""


def typed_of(form: Form) -> Typed:
    """Return what was filled in, without what is empty and without what is no field."""
    found = {name: form.texts(name) for name in NAMES}
    # Browsers send a line's end as two characters.
    return {name: tuple(text.replace("\r\n", "\n") for text in texts) for name, texts in found.items() if texts}


def record_of(typed: Typed) -> SourceRecord | Quarantined:
    """Return the record, or what is missing of it; pairs that cannot be used are left out (``pair_issues``)."""
    cells = {name: _cell(name, texts) for name, texts in typed.items() if not name.startswith(_PAIRED)}
    columns = [(name, name) for name in cells]
    for name, target, value in _pairs(typed):
        if value and is_field(target):
            cells[name] = value
            columns.append((name, target))
    return to_record(ColumnMapping(tuple(columns)), Row(1, cells))


def pair_issues(typed: Typed) -> Iterator[Issue]:
    """Yield what is wrong with online accounts and documents before anything is read."""
    for name, target, value in _pairs(typed):
        group, _, first = target.partition(".")
        if bool(first) != bool(value):
            yield Issue(group, "missing", "Say of each which it is.")
        elif first and not is_field(target):
            yield Issue(group, "unknown-platform" if name.startswith("handle") else "unknown-document-kind", "")


def person_of(typed: Typed) -> Person:
    """Return whom a question is about; of what is no person's nothing is read."""
    return of_people(typed).subject


def of_people(typed: Typed) -> Record:
    """Return the people of what was filled in, whatever else is missing."""
    people = {name: texts for name, texts in typed.items() if name not in ("urgency", "informed", "review_on")}
    record = record_of({**dict.fromkeys(REQUIRED, ("-",)), **people})
    if isinstance(record, Quarantined):
        raise TypeError("a record that has all that a record needs")
    return record.record


def name_of(typed: Typed) -> str:
    """Return the person's name as it was typed."""
    return f"{_one(typed, 'given_names')} {_one(typed, 'surname')}".strip()


def _pairs(typed: Typed) -> Iterator[tuple[str, str, str]]:
    for group, one, first, second, most in _PAIRS:
        for n in range(1, most + 1):
            of, value = _one(typed, f"{one}{n}_{first}"), _one(typed, f"{one}{n}_{second}")
            yield f"{one}{n}", f"{group}.{of.casefold()}", value


def _one(typed: Typed, name: str) -> str:
    return next(iter(typed.get(name, ())), "")


def _cell(name: str, texts: Sequence[str]) -> str:
    if name.rpartition(".")[2] not in MANY_FIELDS | {"grounds"}:
        return texts[0]
    # Several values in one field stand under each other; in a cell of a file they are separated by semicolons.
    return "; ".join(line.strip() for text in texts for line in text.splitlines() if line.strip())
