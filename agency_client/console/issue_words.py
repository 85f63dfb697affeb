# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with what somebody filled in, in words beside its field, by the reasons of the checks.

Never the value itself. Not here: the checks (``protocol/normalise.py``, ``agency_client/intake.py``).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from agency_client.console.error_words import known_words, rule_words, trouble_words
from agency_client.console.languages import N_, Speech
from protocol.errors import Code, Issue

REASONS_SAID: Final[Mapping[str, str]] = {
    "missing": N_("Fill this in."),
    "unknown-value": N_("Choose one of these."),
    "unknown-purpose": N_("The covenant does not have this purpose."),
    "not-a-sender": N_("Your kind of agency does not signal for this purpose."),
    "unknown-basis": N_("Choose a basis on which your agency may provide."),
    "unknown-ground": N_("Choose at least one of these reasons."),
    "too-many": N_("These are too many: give the most telling ones."),
    "bad-length": N_("This number has too few or too many characters."),
    "bad-check-digit": N_("The check digits do not fit: look for a typing error."),
    "filler": N_("This stands for something unknown: leave the field empty."),
    "not-digits": N_("This number has digits only."),
    "not-a-phone": N_("This is no existing phone number: write it as 06-12345678 or +31612345678."),
    "service-number": N_("This is the number of an organisation; it points at nobody."),
    "not-an-iban": N_("An account number begins with a country and two digits: NL91 ABNA 0417 1643 00."),
    "not-an-email": N_("This is no e-mail address: look for a typing error."),
    "not-a-domain": N_("The part after the @ cannot exist: look for a typing error."),
    "not-a-plate": N_("A licence plate has four to ten letters and digits, at least one digit."),
    "unknown-document-kind": N_("Name the kind of document in one word, such as passport or id-card."),
    "not-a-document-number": N_("A document number has five or more letters and digits, with a digit."),
    "unknown-country": N_("Write the country as two letters, such as BE."),
    "not-a-postcode": N_("A Dutch postcode has four digits and two letters: 3511 CE. Give the country of another."),
    "not-a-house-number": N_("A house number begins with one to five digits: 8, 8a or 8-2."),
    "too-long": N_("This is too long: is it something else?"),
    "too-short": N_("A surname has two letters or more."),
    "not-a-name": N_("A name has no digits."),
    "no-latin-letters": N_("Write the name in Latin letters, as in a passport."),
    "unknown-platform": N_("Choose one of the platforms."),
    "not-a-handle": N_("This cannot be an account on that platform: one name, no spaces."),
    "not-an-advert": N_("Write the advertisement's address, or the site and its number as example.nl:123456."),
    "other-platform": N_("This address is of another platform than the one chosen."),
    "not-an-address": N_("This web address cannot be read: it begins with https://."),
    "year-out-of-range": N_("This year cannot be right. Write the date as 31-01-2004."),
    "impossible-date": N_("There is no such day. Write the date as 31-01-2004."),
    "two-digit-year": N_("Write the year in four digits: 31-01-2004."),
    "not-a-date": N_("Write the date as 31-01-2004; what is unknown as 00-00-2004."),
    "not-compared": N_("This purpose does not compare it; it is not sent."),
    "unknown-field": N_("There is no such field."),
    "invalid_identifier": N_("Nothing here points at a person. Give an identifier, or a name with a birth date."),
    "too_large": N_("This is too much for one signal: give fewer values or a shorter note."),
    "not-text": N_("The line is not text in UTF-8 or Windows-1252."),
    "bad-quoting": N_("A quote is not closed, or stands within a value without being doubled."),
    "too-many-cells": N_("The row has more cells than the header: is a delimiter not quoted?"),
    "too-few-cells": N_("The row has fewer cells than the header: was the line cut?"),
    "cell-too-long": N_("A cell has too many characters."),
    "not-json": N_("The line is not JSON: one object on each line."),
    "not-an-object": N_("The line is JSON, but not an object with named values."),
    "nested": N_("A value is an object or a list of lists; give texts, numbers or lists of them."),
    "no-reference": N_("The row says that its record is gone, but not which one."),
    "broken-sheet": N_("The sheet breaks off here; save the file again."),
    "guard.deferral-without-review": N_(
        "Informing the person is put off without a day, or for longer than this purpose allows."
    ),
    "guard.agency-suspended": N_("Your agency is suspended in the covenant."),
    "guard.not-a-sender": N_("Your kind of agency does not signal for this purpose."),
    "guard.hidden-from-kind": N_("This purpose is closed to your kind of agency."),
    "guard.key-kind-not-agreed": N_("This purpose does not compare something that is filled in."),
}
"""By an issue's code."""
WHOLE: Final = "whole"
"""Where it stands when it is of no single field."""
_RECORD: Final = "record"
"""The place of what is wrong with a record as a whole."""
_CODES: Final = frozenset(str(code) for code in Code)
_PLACE: Final = re.compile(r"(?:(?P<who>subject|associates\[(?P<number>\d+)\])\.)?(?P<name>[a-z_.-]+?)(?:\[\d+\])?\Z")


def words_of(issue: Issue, speech: Speech) -> str:
    """Return an issue in words; of a reason that is not known here its own sentence in English only.

    What refuses a record as a whole and is no code of an error is a rule of the covenant (``agency_client/intake.py``).
    """
    if (known := REASONS_SAID.get(issue.code)) is not None:
        return speech.gettext(known)
    if issue.code in _CODES:
        return trouble_words(issue.code, issue.message, speech)
    if issue.location == _RECORD:
        return rule_words(issue.code, issue.message, speech)
    said = known_words(issue.message, speech)
    return speech.gettext("This cannot be used as it is (%(code)s).") % {"code": issue.code} if said is None else said


def field_of(location: str) -> str:
    """Return the form's field of an issue's place: ``associates[0].phones[1]`` is ``associate1.phones``."""
    found = _PLACE.match(location)
    if found is None or found["name"] == _RECORD:
        return WHOLE
    return f"associate{int(found['number']) + 1}.{found['name']}" if found["number"] else found["name"]


def field_words(issues: Iterable[Issue], speech: Speech) -> dict[str, str]:
    """Return what is wrong beside each field, each sentence once."""
    found: dict[str, list[str]] = {}
    for issue in issues:
        said = found.setdefault(field_of(issue.location), [])
        words = words_of(issue, speech)
        if words not in said:
            said.append(words)
    return {name: " ".join(said) for name, said in found.items()}
