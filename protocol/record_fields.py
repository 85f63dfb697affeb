# SPDX-License-Identifier: EUPL-1.2
"""What a field of a log record can hold: closed kinds of value, each with one JSON form.

There is no kind for a signal id, a hit id, a tag or its digest, so a record cannot carry a subject's identifier by
mistake: those stand in the erasable part (``events.Subject``). Spec: ``spec/events.md``.
Not here: which fields an event has.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic.alias_generators import to_camel

from protocol.encoding import Json, format_time, parse_time
from protocol.errors import Code, InputError
from protocol.messages import MAX_HOLDERS, MAX_TEXT, ErasureGround, Level, Quality
from protocol.questions import LogPurpose, Scope

MAX_ITEMS: Final = 256
"""Items of a list: a notice names at most 4 × 64 kinds (``messages.MAX_KEYS``)."""
MAX_NUMBER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of field value: its name in the spec, and both directions. Both raise ``InputError`` for anything else."""

    name: str
    write: Callable[[Any], Json]
    read: Callable[[Json], Any]


def _refuse(name: str) -> InputError:
    return InputError(Code.MALFORMED, f"A field of the event is not {name}.")


def text_kind(name: str, pattern: str) -> Kind:
    """Return a kind of text that matches the whole pattern."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise _refuse(name)
        return value

    return Kind(name, check, check)


def _number_kind(name: str, low: int, high: int) -> Kind:
    def check(value: object) -> int:
        # True is an int to Python, and 1.0 has the same canonical JSON as 1.
        if type(value) is not int or not low <= value <= high:
            raise _refuse(name)
        return value

    return Kind(name, check, check)


def choice_kind(name: str, *choices: str) -> Kind:
    """Return a kind of text that is one of these."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise _refuse(name)
        return value

    return Kind(name, check, check)


def list_of(kind: Kind, *, low: int = 1, high: int = MAX_ITEMS) -> Kind:
    """Return the kind of a list of ``low`` to ``high`` values of this kind, a tuple in Python."""
    name = f"list of {kind.name}"

    def write(value: object) -> Json:
        if not isinstance(value, tuple) or not low <= len(value) <= high:
            raise _refuse(name)
        return [kind.write(item) for item in value]

    def read(value: Json) -> tuple[Any, ...]:
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise _refuse(name)
        return tuple(kind.read(item) for item in value)

    return Kind(name, write, read)


def _write_time(value: object) -> Json:
    if not isinstance(value, datetime) or value.tzinfo is None or value.microsecond % 1000:
        raise _refuse("time in whole milliseconds")
    return format_time(value)


def _read_time(value: Json) -> datetime:
    if not isinstance(value, str):
        raise _refuse("time")
    return parse_time(value)


