# SPDX-License-Identifier: EUPL-1.2
"""Numbers and names that point at one person or thing: strict checks and the one normal form of each kind.

Every function takes what an agency has and returns the normal form, or raises ``UnusableError`` with a reason and hint.
Spec: ``spec/normalise.md``. Not here: online accounts and advertisements (``handles.py``), names, birth dates.
"""

import re
import unicodedata
from typing import Final

import idna
import phonenumbers
from stdnum import iban as stdnum_iban
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError
from stdnum.nl import bsn as stdnum_bsn

from protocol.errors import Code, InputError

MAX_VALUE: Final = 500
"""Characters of one value: an advertisement's address is the longest of them."""
MAX_EMAIL: Final = 254
"""RFC 5321 section 4.5.3.1.3: a path of 256 with its two angle brackets."""
MAX_LOCAL: Final = 64
"""RFC 5321 section 4.5.3.1.1."""

_SERVICE_TYPES: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)
"""Numbers of organisations (0800, 0900, 088 ...): they name no person."""
_SEPARATORS = re.compile(r"[\s.\-–/]+")
_PHONE = re.compile(r"[+0-9()\s.\-–/\u00a0]{4,40}\Z")
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+\Z")
_IBAN = re.compile(r"[A-Za-z]{2}\s?[0-9]{2}[\sA-Za-z0-9.-]+\Z")
_IBAN_HINT: Final = "An IBAN begins with a country and two digits: NL91 ABNA 0417 1643 00."
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}\Z")
_POSTCODE = re.compile(r"([1-9][0-9]{3})([a-z]{2})\Z")
_FOREIGN_POSTCODE = re.compile(r"[a-z0-9]{3,10}\Z")
_HOUSE_NUMBER = re.compile(r"0*([1-9][0-9]{0,4})(?![0-9])")
_COUNTRY = re.compile(r"[a-z]{2}\Z")


class UnusableError(InputError):
    """One value cannot be used. ``reason`` is a stable code; the text never repeats the value."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(Code.INVALID_IDENTIFIER, hint)
        self.reason = reason


def bsn(text: str) -> str:
    """Return nine digits that pass the eleven-test; eight are padded with the zero that spreadsheets eat."""
    digits = _digits(text)
    if len(digits) not in (8, 9):
        raise UnusableError("bad-length", "A BSN has nine digits (eight when a spreadsheet dropped a leading zero).")
    try:
        number = str(stdnum_bsn.validate(digits))
    except ValidationError:
        raise UnusableError(
            "bad-check-digit", "These digits fail the BSN eleven-test: look for a typing error."
        ) from None
    if len(set(number[:8])) == 1:
        raise UnusableError("filler", "Eight equal digits are a filler, not somebody's BSN: leave the field empty.")
    return number


def v_number(text: str) -> str:
    """Return ten digits; fewer are padded, since spreadsheets drop leading zeros. No check digit has been published."""
    return _plain_number(text.strip().removeprefix("V").removeprefix("v"), 8, 10, "A V-number has ten digits.").zfill(
        10
    )


def skn(text: str) -> str:
    """Return the digits without leading zeros. Neither length nor a check digit has been published."""
    return _plain_number(text, 5, 10, "A criminal justice number (SKN) has five to ten digits.").lstrip("0")


def phone(text: str, region: str = "NL") -> str:
    """Return E.164; numbers without a country are Dutch. Numbers of organisations (0800, 0900, 088) are refused."""
    plain = unicodedata.normalize("NFKC", _bounded(text)).strip()
    plain = plain[4:] if plain[:4].casefold() == "tel:" else plain
    if not _PHONE.match(plain):
        raise UnusableError(
            "not-a-phone", "A phone number has digits, and + before the country code; one number a field."
        )
    try:
        number = phonenumbers.parse(plain.replace("(0)", ""), region)
    except phonenumbers.NumberParseException:
        raise UnusableError("not-a-phone", "This is not a phone number: write 06-12345678 or +31612345678.") from None
    if not phonenumbers.is_valid_number(number):
        raise UnusableError("not-a-phone", "No network gives out this number: look for a missing or extra digit.")
    if phonenumbers.number_type(number) in _SERVICE_TYPES:
        raise UnusableError("service-number", "This is the number of an organisation; it names no person.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def iban(text: str) -> str:
    """Return the compact upper-case form whose mod-97 and country form hold."""
    plain = _bounded(text).strip()
    if not _IBAN.match(plain):
        raise UnusableError("not-an-iban", _IBAN_HINT)
    try:
        return str(stdnum_iban.validate(plain))
    except InvalidChecksum:
        raise UnusableError("bad-check-digit", "The IBAN's check digits do not fit: look for a typing error.") from None
    except InvalidLength:
        raise UnusableError("bad-length", "The IBAN has too few or too many characters for its country.") from None
    except ValidationError:
        raise UnusableError("not-an-iban", _IBAN_HINT) from None


def email(text: str) -> str:
    """Return NFKC and casefolded, the domain in its IDNA form.

    Plus tags and dots stay: their meaning is the provider's.
    """
    plain = unicodedata.normalize("NFKC", _bounded(text)).strip().casefold().removeprefix("mailto:")
    local, at, domain = plain.rpartition("@")
    hint = "One address a field, as name@example.nl, without a display name."
    if not at or not _LOCAL.match(local) or len(local.encode()) > MAX_LOCAL or len(plain) > MAX_EMAIL:
        raise UnusableError("not-an-email", hint)
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise UnusableError("not-an-email", hint)
    return f"{local}@{host_name(domain)}"


def host_name(text: str) -> str:
    """Return a domain of two labels or more in its ASCII form (IDNA 2008 with UTS 46 mapping)."""
    try:
        name = idna.encode(text.strip().rstrip("."), uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise UnusableError("not-a-domain", "The domain name cannot exist: look for a typing error.") from None
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise UnusableError("not-a-domain", "The domain name has no top-level domain, such as .nl.")
    return name


def vehicle(text: str) -> str:
    """Return the licence plate's letters and digits in upper case."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", _bounded(text))).upper()
    if not (plain.isascii() and plain.isalnum() and 4 <= len(plain) <= 10) or plain.isalpha():
        raise UnusableError("not-a-plate", "A licence plate has four to ten letters and digits, at least one digit.")
    return plain


