# SPDX-License-Identifier: EUPL-1.2
"""Whom a question is about: options, a JSON object, or a file with one record -> one person, as written.

The field names are those of a mapping (``mapping.py``). Only the person counts: not the people around, nor what a
signal would say beside the person. No text of an error repeats a value. Not here: what the terminal is asked
(``commands_ask.py``), whether a value is right (``protocol/normalise.py``).
"""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from agency_client.mapping import MANY_FIELDS, PREFIX_FIELD, SINGLE_FIELDS, Quarantined, is_field, to_record
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.mapping_guess import guess
from agency_client.source import read_rows, sample
from agency_client.source_rows import BadRow, Row
from protocol.errors import Code, ConfigurationError, InputError, Issue
from protocol.normalise import Person

MAX_JSON: Final = 65_536
"""Bytes of one person: twenty values of every kind fit."""
_GROUPS: Final = ("handles.", "documents.")
_BESIDE: Final = {"reference": "asked", "purpose": "asked", "grounds": "asked", "basis": "asked"}
"""What a record of a signal needs and a question does not."""


def person_of(fields: Mapping[str, Sequence[str]]) -> Person:
    """Return the person of these fields; of a single field the first value counts.

    Raises ``InputError`` (``unknown_column``) for a field that no person has, and when there is none at all.
    """
    unknown = [Issue(name[:100], "unknown-field", "A person has no such field.") for name in fields if not _own(name)]
    if unknown:
        known = ", ".join([*sorted(SINGLE_FIELDS | MANY_FIELDS | {PREFIX_FIELD}), *(f"{one}…" for one in _GROUPS)])
        raise InputError(
            Code.UNKNOWN_COLUMN, "A field is not one of a person.", hint=f"There are: {known}.", issues=unknown
        )
    filled = {name: [text for text in values if text.strip()] for name, values in fields.items()}
    if not any(filled.values()):
        raise InputError(Code.MALFORMED, "Nothing was said about the person.", hint="See `sluis agency ask --help`.")
    mapping = ColumnMapping(tuple((name, name) for name in fields))
    return _person(mapping, Row(1, {name: _cell(name, values) for name, values in filled.items()}))


def person_of_json(raw: str) -> Person:
    """Return the person of a JSON object: field -> text, or list of texts. Raises ``InputError``."""
    wrong = InputError(
        Code.MALFORMED,
        "This is not one JSON object of texts.",
        hint='For example {"given_names": "…", "surname": "…", "birth_date": "2001-01-31", "phones": ["…"]}.',
    )
    if len(raw) > MAX_JSON:
        raise wrong
    try:
        found = json.loads(raw)
    except ValueError:
        raise wrong from None
    if not isinstance(found, dict):
        raise wrong
    fields = {str(name): value if isinstance(value, list) else [value] for name, value in found.items()}
    if not all(isinstance(text, str) for values in fields.values() for text in values):
        raise wrong
    return person_of(fields)


def person_of_file(path: Path, chosen: Path | None, beside: Path) -> Person:
    """Return the person of a file's only record, by the mapping chosen, else the one beside it, else a guess.

    Raises ``InputError`` when the file has another number of records, or its record cannot be read.
    """
    source = chosen or (beside if beside.exists() else None)
    if source is not None:
        try:
            mapping = ColumnMapping.from_yaml(source.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(Code.SETTINGS_INVALID, f"The mapping file {source.name} cannot be read.") from None
    else:
        seen = sample(path)
        mapping = guess(seen.columns, seen.rows).mapping
    rows = list(islice(read_rows(path), 2))
    if len(rows) != 1:
        raise InputError(
            Code.MALFORMED,
            "A question is about one person, and the file has none or several records.",
            hint="Every question has a reason of its own. To follow many people, signal them: `sluis agency push`.",
        )
    (row,) = rows
    if isinstance(row, BadRow):
        raise InputError(Code.MALFORMED, "The record cannot be read.", issues=[row.issue])
    return _person(mapping, row)


def _own(name: str) -> bool:
    return name in SINGLE_FIELDS | MANY_FIELDS or name == PREFIX_FIELD or (name.startswith(_GROUPS) and is_field(name))


def _cell(name: str, values: Sequence[str]) -> str:
    # A repeated field's cell is split at semicolons again.
    return "; ".join(values) if name in MANY_FIELDS or name.startswith(_GROUPS) else next(iter(values), "")


def _person(mapping: ColumnMapping, row: Row) -> Person:
    bare = ColumnMapping(
        tuple((name, target) for name, target in mapping.columns if _own(target)),
        tuple((target, text) for target, text in mapping.constants if _own(target)),
    ).with_constants(**_BESIDE)
    record = to_record(bare, row)
    if isinstance(record, Quarantined):
        raise InputError(Code.MALFORMED, "The record cannot be read.", issues=record.reasons)
    return record.record.subject