TIME: Final = Kind("time", _write_time, _read_time)
SLUG: Final = text_kind("slug", r"[a-z][a-z0-9-]{1,62}")
CODE: Final = text_kind("code", r"[A-Za-z][A-Za-z0-9._:-]{0,63}")
KIND: Final = text_kind("match-key kind", r"[a-z][a-z0-9-]{1,30}")
KEY_ID: Final = text_kind("key id", r"[a-z][a-z0-9-]{1,62}:[0-9]{1,4}")
REFERENCE: Final = text_kind("reference", r"[A-Za-z0-9._:~-]{1,128}")
RULE: Final = text_kind("rule", r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
VERSION: Final = text_kind("version", r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
TEXT: Final = text_kind("text", rf"[^\ud800-\udfff]{{1,{MAX_TEXT}}}")
CASE: Final = text_kind("case reference", r"[^\ud800-\udfff]{1,100}")
SHA256: Final = text_kind("SHA-256 in hex", r"[0-9a-f]{64}")
TRACE: Final = text_kind("trace id", r"[0-9a-f]{32}")
SPAN: Final = text_kind("span id", r"[0-9a-f]{16}")
EPOCH: Final = _number_kind("epoch", 0, 2**32 - 1)
HOLDER: Final = _number_kind("key-holder index", 1, MAX_HOLDERS)
COUNT: Final = _number_kind("count", 1, MAX_NUMBER)
DECISION: Final = choice_kind("decision", "allow", "deny")
URGENCY: Final = choice_kind("urgency", "normal", "urgent")
LEVEL: Final = choice_kind("level", *cast(tuple[str, ...], get_args(Level)))
QUALITY: Final = choice_kind("quality", *cast(tuple[str, ...], get_args(Quality)))
NOTICE_TYPE: Final = choice_kind(
    "notice type",
    *("hit", "withdrawn", "muted", "queried", "overdue"),
    *("late", "doubted", "disclosure"),
    *("restricted", "lifted", "acknowledged"),
)
DECIDED: Final = choice_kind("decided", "approved", "granted", "refused")
CHANGE: Final = choice_kind("change", "withdrawn", "restricted")
YES_OR_NO: Final = choice_kind("yes or no", "yes", "no")
FOLLOW_UP: Final = choice_kind("follow-up step", "acknowledged", "contacted", "closed")
NUMBER: Final = _number_kind("number", 0, MAX_NUMBER)
MAX_DAYS: Final = 36_600
"""A century: whatever is further away is recorded as this."""
DAYS: Final = _number_kind("days", -MAX_DAYS, MAX_DAYS)
INFORMED: Final = choice_kind("informed", "informed", "deferred", "not-required")
MONTH: Final = text_kind("month", r"[0-9]{4}-(0[1-9]|1[0-2])")
SCOPE: Final = choice_kind("scope", *cast(tuple[str, ...], get_args(Scope)))
LOG_PURPOSE: Final = choice_kind("log purpose", *(one for one in get_args(LogPurpose) if one != "none"))
ERASURE_GROUND: Final = choice_kind("erasure ground", *get_args(ErasureGround))
UNUSUAL: Final = choice_kind(
    "unusual use", "burst", "odd-hours", "many-subjects-few-hits", "budget-near-end", "one-person-many-subjects"
)


# --- Classes of annotated fields ------------------------------------------------------------------------------------

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a class: its name in JSON and in Python, what it holds, and its value when it does not apply."""

    name: str
    attribute: str
    kind: Kind
    default: object


_LAYOUTS: dict[type, tuple[Column, ...]] = {}


def layout_of(owner: type) -> tuple[Column, ...]:
    """Return a column for every field of a dataclass that is annotated with a ``Kind``."""
    if owner not in _LAYOUTS:
        hints = get_type_hints(owner, include_extras=True)
        _LAYOUTS[owner] = tuple(
            Column(to_camel(item.name), item.name, hints[item.name].__metadata__[0], item.default)
            for item in fields(owner)
            if get_origin(hints[item.name]) is Annotated
        )
    return _LAYOUTS[owner]


def names_of(owner: type) -> frozenset[str]:
    """Return the JSON names of a class's fields."""
    return frozenset(column.name for column in layout_of(owner))


def write_fields(value: object) -> dict[str, Json]:
    """Return the JSON object of a value's annotated fields. Raises ``InputError`` when one is not of its kind.

    What does not apply is absent, never null or empty: one event has one form.
    """
    written = {}
    for column in layout_of(type(value)):
        held = getattr(value, column.attribute)
        if column.default is MISSING or held != column.default:
            written[column.name] = column.kind.write(held)
    return written


def read_fields(owner: type[T], value: Json, **given: object) -> T:
    """Read what ``write_fields`` writes, and nothing else; ``given`` are the fields without an annotation.

    Raises ``InputError`` (``malformed``).
    """
    if not isinstance(value, dict):
        raise InputError(Code.MALFORMED, "A part of the event is not an object.")
    if not value.keys() <= names_of(owner):
        raise InputError(Code.MALFORMED, "The event has a field that it cannot have.")
    columns = [column for column in layout_of(owner) if column.name in value]
    if any(column.default is MISSING and column.name not in value for column in layout_of(owner)):
        raise InputError(Code.MALFORMED, "The event lacks a field.")
    read = owner(**{column.attribute: column.kind.read(value[column.name]) for column in columns}, **given)
    if write_fields(read) != value:
        raise InputError(Code.MALFORMED, "The event is not in its one form.")
    return read


def group_of(owner: type) -> Kind:
    """Return the kind of a nested object with annotated fields of its own."""
    return Kind(owner.__name__, partial(_write_group, owner), partial(read_fields, owner))


def _write_group(owner: type, value: object) -> Json:
    if not isinstance(value, owner):
        raise _refuse(owner.__name__)
    return write_fields(value)
