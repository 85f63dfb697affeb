# SPDX-License-Identifier: EUPL-1.2
"""What agrees between two people, in plain families, and how sure it is that they are one.

Many kinds of match key are made of the same name and birth date; a person reads each such family once, by its strongest
kind. Not here: the sentence of a hit (``wording.py``), and the kinds with their chances (``protocol/keys.py``). Spec:
``protocol/spec/normalise.md``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final, Literal

from edge.languages import Lang, Pair, say
from protocol.ids import KeyKind
from protocol.keys import KINDS, Tier, could_be_twins


def _kinds(*names: str) -> tuple[KeyKind, ...]:
    return tuple(KeyKind(name) for name in names)


OWN_NUMBERS: Final = _kinds("bsn", "v-number", "skn", "document")
"""What is issued to one person."""
_CONTACTS: Final = _kinds("phone", "iban", "email", "handle", "advert")
_PLACES: Final = _kinds("address", "dob-postcode", "dob-number")
_NAME_AT_ADDRESS: Final = KeyKind("sound-address")
_NAMES: Final = tuple(
    kind for kind, rule in KINDS.items() if rule.tier not in (Tier.IDENTIFIER, Tier.FACTOR) and kind != _NAME_AT_ADDRESS
)
"""Kinds made of nothing but name and birth date."""
_WITH_PLACE: Final = (_NAME_AT_ADDRESS, *_kinds("dob-postcode", "dob-number"))
"""Kinds that are made of a name or birth date and of a place as well."""
_SHARED: Final[dict[KeyKind, Pair]] = {
    KeyKind(kind): words
    for kind, words in {
        "phone": ("een telefoonnummer", "a phone"),
        "iban": ("een bankrekening", "a bank account"),
        "email": ("een e-mailadres", "an e-mail address"),
        "handle": ("een online account", "an online account"),
        "advert": ("een advertentie", "an advertisement"),
        "address": ("een adres", "an address"),
        "vehicle": ("een auto", "a car"),
    }.items()
}
"""What people of one household or business can share."""
_NAME_BY_SOUND: Final[Pair] = ("naam (op klank)", "name (by sound)")
_ADDRESS: Final[Pair] = ("adres", "address")
_BORN_AND: Final[Pair] = ("geboortedatum en ", "birth date and ")
_PARTLY_BORN: Final[Pair] = (
    "naam (op klank) en een deel van de geboortedatum",
    "name (by sound) and part of the birth date",
)
_PLAINER: Final[dict[KeyKind, Pair]] = {
    KeyKind(kind): words
    for kind, words in {
        "sound-any-dob": ("naam (op klank) en geboortedatum", "name (by sound) and birth date"),
        "sound-year-day": _PARTLY_BORN,
        "sound-year-month": _PARTLY_BORN,
        "sound-month-day": _PARTLY_BORN,
    }.items()
}
"""Shorter than the table's own words, which tell kinds apart that mean the same to who reads a hit."""
_VERY_UNLIKELY: Final = 1e-4
"""Strangers a question below which only the bound is told: no figure of the table supports a finer one."""
_UNLIKELY: Final = 1e-2
_MAY_WELL: Final = 1e-1


def families(kinds: Iterable[KeyKind], lang: Lang = "en") -> list[str]:
    """Return what agrees in plain words, each family once and by its strongest kind, the most telling first."""
    agreed = frozenset(kinds)
    found = [_named(kind, lang) for kind in (*OWN_NUMBERS, *_CONTACTS) if kind in agreed]
    name = next((kind for kind in _NAMES if kind in agreed), None)
    if name is not None:
        found.append(say(_PLAINER[name], lang) if name in _PLAINER else _named(name, lang))
    elif _NAME_AT_ADDRESS in agreed:
        found.append(say(_NAME_BY_SOUND, lang))
    if agreed & {_PLACES[0], _NAME_AT_ADDRESS}:
        found.append(say(_ADDRESS, lang))
    elif place := next((kind for kind in _PLACES if kind in agreed), None):
        # Beside a named birth date only the place is new.
        words = _named(place, lang)
        found.append(words if name is None else words.removeprefix(say(_BORN_AND, lang)))
    if (vehicle := KeyKind("vehicle")) in agreed:
        found.append(_named(vehicle, lang))
    return found + sorted(agreed - set(KINDS))


def unmet(mine: Iterable[KeyKind], kinds: Iterable[KeyKind], lang: Lang = "en") -> list[str]:
    """Return what we gave of which nothing agrees, in plain words: the other side has it otherwise, or not at all."""
    agreed = frozenset(kinds)
    met = {kind for family in _FAMILIES if agreed & family for kind in family}
    return families(frozenset(mine) - met, lang)


def _named(kind: KeyKind, lang: Lang) -> str:
    return say((KINDS[kind].nl, KINDS[kind].en), lang)


