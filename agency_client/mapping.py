# SPDX-License-Identifier: EUPL-1.2
"""Which column of an agency's file is which field of a record: a small YAML file, and how a row becomes a record.

Not here: guessing a mapping (``mapping_guess.py``), reading files (``source.py``), whether a value is right
(``protocol/normalise.py``).
"""

import re
from collections.abc import Mapping as ReadOnlyMapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

import yaml

from agency_client.draft import InformedStatus
from agency_client.source_rows import Row
from protocol.errors import Code, ConfigurationError, Issue
from protocol.handles import PLATFORMS
from protocol.ids import PurposeId
from protocol.normalise import MAX_ASSOCIATES, Person, Record

REQUIRED: Final = ("reference", "purpose", "grounds", "basis")
"""What every signal names beside the person; a mapping gives each of them a column or a constant."""
SIGNAL_FIELDS: Final = frozenset({*REQUIRED, "case_reference", "urgency", "informed", "review_on"})
SINGLE_FIELDS: Final = frozenset(
    {"given_names", "surname", "birth_date", "postcode", "house_number", "country", "bsn", "v_number", "skn"}
)
MANY_FIELDS: Final = frozenset({"phones", "emails", "ibans", "adverts", "vehicles"})
PREFIX_FIELD: Final = "surname_prefix"
MAX_FILE: Final = 65_536
"""Bytes of a mapping file: five hundred columns with long names fit."""

_PAIR = re.compile(r"(?P<group>handles|documents)\.(?P<first>[a-z][a-z0-9-]{0,30})\Z")
_ASSOCIATE = re.compile(r"associate(?P<number>[1-9]?)\.(?P<field>.+)\Z")
_PART = re.compile(r"(?P<part>contact|content)\.(?P<name>[a-z][a-z0-9_-]{0,40})\Z")
_URGENT: Final = frozenset({"urgent", "spoed", "hoog", "high", "ja", "true", "1"})
_NORMAL: Final = frozenset({"normal", "normaal", "laag", "low", "nee", "false", "0"})
_INFORMED: Final[ReadOnlyMapping[str, InformedStatus]] = {
    "": "not-required",
    "not-required": "not-required",
    "informed": "informed",
    "deferred": "deferred",
}


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A row that was understood: the record, and what its signal says beside the person."""

    row: int
    reference: str = field(repr=False)
    case_reference: str = field(repr=False)
    record: Record
    purpose: PurposeId
    grounds: tuple[str, ...]
    basis: str
    urgency: Literal["normal", "urgent"] | None = None
    """As the record says; the purpose's own when it says nothing."""
    informed: InformedStatus = "not-required"
    review_on: date | None = None
    contact: ReadOnlyMapping[str, str] = field(default_factory=dict, repr=False)
    content: ReadOnlyMapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is not sent until somebody looks: its number, its reference if it has one, and why."""

    row: int
    reference: str = field(repr=False)
    reasons: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Columns and constants, each for a field. Several columns may fill one field.

    Of a single field the first filled column counts; a repeated one takes all, and splits a cell at ``;``. A column
    beats a constant. Construction raises ``ConfigurationError`` (``settings_invalid``) for a field that does not exist.
    """

    columns: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        issues = [
            Issue(f"{place}.{name}"[:200], "unknown-field", "There is no such field; see `fields` in the user guide.")
            for place, pairs in (("columns", self.columns), ("constants", [(f, f) for f, _ in self.constants]))
            for name, target in pairs
            if not is_field(target)
        ]
        if issues:
            raise ConfigurationError(Code.SETTINGS_INVALID, "The mapping names unknown fields.", issues=issues)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the required fields that no column and no constant gives."""
        given = {target for _, target in self.columns} | {target for target, _ in self.constants}
        return tuple(name for name in REQUIRED if name not in given)

    def with_constants(self, **constants: str) -> "Mapping":
        """Return the mapping with these constants in place of any earlier of the same field."""
        kept = tuple((target, value) for target, value in self.constants if target not in constants)
        return replace(self, constants=kept + tuple(constants.items()))

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise ``ConfigurationError`` (``unknown_column``) when the file lacks a column that the mapping names."""
        lacking = [name for name, _ in self.columns if name not in columns]
        if lacking:
            raise ConfigurationError(
                Code.UNKNOWN_COLUMN,
                "The file does not have all columns of the mapping.",
                hint="Correct the mapping file, or leave it out to have one guessed.",
                issues=[Issue(f"columns.{name}"[:200], "unknown-column", "Not in the file.") for name in lacking],
            )

    def to_yaml(self) -> str:
        """Return the mapping file."""
        head = "# Which column is which field. A column that is not named here never leaves your network.\n"
        content = {"columns": dict(self.columns), "constants": dict(self.constants)}
        return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)

    @staticmethod
    def from_yaml(text: str) -> "Mapping":
        """Read a mapping file. Raises ``ConfigurationError`` (``settings_invalid``)."""
        wrong = ConfigurationError(
            Code.SETTINGS_INVALID,
            "The mapping file cannot be used.",
            hint="It has `columns:` (column: field) and `constants:` (field: value), all of them texts.",
        )
        if len(text) > MAX_FILE:
            raise wrong
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            raise wrong from None
        if not isinstance(found, dict) or not set(found) <= {"columns", "constants"}:
            raise wrong
        return Mapping(_pairs(found.get("columns"), wrong), _pairs(found.get("constants"), wrong))


