# SPDX-License-Identifier: EUPL-1.2
"""Passwords: which will do (NIST SP 800-63B-4 section 3.1.1.2), and Argon2id of them.

Length counts, and that nobody guesses it; no rules about digits and signs, and none that ends by itself. The library
door for password hashing. Not here: how often somebody may try (``lockout.py``).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from edge.keyfile import SecretText
from protocol.encoding import b64url
from protocol.errors import Code, InputError
from protocol.group import random_bytes

MIN_PASSWORD: Final = 12
"""Characters: above the 8 that NIST asks beside a second factor, so that it is no password from elsewhere."""
MAX_PASSWORD: Final = 200
"""Characters: above the 64 that NIST asks to allow; the hashing does not grow with it."""
_OWN_LETTERS: Final = 8
"""What must be left of a password besides the words that everybody here knows."""
_MIN_WORD: Final = 3
_MIN_DISTINCT: Final = 5
"""Distinct characters: a short piece said again and again has fewer."""
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "azertyuiop")
_KNOWN: Final = (
    *("sluis", "wachtwoord", "welkom", "geheim", "password", "passw0rd", "welcome", "letmein", "iloveyou", "admin"),
    *("zomer", "winter", "lente", "herfst", "summer", "spring", "autumn", "qwerty", "azerty", "changeme", "monkey"),
    *("januari", "februari", "maart", "april", "juni", "juli", "augustus", "september", "oktober", "november"),
    *("december", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag", "nederland"),
    *("dragon", "football", "voetbal", "ajax", "feyenoord", "princess", "correcthorsebatterystaple"),
)
"""Words that guessed passwords are built of. Those shorter than the minimum are stopped by it already."""


class Cost(Enum):
    """Argon2id v1.3: passes, bytes of memory."""

    LOGIN = (2, 64 * 1024 * 1024)
    """libsodium's INTERACTIVE, about 0.1 s: above OWASP's minimum, and small enough for several people at once."""
    TEST = (1, 8 * 1024)
    """libsodium's least: for tests only."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """Hashes and compares passwords at one cost."""

    cost: Cost
    nobody: str = field(repr=False)
    """The hash of a password that nobody knows, to compare with where there is no account: it takes as long."""

    @staticmethod
    def at(cost: Cost) -> "Hashing":
        """Return the hashing of this cost."""
        return Hashing(cost, _hash(b64url(random_bytes(32)), cost))

    def hash(self, password: SecretText) -> str:
        """Return what is kept of a password."""
        return _hash(password.reveal(), self.cost)

    def matches(self, kept: str | None, given: SecretText) -> bool:
        """Return whether this is the password; as slow when there is none to compare with, and then never."""
        try:
            same = argon2id.verify((kept or self.nobody).encode(), given.reveal().encode())
        except CryptoError:
            return False
        return same and kept is not None


def as_typed(text: str) -> SecretText:
    """Return a password in one Unicode form, so that every keyboard gives the same; cut to what can be one.

    Spaces around it go, which copying and pasting adds.
    """
    return SecretText(unicodedata.normalize("NFKC", text.strip()[: 4 * MAX_PASSWORD])[: MAX_PASSWORD + 1])


def new_password(text: str, again: str, known: Iterable[str]) -> SecretText:
    """Return a password that will do. ``known`` are words that a guesser tries first: the names of user and agency.

    Raises ``InputError`` with what to do.
    """
    password = as_typed(text)
    given = password.reveal()
    if given != as_typed(again).reveal():
        raise InputError(Code.MALFORMED, "The two passwords differ.", hint="Type the same one twice.")
    if len(given) < MIN_PASSWORD:
        raise _weak(f"A password has at least {MIN_PASSWORD} characters.")
    if len(given) > MAX_PASSWORD:
        raise InputError(Code.MALFORMED, f"A password has at most {MAX_PASSWORD} characters.")
    if len(set(given.lower())) < _MIN_DISTINCT or _is_row(given.lower()):
        raise _weak("That password is a pattern that is tried first.")
    if _is_built_of(given.lower(), known):
        raise _weak("That password is made of words that are tried first.")
    return password


def _is_row(text: str) -> bool:
    """Return whether it is a row of the alphabet, the digits or the keyboard, in either direction."""
    return any(text in row * 2 or text in (row * 2)[::-1] for row in _ROWS)


def _is_built_of(text: str, known: Iterable[str]) -> bool:
    """Return whether too little is left once known words, and the years and signs put behind them, are taken out."""
    left = text
    words = {part for name in known for part in re.split(r"[\W_]+", name.lower()) if len(part) >= _MIN_WORD}
    for word in sorted(words | set(_KNOWN), key=len, reverse=True):
        left = left.replace(word, "")
    return left != text and len(re.sub(r"[\W\d_]+", "", left)) < _OWN_LETTERS


def _weak(said: str) -> InputError:
    return InputError(Code.MALFORMED, said, hint="Four or five words that have nothing to do with each other do well.")


def _hash(text: str, cost: Cost) -> str:
    passes, memory = cost.value
    return argon2id.str(text.encode(), opslimit=passes, memlimit=memory).decode()
