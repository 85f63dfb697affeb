# SPDX-License-Identifier: EUPL-1.2
"""A record's people -> match keys, the same at every agency.

Bad values are refused one by one, each with its place, a reason and a hint, and never repeated in a text; the good ones
still make keys. Spec: ``spec/normalise.md``. Not here: the forms themselves (``identifiers.py``, ``handles.py``,
``names.py``, ``birthdates.py``, ``phonetic.py``), tiers and their reasons (``keys.py``), and any cryptography.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from protocol import handles, identifiers
from protocol.birthdates import BirthDate, parse_birth_date
from protocol.errors import Code, InputError, Issue
from protocol.identifiers import UnusableError
from protocol.ids import KeyKind
from protocol.keys import KINDS, MatchKey, Tier
from protocol.messages import MAX_KEYS, Role
from protocol.names import GivenName, Surname, fold_initial, parse_given, parse_surname
from protocol.phonetic import sound_of

MAX_VALUES: Final = 20
"""Phone numbers, accounts ... of one kind for one person; more is a phone book, not a person."""
MAX_ASSOCIATES: Final = 8
"""People around the subject: an identifier and seven strong keys of each still fit beside the subject's."""
_ORDER: Final = {tier: place for place, tier in enumerate(Tier)}
_ASSOCIATE_TIERS: Final = frozenset({Tier.IDENTIFIER, Tier.STRONG})
"""Only what counts alone: two keys that count together could be of two different associates."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """What an agency knows of one person, as written; empty where unknown. Nothing is checked yet."""

    given_names: str = ""
    surname: str = ""
    """With its prefix: ``van den Berg`` or ``Berg, van den``."""
    birth_date: str = ""
    postcode: str = ""
    house_number: str = ""
    country: str = ""
    """Of the address, two letters; empty is the Netherlands."""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    bsn: str = ""
    v_number: str = ""
    skn: str = ""
    ibans: tuple[str, ...] = ()
    handles: tuple[tuple[str, str], ...] = ()
    """Platform and name."""
    adverts: tuple[str, ...] = ()
    vehicles: tuple[str, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()
    """Kind and number."""

    def __repr__(self) -> str:
        return "Person(...)"


@dataclass(frozen=True, slots=True)
class Record:
    """One worry of an agency: the person it is about, and people around that person."""

    subject: Person
    associates: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Normalised:
    """The keys of a record, from the most to the least telling, each once; at least one for the subject."""

    keys: tuple[MatchKey, ...]
    issues: tuple[Issue, ...] = field(default=())
    """What could not be used: ``location`` such as ``subject.phones[0]``, ``code`` a reason, ``message`` a hint."""


def normalise(record: Record) -> Normalised:
    """Return the match keys of a record and what could not be used.

    Raises ``InputError`` (``invalid_identifier``) with the issues when nothing of the subject counts alone or together.
    """
    issues: list[Issue] = []
    keys = _sorted(_keys_of(record.subject, "subject", "subject", issues))
    if not any(key.tier is not Tier.FACTOR for key in keys):
        raise InputError(
            Code.INVALID_IDENTIFIER,
            "Nothing in this record can point at a person.",
            hint="Give an identifier, or a name and a birth date.",
            issues=issues,
        )
    for place, person in enumerate(record.associates):
        location = f"associates[{place}]"
        if place >= MAX_ASSOCIATES:
            issues.append(Issue(location, "too-many", f"At most {MAX_ASSOCIATES} associates are compared."))
            break
        found = _keys_of(person, "associate", location, issues)
        keys += _sorted([key for key in found if key.tier in _ASSOCIATE_TIERS])
    keys = list(dict.fromkeys(keys))
    if len(keys) > MAX_KEYS:
        issues.append(Issue("record", "too-many", f"Only the first {MAX_KEYS} keys are used; give fewer values."))
    return Normalised(tuple(keys[:MAX_KEYS]), tuple(issues))


def _sorted(keys: list[MatchKey]) -> list[MatchKey]:
    return sorted(dict.fromkeys(keys), key=lambda key: (_ORDER[key.tier], key.kind, key.normal_form))


def _keys_of(person: Person, role: Role, location: str, issues: list[Issue]) -> list[MatchKey]:
    reader = _Reader(location, issues)
    forms = [*_identifiers(person, reader), *_composites(person, reader)]
    return [MatchKey(KeyKind(kind), KINDS[KeyKind(kind)].tier, role, form) for kind, form in forms]


class _Reader:
    """Reads the fields of one person and collects what cannot be used."""

    __slots__ = ("_issues", "_location")

    def __init__(self, location: str, issues: list[Issue]) -> None:
        self._location = location
        self._issues = issues

    def one(self, name: str, read: Callable[[str], _T], text: str) -> _T | None:
        """Return the form of one field; None when it is empty or unusable."""
        if not text.strip():
            return None
        try:
            return read(text)
        except UnusableError as error:
            self._issues.append(Issue(f"{self._location}.{name}", error.reason, error.detail))
            return None

    def many(self, name: str, read: Callable[[str], str], texts: tuple[str, ...]) -> Iterator[str]:
        """Yield the forms of a repeated field."""
        if len(texts) > MAX_VALUES:
            self._issues.append(Issue(f"{self._location}.{name}", "too-many", f"At most {MAX_VALUES} are compared."))
        for place, text in enumerate(texts[:MAX_VALUES]):
            form = self.one(f"{name}[{place}]", read, text)
            if form is not None:
                yield form

    def pairs(self, name: str, read: Callable[[str, str], str], pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
        """Yield the forms of a repeated field that says first what it is of."""
        if len(pairs) > MAX_VALUES:
            self._issues.append(Issue(f"{self._location}.{name}", "too-many", f"At most {MAX_VALUES} are compared."))
        for place, (first, second) in enumerate(pairs[:MAX_VALUES]):
            form = self.one(f"{name}[{place}]", _second_of(read, first), second)
            if form is not None:
                yield form


def _second_of(read: Callable[[str, str], str], first: str) -> Callable[[str], str]:
    return lambda second: read(first, second)


def _identifiers(person: Person, reader: _Reader) -> Iterator[tuple[str, str]]:
    for kind, name, read, text in (
        ("bsn", "bsn", identifiers.bsn, person.bsn),
        ("v-number", "v_number", identifiers.v_number, person.v_number),
        ("skn", "skn", identifiers.skn, person.skn),
    ):
        form = reader.one(name, read, text)
        if form is not None:
            yield kind, form
    for kind, name, read, texts in (
        ("phone", "phones", identifiers.phone, person.phones),
        ("iban", "ibans", identifiers.iban, person.ibans),
        ("email", "emails", identifiers.email, person.emails),
        ("advert", "adverts", handles.advert, person.adverts),
    ):
        for form in reader.many(name, read, texts):
            yield kind, form
    for kind, name, read_pair, pairs in (
        ("handle", "handles", handles.handle, person.handles),
        ("document", "documents", identifiers.document, person.documents),
    ):
        for form in reader.pairs(name, read_pair, pairs):
            yield kind, form


def _composites(person: Person, reader: _Reader) -> Iterator[tuple[str, str]]:
    for form in reader.many("vehicles", identifiers.vehicle, person.vehicles):
        yield "vehicle", form
    given = reader.one("given_names", parse_given, person.given_names)
    surname = reader.one("surname", parse_surname, person.surname)
    born = reader.one("birth_date", parse_birth_date, person.birth_date)
    place = reader.one("postcode", lambda text: identifiers.postcode(text, person.country), person.postcode)
    number = reader.one("house_number", identifiers.house_number, person.house_number)
    sounds = [sound_of(given.name)] if given is not None and given.name is not None else []
    sounds += [_sound(surname)] if surname is not None else []
    if born is not None and born.whole:
        yield from (("one-sound-dob", f"{sound}|{_iso(born)}") for sound in sounds)
        if place is not None:
            yield "dob-postcode", f"{_iso(born)}|{place}"
        if number is not None and not born.placeholder:
            yield "dob-number", f"{_iso(born)}|{number}"
    if place is not None and number is not None:
        yield "address", f"{place}|{number}"
        if len(sounds) == 2:
            yield "sound-address", "|".join((*sorted(sounds), place, number))
    if given is not None and surname is not None and born is not None:
        yield from _names_and_birth(given, surname, born)


def _names_and_birth(given: GivenName, surname: Surname, born: BirthDate) -> Iterator[tuple[str, str]]:
    sound, date = _sound(surname), _iso(born)
    year, month, day = born.year, born.month, born.day
    if born.whole:
        if not born.placeholder:
            yield "initial-sound-dob", f"{given.initial}|{sound}|{date}"
        yield "initials-dob", f"{given.initial}|{fold_initial(surname.parts[0])}|{date}"
    if given.name is None:
        return
    name, name_sound = f"{given.name}|{surname.whole}", sound_of(given.name)
    both = f"{name_sound}|{sound}"
    yield "name-year", f"{name}|{year}"
    if born.whole and month is not None and day is not None:
        yield "name-dob", f"{name}|{date}"
        if month != day and day <= 12:
            # Beyond the twelfth a swapped date does not exist, so this key would only repeat the one above.
            yield "name-dob-swapped", f"{name}|{year}|{min(month, day):02}|{max(month, day):02}"
        yield "sound-dob", f"{both}|{date}"
        for half in _halves(surname):
            yield "sound-dob", f"{name_sound}|{sound_of(half)}|{date}"
        yield "sound-any-dob", "|".join((*sorted((name_sound, sound)), date))
        yield "sound-initial-dob", f"{name_sound}|{fold_initial(surname.parts[0])}|{date}"
    if born.placeholder:
        return
    # Many share 1 January and 1 July, given when a registry did not know the day: too little to lean on in part.
    if month is not None:
        yield "sound-year-month", f"{both}|{year}|{month:02}"
    if day is not None:
        yield "sound-year-day", f"{both}|{year}|{day:02}"
    if month is not None and day is not None:
        yield "sound-month-day", f"{both}|{month:02}|{day:02}"


def _halves(surname: Surname) -> tuple[str, ...]:
    """Return first and last part of a double surname, so that *Jansen-de Vries* meets *Jansen* and *De Vries*."""
    return (surname.parts[0], surname.parts[-1]) if len(surname.parts) > 1 else ()


def _sound(surname: Surname) -> str:
    return " ".join(sorted(sound_of(part) for part in surname.parts))


def _iso(born: BirthDate) -> str:
    return f"{born.year}-{born.month or 0:02}-{born.day or 0:02}"
