# SPDX-License-Identifier: EUPL-1.2
"""What a hit or an answer released, in the order in which people need it: danger, whom to call, the rest.

Other agencies' texts are shown as plain text, whatever is in them. Not here: opening it (``agency_client/acts.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agency_client.console.languages import N_, Speech
from agency_client.safety import SAFETY_LABELS, field_key
from edge.problems import plain
from protocol.messages import PartName

_CONTACT: Final[Mapping[str, str]] = {
    "organisation": N_("Organisation"),
    "unit": N_("Organisation or unit"),
    "name": N_("Name"),
    "function": N_("Function"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "when": N_("When to call"),
    "reference": N_("Their reference"),
}
"""In the order in which somebody who wants to call needs them."""
_SAFETY: Final[Mapping[str, str]] = {
    "danger": N_("Danger"),
    "danger-flags": N_("Danger"),
    "gevaar": N_("Danger"),
    "safety": N_("Safety"),
    "veiligheid": N_("Safety"),
    "contact-preference": N_("How to make contact"),
    "contact-preferences": N_("How to make contact"),
    "contactvoorkeur": N_("How to make contact"),
}
_DIALLED: Final = frozenset("+0123456789 -()")
"""Characters of which a telephone number is made that may become a link."""


@dataclass(frozen=True, slots=True)
class Line:
    """One field: its label, and what it says in lines of plain text."""

    label: str
    lines: tuple[str, ...] = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    """What to dial, when all of it is a number."""


@dataclass(frozen=True, slots=True)
class Released:
    """What was released."""

    danger: tuple[Line, ...] = ()
    contact: tuple[Line, ...] = ()
    facts: tuple[Line, ...] = ()


def released_of(parts: Mapping[PartName, Mapping[str, str]], speech: Speech) -> Released:
    """Return opened parts in the order in which people need them; what is dangerous comes out of every part."""
    pairs = {name: list(fields.items()) for name, fields in parts.items()}
    every = [pair for name in ("content", "contact") for pair in pairs.get(name, [])]
    return Released(
        danger_of(dict(every), speech),
        fields_of(dict(pairs.get("contact", [])), speech),
        fields_of(dict(pairs.get("content", [])), speech),
    )


def danger_of(fields: Mapping[str, str], speech: Speech) -> tuple[Line, ...]:
    """Return what somebody must read before calling."""
    return _lines(((name, text) for name, text in fields.items() if field_key(name) in SAFETY_LABELS), _SAFETY, speech)


def fields_of(fields: Mapping[str, str], speech: Speech) -> tuple[Line, ...]:
    """Return all other fields; those without a label come last, under their own name."""
    return _lines(
        ((name, text) for name, text in fields.items() if field_key(name) not in SAFETY_LABELS), _CONTACT, speech
    )


def text_lines(text: str) -> tuple[str, ...]:
    """Return another party's text as lines that are safe to show."""
    return tuple(plain(line) for line in text.splitlines() if line.strip())


def _lines(fields: Iterable[tuple[str, str]], labels: Mapping[str, str], speech: Speech) -> tuple[Line, ...]:
    order = list(labels)
    named = sorted(fields, key=lambda one: order.index(key) if (key := field_key(one[0])) in labels else len(order))
    return tuple(
        Line(_label(name, labels, speech), text_lines(text), _dialled(name, text))
        for name, text in named
        if text.strip()
    )


def _label(name: str, labels: Mapping[str, str], speech: Speech) -> str:
    if (known := labels.get(field_key(name))) is not None:
        return speech.gettext(known)
    own = plain(name).replace("-", " ").replace("_", " ")
    return own[:1].upper() + own[1:]


def _dialled(name: str, text: str) -> str | None:
    number = text.strip()
    if field_key(name) != "phone" or not number or not set(number) <= _DIALLED or len(number) > 25:
        return None
    return "".join(letter for letter in number if letter in "+0123456789")