def _pairs(found: object, wrong: ConfigurationError) -> tuple[tuple[str, str], ...]:
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise wrong
    # NO, 1 and 2026-01-01 are not texts to YAML; a constant must be quoted rather than read as another thing.
    if not all(isinstance(item, str) for pair in found.items() for item in pair):
        raise wrong
    return tuple(found.items())


def is_field(name: str) -> bool:
    """Return whether a mapping can fill this field."""
    if name in SIGNAL_FIELDS or _PART.match(name):
        return True
    if found := _ASSOCIATE.match(name):
        return int(found["number"] or 1) <= MAX_ASSOCIATES and _is_person_field(found["field"])
    return _is_person_field(name)


def _is_person_field(name: str) -> bool:
    if found := _PAIR.match(name):
        return found["group"] == "documents" or found["first"] in PLATFORMS
    return name in SINGLE_FIELDS or name in MANY_FIELDS or name == PREFIX_FIELD


def to_record(mapping: Mapping, row: Row) -> SourceRecord | Quarantined:
    """Return what a row says, or why it cannot be sent. Values are checked later, by ``normalise``."""
    cells: dict[str, list[str]] = {}
    for column, target in mapping.columns:
        if value := row.values.get(column, "").strip():
            cells.setdefault(target, []).append(value)
    for target, value in mapping.constants:
        if value.strip():
            cells.setdefault(target, [value.strip()])
    first = {target: values[0] for target, values in cells.items()}
    reasons = [Issue(name, "missing", "Every record needs this.") for name in REQUIRED if name not in first]
    urgency, informed = first.get("urgency", "").casefold(), first.get("informed", "").casefold()
    if urgency and urgency not in _URGENT | _NORMAL:
        reasons.append(Issue("urgency", "unknown-value", "Write urgent or normal."))
    if informed not in _INFORMED:
        reasons.append(Issue("informed", "unknown-value", "Write informed, deferred or not-required."))
    review_on = None
    if "review_on" in first:
        try:
            review_on = date.fromisoformat(first["review_on"])
        except ValueError:
            reasons.append(Issue("review_on", "not-a-date", "Write the day as 2026-03-12."))
    reference = first.get("reference", "")
    if reasons:
        return Quarantined(row.number, reference, tuple(reasons))
    return SourceRecord(
        row.number,
        reference,
        first.get("case_reference", reference),
        Record(_person("", cells), _associates(cells)),
        PurposeId(first["purpose"]),
        tuple(dict.fromkeys(_split(cells["grounds"]))),
        first["basis"],
        None if not urgency else "urgent" if urgency in _URGENT else "normal",
        _INFORMED[informed],
        review_on,
        _part("contact", first),
        _part("content", first),
    )


def _associates(cells: ReadOnlyMapping[str, list[str]]) -> tuple[Person, ...]:
    names = sorted({target.partition(".")[0] for target in cells if _ASSOCIATE.match(target)})
    return tuple(_person(f"{name}.", cells) for name in names)


def _person(prefix: str, cells: ReadOnlyMapping[str, list[str]]) -> Person:
    def one(name: str) -> str:
        return cells.get(prefix + name, [""])[0]

    def many(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_split(cells.get(prefix + name, []))))

    def pairs(group: str) -> tuple[tuple[str, str], ...]:
        start = f"{prefix}{group}."
        return tuple(
            (target.removeprefix(start), value)
            for target, values in sorted(cells.items())
            if target.startswith(start)
            for value in dict.fromkeys(_split(values))
        )

    return Person(
        given_names=one("given_names"),
        surname=f"{one(PREFIX_FIELD)} {one('surname')}".strip() if one("surname") else "",
        birth_date=one("birth_date"),
        postcode=one("postcode"),
        house_number=one("house_number"),
        country=one("country"),
        phones=many("phones"),
        emails=many("emails"),
        bsn=one("bsn"),
        v_number=one("v_number"),
        skn=one("skn"),
        ibans=many("ibans"),
        handles=pairs("handles"),
        adverts=many("adverts"),
        vehicles=many("vehicles"),
        documents=pairs("documents"),
    )


def _part(part: str, first: ReadOnlyMapping[str, str]) -> dict[str, str]:
    start = f"{part}."
    return {target.removeprefix(start): value for target, value in first.items() if target.startswith(start)}


def _split(values: list[str]) -> list[str]:
    return [piece for value in values for part in value.split(";") if (piece := part.strip())]