def strangers(kinds: Iterable[KeyKind], population: int) -> float:
    """Return how many unrelated people among ``population`` are expected to agree on *all* of these kinds at once.

    The chances of independent families multiply; within a family they do not, since its kinds are made of the same
    fields, so that only its most selective kind counts. The families are

    * *own number*: BSN, V-number, criminal justice number, document. A wrong one comes with the others;
    * *name and birth date*: all kinds made of them;
    * *shared*: phone, account, address, car, ... all that one household has in common. Of a kind that is bound to the
      birth date, only the part beside it (``KindRule.beside``), for the birth date counts already.

    A kind that is made of name or birth date *and* place stands for two families by itself, and is not multiplied with
    either; the smaller of both ways is taken, for each is a bound. An absent family has chance 1, an unknown kind too.

        chance = own * min(name * shared, with place); expected = chance * population

    It counts strangers only. Who lives with the person, a twin above all, shares more than chance; that is said in
    words. It is of questions and not of hits: how many hits are wrong depends on how many are right as well.
    """
    agreed = frozenset(kinds)
    own = _least(KINDS[kind].u for kind in OWN_NUMBERS if kind in agreed)
    name = _least(KINDS[kind].u for kind in _NAMES if kind in agreed)
    contact = _least(KINDS[kind].u for kind in _CONTACTS if kind in agreed)
    place = _least(KINDS[kind].beside for kind in (*_PLACES, KeyKind("vehicle")) if kind in agreed)
    with_place = _least(KINDS[kind].u for kind in _WITH_PLACE if kind in agreed)
    return own * min(name * min(contact, place), with_place) * population


_FAMILIES: Final = (
    *(frozenset((kind,)) for kind in (*OWN_NUMBERS, *_CONTACTS, KeyKind("vehicle"))),
    frozenset((*_NAMES, _NAME_AT_ADDRESS)),
    frozenset((*_PLACES, _NAME_AT_ADDRESS)),
)
"""What is one thing to a person, however many kinds of key are made of it."""


def _least(chances: Iterable[float]) -> float:
    return min(chances, default=1.0)


def twins_agree(kinds: Iterable[KeyKind]) -> bool:
    """Return whether twins of one household could agree as much: they share its phone too."""
    return could_be_twins(kind for kind in kinds if kind not in _SHARED)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How sure it is that the two are one person, before words."""

    rests_on: Literal["own-number", "shared", "unknown", "chance"]
    shared: tuple[KeyKind, ...] = ()
    """What can be shared, when nothing else agrees."""
    expected: float = 1.0
    """Of ``chance``: how many strangers a question finds."""
    stranger: bool = False
    """Whether only strangers are unlikely: a twin would agree as much."""
    relatives: bool = False
    """Whether relatives of one name at one address would."""

    @property
    def odds(self) -> Literal["very-unlikely", "unlikely", "may", "may-well"]:
        """How likely it is that they are two people."""
        if self.expected < _VERY_UNLIKELY:
            return "very-unlikely"
        if self.expected < _UNLIKELY:
            return "unlikely"
        return "may-well" if self.expected >= _MAY_WELL else "may"


BOUND: Final = round(1 / _VERY_UNLIKELY)
"""Of ``very-unlikely``: fewer than 1 in so many questions."""


def judged(kinds: Collection[KeyKind], population: int, *, one_person: bool) -> Judgement:
    """Return how sure it is that the two are one person.

    ``one_person`` says that all kinds agree between the same two people. Several associates of a record are not told
    apart, so that of those only the most telling kind counts.
    """
    own = [kind for kind in OWN_NUMBERS if kind in kinds]
    personal = [kind for kind in (*_NAMES, *_WITH_PLACE) if kind in kinds]
    if own and not (personal and one_person):
        return Judgement("own-number")
    if not personal:
        shared = tuple(kind for kind in _SHARED if kind in kinds)
        return Judgement("shared", shared) if shared else Judgement("unknown")
    expected = strangers(kinds, population) if one_person else min(strangers([kind], population) for kind in personal)
    if not own and not any(kind in kinds for kind in _NAMES) and _NAME_AT_ADDRESS in kinds:
        return Judgement("chance", (), expected, stranger=True, relatives=True)
    return Judgement("chance", (), expected, stranger=twins_agree(kinds))


def shared_words(kinds: Iterable[KeyKind], lang: Lang) -> str:
    """Return what can be shared as it begins a sentence."""
    return _capital(joined([say(_SHARED[kind], lang) for kind in kinds], lang))


def sureness(kinds: Collection[KeyKind], population: int, *, one_person: bool) -> str:
    """Return in words how sure it is that the two are one person; a number only beside the words that it supports."""
    found = judged(kinds, population, one_person=one_person)
    if found.rests_on == "own-number":
        return "It is one person's own number that agrees; only a mistake in writing it down makes this somebody else."
    if found.rests_on == "shared":
        return f"{shared_words(found.shared, 'en')} can be shared."
    if found.rests_on == "unknown":
        return "How sure this is, is not known."
    told = _odds("a stranger" if found.stranger else "somebody else", found)
    return f"{told} Relatives of one name at one address agree as well." if found.relatives else told


def _odds(who: str, found: Judgement) -> str:
    if found.odds == "very-unlikely":
        return f"That this is {who} is very unlikely (fewer than 1 in {BOUND:,} questions would find a stranger)."
    beside = f"(about 1 in {one_in(found.expected):,} questions would find a stranger)"
    if found.odds == "unlikely":
        return f"That this is {who} is unlikely {beside}."
    return f"This may{' well' if found.odds == 'may-well' else ''} be {who} {beside}."


def one_in(expected: float) -> int:
    """Return n of "1 in n": two figures, since the chances are no finer, and rounded to the less sure side."""
    n = max(1, floor(1 / expected))
    unit = int(10 ** max(0, floor(log10(n)) - 1))
    return n // unit * unit


def joined(names: Sequence[str], lang: Lang = "en") -> str:
    """Return a list as people write it; with a comma before the last when a name has an "and" of its own."""
    if len(names) < 2:
        return "".join(names)
    last = say(("en", "and"), lang)
    comma = "," if any(f" {last} " in name for name in names) else ""
    return f"{', '.join(names[:-1])}{comma} {last} {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
