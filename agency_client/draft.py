# SPDX-License-Identifier: EUPL-1.2
"""What a signal will be, before any key-holder is asked: match keys in plain text, and the parts to seal.

The most sensitive value that the client makes; it exists in memory and, sealed, in the vault. Its bytes are canonical,
so that an unchanged record gives the same bytes. Not here: where records come from (``source.py``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, cast

from protocol.encoding import Json, canonical_json
from protocol.errors import Code, InputError
from protocol.ids import KeyKind
from protocol.messages import MAX_KEYS, PartName, Role

MAX_PART_TEXT: Final = 16_384
"""Bytes of a part before sealing: a contact or a short note. A quarter of what the wire allows."""

InformedStatus = Literal["informed", "deferred", "not-required"]


@dataclass(frozen=True, slots=True)
class DraftKey:
    """One match key: an identifier in its normal form, and whose it is."""

    kind: KeyKind
    role: Role
    normal_form: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A record on its way to becoming a signal. Raises ``InputError`` when it could never be sent."""

    reference: str = field(repr=False)
    case_reference: str = field(repr=False)
    grounds: tuple[str, ...]
    basis: str
    keys: tuple[DraftKey, ...]
    parts: Mapping[PartName, Mapping[str, str]] = field(default_factory=dict, repr=False)
    urgency: Literal["normal", "urgent"] = "normal"
    informed: InformedStatus = "not-required"
    review_on: date | None = None

    def __post_init__(self) -> None:
        if not self.keys:
            raise InputError(
                Code.INVALID_IDENTIFIER,
                "Nothing in this record can be compared with other agencies.",
                hint="Give at least an identifier, or a name with a birth date.",
            )
        if len(self.keys) > MAX_KEYS:
            raise InputError(
                Code.TOO_LARGE,
                f"The record makes {len(self.keys)} match keys; {MAX_KEYS} is the most.",
                hint="Split it.",
            )
        if any(len(self.part_bytes(name)) > MAX_PART_TEXT for name in self.parts):
            raise InputError(
                Code.TOO_LARGE, "The contact or the note is too long.", hint="Say it in 16,000 characters."
            )

    def part_bytes(self, name: PartName) -> bytes:
        """Return a part as the bytes that are sealed."""
        return canonical_json(cast("dict[str, Json]", dict(self.parts[name])))

    def to_bytes(self) -> bytes:
        """Return canonical bytes: equal drafts give equal bytes."""
        return canonical_json(
            {
                "reference": self.reference,
                "caseReference": self.case_reference,
                "grounds": list(self.grounds),
                "basis": self.basis,
                "keys": [[key.kind, key.role, key.normal_form] for key in self.keys],
                "parts": {name: cast("Json", dict(fields)) for name, fields in self.parts.items()},
                "urgency": self.urgency,
                "informed": self.informed,
                "reviewOn": None if self.review_on is None else self.review_on.isoformat(),
            }
        )

    @staticmethod
    def from_bytes(raw: bytes) -> "Draft":
        """Read what ``to_bytes`` wrote; only for bytes from our own vault."""
        found = json.loads(raw)
        return Draft(
            found["reference"],
            found["caseReference"],
            tuple(found["grounds"]),
            found["basis"],
            tuple(DraftKey(KeyKind(kind), role, form) for kind, role, form in found["keys"]),
            found["parts"],
            found["urgency"],
            found["informed"],
            None if found["reviewOn"] is None else date.fromisoformat(found["reviewOn"]),
        )


def part_fields(raw: bytes) -> dict[str, str]:
    """Read an opened part of another agency: a flat object of short texts, or nothing.

    Raises ``InputError`` (``malformed``); the sender is known by then, but what it wrote is still checked.
    """
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise InputError(Code.MALFORMED, "The released part is not readable.") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InputError(Code.MALFORMED, "The released part is not a list of texts.")
    return found
