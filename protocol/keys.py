# SPDX-License-Identifier: EUPL-1.2
"""The kinds of match key, their tiers, how selective each is, and what an agreement of kinds is worth.

Broker and client read the same table, so that what the broker tells and what a person reads about it are one rule.
Spec: ``spec/normalise.md``. Not here: how a record becomes keys (``normalise.py``) and who may be told (the covenant).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocol.chances import (
    BIRTH_DATE,
    DAY,
    DETERMINED,
    EITHER_WAY,
    GIVEN,
    GIVEN_SOUND,
    HALVES,
    HOUSEHOLD,
    INITIAL,
    MONTH,
    MONTH_DAY,
    NUMBER,
    ONE_SOUND,
    PLATE,
    POPULATION,
    RE_ISSUED,
    STREET,
    SURNAME,
    SURNAME_SOUND,
    TOGETHER,
    YEAR,
)
from protocol.errors import Code, ConfigurationError, Issue
from protocol.ids import KeyKind
from protocol.messages import Quality, Role


class Tier(StrEnum):
    """What one agreeing key of a kind can carry."""

    IDENTIFIER = "identifier"
    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"
    FACTOR = "factor"


STRANGERS: Final[Mapping[Tier, float]] = MappingProxyType(
    {
        Tier.IDENTIFIER: 1.0,
        Tier.STRONG: 0.1,
        Tier.MEDIUM: 0.5,
        Tier.WEAK: 10.0,
        Tier.FACTOR: 10.0,
    }
)
"""The most strangers (u*N) that may be expected to share a key of the tier: fewer than this. For strong and medium this
keeps false hits rare at a national scale. An identifier is one person's but for shared and re-issued numbers. Weak and
factor never count alone; ten people is a household or a small building, so that a postcode (37 people) is refused."""


@dataclass(frozen=True, slots=True)
class MatchKey:
    """One thing that two records can agree on. Equal keys of different agencies become equal pseudonyms."""

    kind: KeyKind
    tier: Tier
    role: Role
    normal_form: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KindRule:
    """A kind's tier, what agrees in plain words, and ``u``: the chance that two unrelated people agree, and why."""

    kind: KeyKind
    tier: Tier
    nl: str
    en: str
    u: float
    reason: str
    tells_twins_apart: bool = True
    """Whether an agreement says for sure something about the given name beyond its first letter."""
    beside: float = 1.0
    """Of a factor: the chance that its part which is neither name nor birth date agrees."""


def _identifier(kind: str, nl: str, en: str, u: float, reason: str) -> KindRule:
    return KindRule(KeyKind(kind), Tier.IDENTIFIER, nl, en, u, reason)


def _person(tier: Tier, kind: str, nl: str, en: str, u: float, *, given: bool = True, reason: str = "") -> KindRule:
    u = u * TOGETHER
    return KindRule(
        KeyKind(kind), tier, nl, en, u, reason or "product of its parts, times 2 for their dependence", given
    )


def _factor(kind: str, nl: str, en: str, beside: float, reason: str, birth_date: float = 1.0) -> KindRule:
    return KindRule(KeyKind(kind), Tier.FACTOR, nl, en, beside * birth_date, reason, False, beside)


