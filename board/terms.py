# SPDX-License-Identifier: EUPL-1.2
"""Which settings of a covenant differ between two versions: terms, purposes, vocabulary, parties, what rules say.

All of them: a covenant's whole typed content is compared, so a field that is added tomorrow is compared too.
Not here: what is decided otherwise (``changes.py``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from board.parties import parties_of
from board.wording import SETTINGS
from edge.languages import Lang, say
from protocol.covenant import Covenant
from protocol.encoding import Json
from protocol.messages import Message
from protocol.policy import PolicyEngine

Place: TypeAlias = tuple[str, ...]
"""Where a setting stands: ``("purposes", "victim-protection", "retentionDays")``."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that differs: what it was and is, as short text; ``None`` where it is not there."""

    place: Place
    before: str | None
    after: str | None

    def label(self, lang: Lang) -> str:
        """Return the place in words."""
        return ", ".join(say(SETTINGS[step], lang) if step in SETTINGS else step for step in self.place)

    def sentence(self, lang: Lang) -> str:
        """Return the whole in words."""
        if self.before is None:
            return say((f"{self.label(lang)}: nieuw, {self.after}", f"{self.label(lang)}: new, {self.after}"), lang)
        if self.after is None:
            return say(
                (f"{self.label(lang)}: weg, was {self.before}", f"{self.label(lang)}: gone, was {self.before}"), lang
            )
        return say(
            (
                f"{self.label(lang)}: was {self.before}, is nu {self.after}",
                f"{self.label(lang)}: was {self.before}, is now {self.after}",
            ),
            lang,
        )


def differing_settings(old: PolicyEngine, new: PolicyEngine) -> list[Setting]:
    """Return every setting that differs, in the order of the covenant's parts."""
    before, after = dict(_settings(old)), dict(_settings(new))
    places = list(dict.fromkeys([*before, *after]))
    return [
        Setting(place, before.get(place), after.get(place)) for place in places if before.get(place) != after.get(place)
    ]


def _settings(engine: PolicyEngine) -> Iterator[tuple[Place, str]]:
    covenant = engine.covenant
    yield from _flat(("covenant",), _json(covenant.terms))
    for name, purpose in covenant.purposes.items():
        yield from _flat(("purposes", name), _json(purpose))
    for code, basis in covenant.legal_bases.items():
        yield from _flat(("legal-bases", code), _json(basis))
    for kind, entry in covenant.agency_kinds.items():
        yield from _flat(("agency-kinds", kind), _json(entry))
    if covenant.disclosures is not None:
        yield from _flat(("disclosures",), _json(covenant.disclosures))
    for code, outcome in covenant.outcomes.items():
        yield from _flat(("outcomes", code), _json(outcome))
    for code, reason in covenant.reasons.items():
        yield from _flat(("reasons", code), _json(reason))
    yield from _parties(covenant)
    for rule in engine.rules.values():
        for field in ("says", "legal_basis", "owner", "review_by"):
            yield ("rule", rule.id, field), str(getattr(rule, field))
        body = engine.body_of(rule.id)
        assert isinstance(body, dict)  # noqa: S101 so is every policy in Cedar's JSON form
        yield (
            ("rule", rule.id, "Cedar"),
            json.dumps({name: body[name] for name in sorted(body) if name != "annotations"}),
        )
    for path, text in covenant.policy_files.items():
        if path.endswith("schema"):
            yield (path,), text


def _parties(covenant: Covenant) -> Iterator[tuple[Place, str]]:
    parties = parties_of(covenant)
    for agency in parties.agencies:
        yield from _flat(("parties", agency.id), _json(agency))
    for holder in parties.key_holders:
        yield from _flat(("parties", holder.id), _json(holder))
    for name, part in (("broker", parties.broker), ("log", parties.log)):
        if part is not None:
            yield from _flat(("parties", name), _json(part))


def _json(message: Message) -> Json:
    value: Json = json.loads(message.to_json())
    return value


def _flat(place: Place, value: Json) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat((*place, name), inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield place, "; ".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value)
    elif value is not None:
        yield place, value if isinstance(value, str) else json.dumps(value)