def document(kind: str, number: str) -> str:
    """Return ``kind:NUMBER`` for a kind such as ``passport``, ``id-card`` or ``soc-sec`` and letters and digits."""
    name = kind.strip().casefold().replace("_", "-").replace(" ", "-")
    if not _SLUG.match(name):
        raise UnusableError(
            "unknown-document-kind", "Name the kind of document in lower case, such as passport or id-card."
        )
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", _bounded(number))).upper()
    if not (plain.isascii() and plain.isalnum() and 5 <= len(plain) <= 30 and any(c.isdigit() for c in plain)):
        raise UnusableError(
            "not-a-document-number", "A document number has five or more letters and digits, with a digit."
        )
    if len(set(plain)) == 1:
        raise UnusableError("filler", "One character repeated is a filler, not a number: leave the field empty.")
    return f"{name}:{plain}"


def postcode(text: str, country: str = "") -> str:
    """Return ``1234AB`` for the Netherlands (no country given), or ``BE:1000`` for another country."""
    plain = _SEPARATORS.sub("", _bounded(text)).casefold()
    land = country.strip().casefold()
    if land and not _COUNTRY.match(land):
        raise UnusableError("unknown-country", "Write the country as two letters (ISO 3166), such as BE.")
    if land not in ("", "nl"):
        if not _FOREIGN_POSTCODE.match(plain):
            raise UnusableError("not-a-postcode", "A postcode has three to ten letters and digits.")
        return f"{land}:{plain}".upper()
    found = _POSTCODE.match(plain)
    if not found or found[2] in ("sa", "sd", "ss"):
        raise UnusableError(
            "not-a-postcode", "A Dutch postcode has four digits and two letters: 3511 CE. Give the country of another."
        )
    return plain.upper()


def house_number(text: str) -> str:
    """Return the number alone: additions (8a, 8-2, 8 bis, 8 II) are written too differently to compare."""
    found = _HOUSE_NUMBER.match(_bounded(text).strip())
    if not found:
        raise UnusableError("not-a-house-number", "A house number begins with one to five digits: 8, 8a or 8-2.")
    return found[1]


def _digits(text: str) -> str:
    return _SEPARATORS.sub("", _bounded(text))


def _plain_number(text: str, low: int, high: int, hint: str) -> str:
    digits = _digits(text)
    if not (digits.isascii() and digits.isdigit()):
        raise UnusableError("not-digits", hint)
    if not low <= len(digits) <= high:
        raise UnusableError("bad-length", hint)
    if len(set(digits)) == 1:
        raise UnusableError("filler", "One digit repeated is a filler, not a number: leave the field empty.")
    return digits


def _bounded(text: str) -> str:
    if len(text) > MAX_VALUE:
        raise UnusableError("too-long", f"A value has at most {MAX_VALUE} characters.")
    return text