_RULES: Final = (
    _identifier("bsn", "burgerservicenummer", "BSN", DETERMINED, "one person each; digits checked"),
    _identifier("v-number", "V-nummer (vreemdelingennummer)", "aliens number", DETERMINED, "one person each"),
    _identifier("skn", "strafrechtketennummer", "criminal justice number", DETERMINED, "one person each"),
    _identifier("phone", "telefoonnummer", "phone number", RE_ISSUED, "re-issued after months; shared at home"),
    _identifier("iban", "bankrekening", "bank account", DETERMINED, "rarely re-issued; at most two holders"),
    _identifier("email", "e-mailadres", "e-mail address", RE_ISSUED, "sometimes re-issued or shared"),
    _identifier("handle", "online account", "online account", RE_ISSUED, "unique on its platform; can be taken over"),
    _identifier("advert", "advertentie", "advertisement", DETERMINED, "unique on its site"),
    _identifier("document", "documentnummer", "document number", DETERMINED, "unique within its kind"),
    # Strong: one agrees -> probable.
    _person(Tier.STRONG, "name-dob", "naam en geboortedatum", "name and birth date", GIVEN * SURNAME * BIRTH_DATE),
    _person(
        Tier.STRONG,
        "name-dob-swapped",
        "naam en geboortedatum (dag en maand verwisseld)",
        "name and birth date (day and month swapped)",
        GIVEN * SURNAME * BIRTH_DATE * EITHER_WAY,
    ),
    _person(
        Tier.STRONG,
        "sound-dob",
        "naam (op klank) en geboortedatum",
        "name (by sound) and birth date",
        GIVEN_SOUND * SURNAME_SOUND * BIRTH_DATE * HALVES,
    ),
    _person(
        Tier.STRONG,
        "sound-any-dob",
        "naam (op klank, in willekeurige volgorde) en geboortedatum",
        "name (by sound, in either order) and birth date",
        GIVEN_SOUND * SURNAME_SOUND * BIRTH_DATE * EITHER_WAY,
    ),
    _person(
        Tier.STRONG,
        "sound-year-day",
        "naam (op klank), geboortejaar en -dag",
        "name (by sound), year and day of birth",
        GIVEN_SOUND * SURNAME_SOUND * YEAR * DAY,
    ),
    _person(
        Tier.STRONG,
        "sound-year-month",
        "naam (op klank), geboortejaar en -maand",
        "name (by sound), year and month of birth",
        GIVEN_SOUND * SURNAME_SOUND * YEAR * MONTH,
    ),
    _person(
        Tier.STRONG,
        "initial-sound-dob",
        "voorletter, achternaam (op klank) en geboortedatum",
        "initial, surname (by sound) and birth date",
        INITIAL * SURNAME_SOUND * BIRTH_DATE,
        given=False,
        reason="product of its parts, times 2; unrelated people only: twins share it",
    ),
    # Medium: two different ones, or one and a factor -> possible.
    _person(
        Tier.MEDIUM,
        "sound-month-day",
        "naam (op klank), geboortemaand en -dag",
        "name (by sound), month and day of birth",
        GIVEN_SOUND * SURNAME_SOUND * MONTH_DAY,
    ),
    _person(
        Tier.MEDIUM,
        "sound-initial-dob",
        "voornaam (op klank), eerste letter van de achternaam en geboortedatum",
        "given name (by sound), first letter of the surname and birth date",
        GIVEN_SOUND * INITIAL * BIRTH_DATE,
    ),
    _person(Tier.MEDIUM, "name-year", "naam en geboortejaar", "name and year of birth", GIVEN * SURNAME * YEAR),
    _person(
        Tier.MEDIUM,
        "sound-address",
        "naam (op klank, in willekeurige volgorde), postcode en huisnummer",
        "name (by sound, in either order), postcode and house number",
        GIVEN_SOUND * SURNAME_SOUND * HOUSEHOLD * EITHER_WAY,
        reason="product of its parts, times 2; medium although u is strong, since fathers and sons share it",
    ),
    # Weak: only with an agreeing factor -> possible.
    _person(
        Tier.WEAK,
        "one-sound-dob",
        "voor- of achternaam (op klank) en geboortedatum",
        "given name or surname (by sound) and birth date",
        ONE_SOUND * BIRTH_DATE,
        given=False,
        reason="product of its parts, times 2; either name, so that swapped names with an error still meet",
    ),
    _person(
        Tier.WEAK,
        "initials-dob",
        "voorletters en geboortedatum",
        "initials and birth date",
        INITIAL * INITIAL * BIRTH_DATE,
        given=False,
    ),
    # Factors: add something that is neither name nor birth date.
    _factor("address", "postcode en huisnummer", "postcode and house number", HOUSEHOLD, "names a household"),
    _factor(
        "dob-postcode",
        "geboortedatum en postcode",
        "birth date and postcode",
        STREET,
        "with the birth date it names one or two people; a postcode alone would name a street",
        BIRTH_DATE,
    ),
    _factor(
        "dob-number",
        "geboortedatum en huisnummer",
        "birth date and house number",
        NUMBER,
        "with the birth date; a house number alone is no key at all",
        BIRTH_DATE,
    ),
    _factor("vehicle", "kenteken", "licence plate", PLATE, "one vehicle; its keeper, family and later owners share it"),
)

