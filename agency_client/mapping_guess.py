# SPDX-License-Identifier: EUPL-1.2
"""Guesses which column is which field, from Dutch and English names and, where a name is unknown, from content.

A guess is always shown, with its reasons, before anything is sent. Not here: using it (``mapping.py``). Notes and other
content are never guessed: what leaves, sealed or not, is named by a person.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from agency_client.mapping import Mapping
from agency_client.source_rows import Row
from protocol import identifiers
from protocol.errors import InputError
from protocol.handles import PLATFORMS
from protocol.names import fold

ENOUGH: Final = 3
"""Filled cells that must all pass a check digit or form before content alone decides."""
OTHER_COUNTRY: Final = "XX"
"""ISO 3166 leaves XX to its users: here some country that is not the Netherlands."""

_NAMES: Final = {
    # Field -> column names, letters and digits only; the first found of a field comes first when several are there.
    "reference": "kenmerk referentie recordid recid zaakid dossierid reference recordreference id clientnummer",
    "case_reference": "zaaknummer dossiernummer casereference casenumber zaak dossier caseid",
    "given_names": "voornaam voornamen roepnaam givenname givennames firstname voorletters initialen initials",
    "surname_prefix": "tussenvoegsel tussenvoegsels voorvoegsel voorvoegsels surnameprefix nameprefix infix",
    "surname": "achternaam geslachtsnaam familienaam surname lastname familyname naam",
    "birth_date": "geboortedatum gebdatum gebdat birthdate dateofbirth dob",
    "postcode": "postcode postalcode zip zipcode",
    "house_number": "huisnummer huisnr housenumber streetnumber",
    "country": "land landcode country countrycode",
    "phones": "telefoon telefoonnummer telefoonnummers tel mobiel mobielnummer gsm phone phonenumber phones mobile",
    "emails": "email emailadres mail mailadres emailaddress emails",
    "bsn": "bsn burgerservicenummer sofinummer",
    "v_number": "vnummer vreemdelingennummer vnumber",
    "skn": "skn strafrechtketennummer strafrechtsketennummer",
    "ibans": "iban rekening rekeningnummer bankrekening bankrekeningnummer ibans",
    "adverts": "advertentie advertenties advertentielink advert adverts advertisement",
    "vehicles": "kenteken kentekens voertuig licenceplate licenseplate plate vehicle",
    "documents.passport": "paspoort paspoortnummer passport passportnumber",
    "documents.id-card": "idkaart identiteitskaart identiteitskaartnummer idcard idcardnumber",
    "documents.driving-licence": "rijbewijs rijbewijsnummer drivinglicence drivinglicense",
    "documents.soc-sec": "socsecid socsec socialsecuritynumber ssn",
    "purpose": "doel doelbinding purpose",
    "grounds": "gronden grond criterium criteria instroomcriterium grounds ground",
    "basis": "grondslag basis legalbasis",
    "urgency": "urgentie spoed urgency urgent",
    "contact.unit": "contactafdeling contactteam contactunit",
    "contact.name": "contactpersoon contactnaam contactname contactperson",
    "contact.phone": "contacttelefoon contactphone",
    "contact.email": "contactemail contactmail",
}
_FIELD_OF: Final = {
    **{
        alias: f"handles.{name}" for name, rule in PLATFORMS.items() if len(name) > 1 for alias in (name, *rule.aliases)
    },
    "twitter": "handles.x",
    **{name: target for target, names in _NAMES.items() for name in names.split()},
}
_RANK: Final = {name: place for names in _NAMES.values() for place, name in enumerate(names.split())}
_NOT_A_SIGN = re.compile(r"[^a-z0-9]+")
_DUTCH_POSTCODE = re.compile(r"[1-9][0-9]{3}\s*[A-Za-z]{2}\Z")

_CONTENT_CHECKS: Final[tuple[tuple[str, Callable[[str], str], str], ...]] = (
    ("bsn", identifiers.bsn, "every value passes the eleven-test"),
    ("ibans", identifiers.iban, "every value is an IBAN"),
    ("emails", identifiers.email, "every value is an e-mail address"),
)


class Surety(StrEnum):
    """How sure a guess is."""

    NAME = "name"
    """The column has a name that means one thing in Dutch or English."""
    CONTENT = "content"
    """Nobody knows the name, but every value passes the check of one kind of identifier."""
    UNKNOWN = "unknown"
    """Not understood: not used, and never sent."""


@dataclass(frozen=True, slots=True)
class GuessedColumn:
    """What one column was taken for."""

    column: str
    field: str | None
    surety: Surety
    reason: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A mapping and, a line a column, why; to be shown before it is used."""

    mapping: Mapping
    explanation: tuple[str, ...]
    columns: tuple[GuessedColumn, ...] = ()
    """In the order of the file; a field here is that of the mapping."""


def guess(columns: Sequence[str], rows: Sequence[Row]) -> Guess:
    """Return the most likely mapping of these columns, seen with some of their rows."""
    found: list[tuple[str, str]] = []
    lines: list[str] = []
    guessed: list[GuessedColumn] = []
    plain = {column: _NOT_A_SIGN.sub("", _folded(column)) for column in columns}
    for column in columns:
        target = _FIELD_OF.get(plain[column])
        reason, surety = "by its name", Surety.NAME
        if target is None:
            target, reason = _by_content([row.values.get(column, "") for row in rows])
            surety = Surety.UNKNOWN if target is None else Surety.CONTENT
        guessed.append(GuessedColumn(column, target, surety, reason))
        if target is None:
            lines.append(f"{column}: not used, and never sent")
        else:
            found.append((column, target))
            lines.append(f"{column}: {target} ({reason})")
    # Several columns for one field: the fuller name first (voornaam before voorletters), since the first filled counts.
    found.sort(key=lambda pair: _RANK.get(plain[pair[0]], len(_RANK)))
    if all(target != "reference" for _, target in found) and any(target == "case_reference" for _, target in found):
        lines.append("There is no column for `reference`: the case's number stands in for it")
        found = [(column, "reference" if target == "case_reference" else target) for column, target in found]
    fields = dict(found)
    guessed = [replace(one, field=fields.get(one.column)) for one in guessed]
    mapping = Mapping(tuple(found))
    targets = {target for _, target in found}
    if (
        "postcode" in targets
        and "country" not in targets
        and not _dutch([c for c, t in found if t == "postcode"], rows)
    ):
        lines.append(
            f"The postcodes are not Dutch: country is set to {OTHER_COUNTRY}; write the right one if you know it"
        )
        mapping = mapping.with_constants(country=OTHER_COUNTRY)
    lines += [f"{name}: no column; give it as a constant" for name in mapping.missing]
    return Guess(mapping, tuple(lines), tuple(guessed))


def _folded(column: str) -> str:
    # Digits stay: address_1 is not address.
    return "".join(fold(sign) if sign.isalpha() else sign for sign in column)


def _by_content(cells: Sequence[str]) -> tuple[str | None, str]:
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) >= ENOUGH:
        for target, check, reason in _CONTENT_CHECKS:
            if all(_passes(check, cell) for cell in filled):
                return target, reason
    return None, ""


def _passes(check: Callable[[str], str], cell: str) -> bool:
    try:
        check(cell)
    except InputError:
        return False
    return True


def _dutch(columns: Sequence[str], rows: Sequence[Row]) -> bool:
    filled = [cell for row in rows for column in columns if (cell := row.values.get(column, "").strip())]
    return not filled or sum(bool(_DUTCH_POSTCODE.match(cell)) for cell in filled) * 2 >= len(filled)
