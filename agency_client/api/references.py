# SPDX-License-Identifier: EUPL-1.2
"""A system's own reference of a record, as it stands in addresses: bounded, and never itself an identifier of a person.

Addresses end up in the logs of proxies and browsers; so a reference that passes the BSN's eleven-test, or is a phone
number, is refused. Not here: whose record it is (``records.py``).
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from protocol import identifiers
from protocol.errors import Code, InputError, Issue

PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$"
"""RFC 3986's unreserved characters, so that no reference is ever encoded in an address; no @, so no e-mail address."""
_HINT: Final = "Put letters before it, such as Z-. An address must not hold an identifier of a person."
_DIGITS: Final = re.compile(r"[0-9._~-]+\Z")


def _no_identifier(text: str) -> str:
    for check, what in ((identifiers.bsn, "a BSN"), (identifiers.phone, "a phone number")):
        # Only what has nothing but digits and separators: "Z-123456782" is a reference with a number in it.
        if _DIGITS.match(text) and _passes(check, re.sub("[._~-]", "", text)):
            raise ValueError(f"a reference must not look like {what}")
    return text


def _passes(check: object, digits: str) -> bool:
    try:
        check(digits)  # type: ignore[operator]  # one of the two above
    except InputError:
        return False
    return True


Reference = Annotated[str, StringConstraints(pattern=PATTERN), AfterValidator(_no_identifier)]


def read_reference(text: str) -> str:
    """Return the reference of an address. Raises ``InputError`` (``invalid_identifier``), which does not repeat it."""
    try:
        if not re.match(PATTERN.removesuffix("$") + r"\Z", text):
            raise ValueError("a reference has letters, digits, '.', '_', '~' and '-', at most 64")
        return _no_identifier(text)
    except ValueError as error:
        issue = Issue("path.ref", "reference", f"{str(error)[0].upper()}{str(error)[1:]}.")
        raise InputError(
            Code.INVALID_IDENTIFIER, "The reference in the address cannot be used.", hint=_HINT, issues=[issue]
        ) from None
