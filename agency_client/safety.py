# SPDX-License-Identifier: EUPL-1.2
"""Which fields of a record say what to mind before calling: danger, and how the person wants to be reached.

They are shown first, and travel along with everything that is given about the person (law.md M-4). The guide names
these fields; agencies may write them in Dutch. Not here: showing them (``showing.py``), giving them
(``deciding.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_DANGER: Final = {
    "danger": "Danger",
    "danger-flags": "Danger",
    "gevaar": "Danger",
    "safety": "Safety",
    "veiligheid": "Safety",
}
_CONTACT: Final = {
    "contact-preference": "How to make contact",
    "contact-preferences": "How to make contact",
    "contactvoorkeur": "How to make contact",
}
SAFETY_LABELS: Final[Mapping[str, str]] = {**_DANGER, **_CONTACT}
"""By the field's name, with hyphens and in small letters."""


@dataclass(frozen=True, slots=True)
class Safety:
    """What a record says of danger and of contact, under the record's own names."""

    danger: Mapping[str, str] = field(repr=False)
    contact_preference: Mapping[str, str] = field(repr=False)


def field_key(name: str) -> str:
    """Return a field's name as the labels have it."""
    return name.replace("_", "-").casefold()


def safety_of(fields: Mapping[str, str]) -> Safety:
    """Return what these fields say of danger and of contact."""
    return Safety(
        {name: text for name, text in fields.items() if field_key(name) in _DANGER},
        {name: text for name, text in fields.items() if field_key(name) in _CONTACT},
    )
