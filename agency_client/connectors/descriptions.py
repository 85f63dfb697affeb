# SPDX-License-Identifier: EUPL-1.2
"""``HOME/connectors/NAME.yaml``: one file a connector, which says where records come from and by which mapping.

Strict: an unknown setting is refused, since a misspelled one would do nothing. Passwords never stand in it. Not here:
the mapping's own form (``agency_client/mapping.py``), what a connector does (``folder.py``, ``sql.py``). Spec page:
``docs/guide-systems.md``.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from agency_client.mapping import MAX_FILE as MAX_MAPPING
from agency_client.mapping import Mapping
from agency_client.source_rows import Row
from protocol.errors import Code, ConfigurationError, Issue
from protocol.messages import Message

FOLDER: Final = "connectors"
"""In an agency's home."""
SUFFIX: Final = ".yaml"
MAPPING_SUFFIX: Final = ".mapping.yaml"
MAX_FILE: Final = 65_536
"""Bytes of a description: a long query fits."""
MAX_CONNECTORS: Final = 50
"""Descriptions of one home: an agency has some ten systems; more is a folder of something else."""
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_FALSE: Final = frozenset({"", "0", "false", "f", "nee", "no", "n"})
"""What a deletion column says of a record that is there; all else, such as a day, says that it is gone."""

_Path = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Query = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
_Seconds = Annotated[int, Field(ge=1, le=86_400)]


class FolderDescription(Message):
    """Files that a system puts into a folder."""

    kind: Literal["folder"]
    folder: _Path
    mapping: _Path | None = None
    """Beside this file; NAME.mapping.yaml when absent."""
    every_seconds: _Seconds = 5
    """Between looks: a few files a day come at any time, and looking costs one listing."""
    deleted_column: _Column | None = None
    keep_days: Annotated[int, Field(ge=0, le=90)] = 7
    """How long a file that was taken stays in ``done``: records of people, so not for long. 0 deletes it at once."""
    enabled: bool = True

    @property
    def one_purpose(self) -> bool:
        """A file may hold a record twice, for two purposes; so nothing of it ends because of the other."""
        return False


class CursorDescription(Message):
    """By which column a query goes on where it was."""

    column: _Column
    type: Literal["time", "number", "text"]
    start: Annotated[str, StringConstraints(max_length=100)]
    """What the first look begins with: ``2026-01-01T00:00:00+01:00``, ``0``."""
    overlap: Annotated[int, Field(ge=0, le=86_400)] = 120
    """Seconds (or numbers) that a look goes back: what was written in a transaction that ended later is found too."""


class DeletionsDescription(Message):
    """A second query that gives the references of records that are gone."""

    query: _Query
    reference: _Column
    cursor: CursorDescription


class SqlDescription(Message):
    """Rows that a query gives."""

    kind: Literal["sql"]
    url: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    """SQLAlchemy's form, without a password: ``postgresql+psycopg://reader@db.intern/zaken``."""
    password_file: _Path | None = None
    password_variable: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None
    query: _Query
    cursor: CursorDescription
    deleted_column: _Column | None = None
    deletions: DeletionsDescription | None = None
    mapping: _Path | None = None
    every_seconds: _Seconds = 60
    enabled: bool = True

    @property
    def one_purpose(self) -> bool:
        """A row says for which purpose its record stands now."""
        return True

    @model_validator(mode="after")
    def _whole(self) -> "SqlDescription":
        if self.password_file is not None and self.password_variable is not None:
            raise ValueError("give passwordFile or passwordVariable, not both")
        queries = [(self.query, self.cursor)]
        if self.deletions is not None:
            queries.append((self.deletions.query, self.deletions.cursor))
        for query, cursor in queries:
            if ":cursor" not in query or "order by" not in query.casefold():
                raise ValueError("a query has WHERE column >= :cursor and ORDER BY column")
            if cursor.type == "text" and not re.search(r">=\s*:cursor", query):
                # No step back can be taken from a text, so rows with the very same value would be passed over.
                raise ValueError("a text cursor needs >= :cursor")
        return self


Description = Annotated[FolderDescription | SqlDescription, Field(discriminator="kind")]
_ADAPTER: Final[TypeAdapter[FolderDescription | SqlDescription]] = TypeAdapter(Description)


@dataclass(frozen=True, slots=True)
class Described:
    """A connector: its name, what its file says, and its mapping."""

    name: str
    says: FolderDescription | SqlDescription
    mapping: Mapping
    stamp: tuple[int, ...]
    """Changes with either file."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A connector whose file cannot be used, and why."""

    name: str
    problem: ConfigurationError


def described(home: Path) -> Iterator[Described | Broken]:
    """Yield the connectors of a home by name, also those that cannot be used."""
    paths = sorted(path for path in (home / FOLDER).glob(f"*{SUFFIX}") if not path.name.endswith(MAPPING_SUFFIX))
    for number, path in enumerate(paths):
        name = path.name.removesuffix(SUFFIX)
        try:
            if number >= MAX_CONNECTORS:
                raise _wrong(name, f"More than {MAX_CONNECTORS} connectors in one home.")
            yield read_description(path)
        except ConfigurationError as error:
            yield Broken(name, error)


def read_description(path: Path) -> Described:
    """Read one connector and its mapping. Raises ``ConfigurationError``."""
    name = path.name.removesuffix(SUFFIX)
    if not NAME.match(name):
        raise _wrong(name[:40], "A connector's name has small letters, digits and hyphens.")
    text, stamp = _read(path, MAX_FILE)
    try:
        says = _ADAPTER.validate_json(json.dumps(yaml.safe_load(text)))
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise _wrong(name, f"{path.name} does not have the agreed form.", _issues(error)) from None
    mapping_path = path.parent / (says.mapping or f"{name}{MAPPING_SUFFIX}")
    mapping_text, mapping_stamp = _read(mapping_path, MAX_MAPPING)
    mapping = Mapping.from_yaml(mapping_text)
    if mapping.missing:
        detail = f"{mapping_path.name} has no column and no constant for {', '.join(mapping.missing)}."
        raise ConfigurationError(Code.UNKNOWN_COLUMN, detail)
    return Described(name, says, mapping, (*stamp, *mapping_stamp))


def is_deleted(row: Row, column: str | None) -> bool:
    """Return whether a row says that its record is gone."""
    return column is not None and row.values.get(column, "").strip().casefold() not in _FALSE


def _read(path: Path, most: int) -> tuple[str, tuple[int, ...]]:
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
        found = path.stat()
        if len(raw) > most:
            raise _wrong(path.name, f"{path.name} is too large.")
        return raw.decode(), (found.st_mtime_ns, found.st_size, found.st_ino)
    except (OSError, UnicodeDecodeError):
        raise _wrong(path.name, f"{path.name} is not there, or cannot be read.") from None


def _issues(error: Exception) -> list[Issue]:
    if not isinstance(error, ValidationError):
        return []
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Issue(".".join(map(str, one["loc"]))[:200], one["type"], one["msg"][:200]) for one in found]


def _wrong(name: str, detail: str, issues: list[Issue] | None = None) -> ConfigurationError:
    return ConfigurationError(
        Code.SETTINGS_INVALID, detail, hint=f"Try it: `sluis agency connectors try {name}`.", issues=issues or []
    )