KINDS: Final[Mapping[KeyKind, KindRule]] = MappingProxyType({rule.kind: rule for rule in _RULES})
"""Every kind there is, from the most to the least telling."""


def tier_of(kind: KeyKind) -> Tier:
    """Return the tier of a kind that is in the table; ``KeyError`` for another."""
    return KINDS[kind].tier


def opens_parts(kind: KeyKind) -> bool:
    """Return whether a key of this kind carries wraps; ``KeyError`` for a kind that is not in the table.

    A factor never makes a hit alone, so it must not open anything alone either: who knows a postcode would need only a
    broker that gives out a wrap it should not.
    """
    return tier_of(kind) is not Tier.FACTOR


def check_selectivity(population: int, rules: Iterable[KindRule] = _RULES) -> None:
    """Refuse kinds by which more strangers agree, in this population, than their tier allows.

    Raises ``ConfigurationError`` (``covenant_invalid``) with one issue a kind.
    """
    issues = [
        Issue(
            rule.kind, "not-selective", f"{rule.u * population:.2g} strangers, tier {rule.tier} allows fewer than {top}"
        )
        for rule in rules
        if rule.u * population >= (top := STRANGERS[rule.tier])
    ]
    if issues:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "Kinds of match key do not tell enough people apart for their tier in this population.",
            hint="Move the kind to a weaker tier, or make it of more parts.",
            issues=issues,
        )


def quality_of(kinds: Iterable[KeyKind]) -> Quality | None:
    """Return what it is worth that one person of each record agrees on these kinds, or None when it is no hit.

    All kinds must be agreements between the *same* two people: a name of the subject and an address of an associate do
    not add up. A medium kind with a factor is *possible* as well: each medium kind is more selective than any weak one.
    A kind that is not in the table counts for nothing.
    """
    agreed = _known(kinds)
    tiers = {rule.tier for rule in agreed}
    if Tier.IDENTIFIER in tiers:
        return "hit"
    if Tier.STRONG in tiers:
        return "probable"
    if Tier.FACTOR in tiers and (Tier.MEDIUM in tiers or Tier.WEAK in tiers):
        return "possible"
    if sum(rule.tier is Tier.MEDIUM for rule in agreed) >= 2:
        return "possible"
    return None


def could_be_twins(kinds: Iterable[KeyKind]) -> bool:
    """Return whether nothing that agrees tells twins apart; surname, birth date, initial and address do not."""
    agreed = _known(kinds)
    return bool(agreed) and not any(rule.tells_twins_apart for rule in agreed)


def expected_strangers(kinds: Iterable[KeyKind], population: int = POPULATION) -> float:
    """Return how many strangers among ``population`` people would agree on as much: the false hits of one query.

    An upper bound. Only the most selective kind counts, times what a factor adds beside name and birth date: kinds are
    made of the same parts, so their chances do not multiply.
    """
    agreed = _known(kinds)
    alone = min((rule.u for rule in agreed if rule.tier is not Tier.FACTOR), default=1.0)
    added = min((rule.beside for rule in agreed), default=1.0)
    return alone * added * population


def _known(kinds: Iterable[KeyKind]) -> frozenset[KindRule]:
    return frozenset(KINDS[kind] for kind in kinds if kind in KINDS)
