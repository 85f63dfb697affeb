# SPDX-License-Identifier: EUPL-1.2
"""Personal names: one plain spelling, without prefixes, and the parts of a double surname.

Spec: ``spec/normalise.md``. Not here: how a name sounds (``phonetic.py``) and which keys it makes (``normalise.py``).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from protocol.identifiers import UnusableError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_NAME: Final = 200
"""Characters of a name as written; the longest on Dutch identity documents is well below it."""
MAX_PARTS: Final = 4
"""Parts of a surname that are compared; more are titles or a sentence in the wrong column."""

LETTERS: Final = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ı": "i",
        "ŋ": "ng",
        "ħ": "h",
        "ə": "e",
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "ʼ": "'",
        "ʻ": "'",
    }
)
"""Ligatures and letters without a decomposition in Unicode. Umlauts lose their dots; ``phonetic`` meets ue with u."""

DUTCH_PREFIXES: Final = _words(
    "van von der den de des het ten ter te tot toe in op aan bij uit uijt voor over onder t s d vd vande vanden vander"
)
"""Prefixes of Dutch, Flemish and German names, each word apart: *van der*, *in 't*, *op den*, *uit de*, *von*."""
FOREIGN_PREFIXES: Final = _words(
    "el al as at ar ad az an ash ben bin ibn bint bou abou abu ould oulad ait "
    "la le les l du da das do dos di del della dello degli dalla della y e "
    "af av zu zum zur san st saint"
)
"""Arabic, Berber, French, Italian, Spanish, Portuguese and Scandinavian prefixes and the words between two surnames."""
PREFIXES: Final = DUTCH_PREFIXES | FOREIGN_PREFIXES
_SERVANT_OF: Final = _words("abd abdel abdul abdoel abdoul abdal abdu")
"""Arabic given names that are half a name: Abdel is nobody, Abdel Rahman is."""
_NOBODY: Final = frozenset({"niet bekend", "n n", "n v t"}) | _words(
    "onbekend onbekende unknown anoniem anonymous nn geen leeg nvt test xxx xx x none null nihil"
)
"""What systems write when they have no name."""
_GLUED = re.compile(r"(?:vanden|vander)(?=[a-z]{3})")
_APOSTROPHE = re.compile(r"(?<=[a-z])'(?=[a-z]{2})")
_NOT_A_LETTER = re.compile(r"[^a-z]+")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.[\s-]*)+\Z")


@dataclass(frozen=True, slots=True)
class GivenName:
    """The first given name in plain letters, or only its initial."""

    initial: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Surname:
    """A surname without prefixes: its parts in the order written. A double surname has two or more."""

    parts: tuple[str, ...]

    @property
    def whole(self) -> str:
        """All parts in alphabetical order: which half comes first differs by who wrote it down."""
        return " ".join(sorted(self.parts))


def fold(text: str) -> str:
    """Return small letters a to z and single spaces: NFKD without marks, casefolded, ligatures resolved."""
    if not text.isascii():
        text = text.casefold().translate(LETTERS)
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        # NFKD brings letters (full width, small capitals) that casefolding and the table had not seen yet.
        text = text.translate(LETTERS)
    # d'Angelo and O'Brien are one word; 't Hart and van 't Hof are two.
    return _NOT_A_LETTER.sub(" ", _APOSTROPHE.sub("", text.casefold())).strip()


def parse_given(text: str) -> GivenName:
    """Return the first given name, or the initial of ``J.``, ``J.P.`` and ``Th.``.

    The first of several counts, also before a hyphen: Jan-Willem, Jan Willem and Jan are one. Raises ``UnusableError``.
    """
    plain = _checked(text)
    words = plain.split()
    if words[0] in DUTCH_PREFIXES:
        # No given name begins so: this is a surname in the wrong field, and must give the surname's form.
        words = [word for word in words if word not in PREFIXES] or words
    first = words[0]
    if len(first) == 1 or _DOTTED.match(text.strip()):
        return GivenName(fold_initial(first))
    if first in _SERVANT_OF and len(words) > 1:
        article = words[1] in FOREIGN_PREFIXES and len(words) > 2
        first += words[2] if article else words[1]
    return GivenName(fold_initial(first), first)


def parse_surname(text: str) -> Surname:
    """Return the parts of a surname. ``Berg, van den``, ``van den Berg`` and ``Vandenberg`` are all ``berg``.

    Raises ``UnusableError``.
    """
    words = _checked(text).split()
    parts = [_GLUED.sub("", word, count=1) if _GLUED.match(word) else word for word in words if word not in PREFIXES]
    parts = [part for part in parts if len(part) > 1]
    if not parts:
        # A name can consist of what are prefixes elsewhere (Ben, Saint, El): the longest word, if it is one.
        parts = [word for word in (max(words, key=len),) if len(word) > 1]
    if not parts:
        raise UnusableError("too-short", "A surname has two letters or more; an initial alone is not enough.")
    if len(parts) > MAX_PARTS:
        raise UnusableError("too-long", f"A surname has at most {MAX_PARTS} parts: is this another column?")
    return Surname(tuple(dict.fromkeys(parts)))


def fold_initial(name: str) -> str:
    """Return the first letter, with those that Dutch spelling exchanges at the start of a name made one."""
    return _EXCHANGED.get(name[0], name[0])


_EXCHANGED: Final = {"c": "k", "q": "k", "z": "s", "v": "f", "y": "j"}


def _checked(text: str) -> str:
    if len(text) > MAX_NAME:
        raise UnusableError("too-long", f"A name has at most {MAX_NAME} characters.")
    if any(c.isdigit() for c in text) or "@" in text:
        raise UnusableError("not-a-name", "A name has no digits: is this another column?")
    plain = fold(text)
    if not plain:
        raise UnusableError(
            "no-latin-letters", "Write the name in Latin letters, as in the passport's machine-readable zone."
        )
    if plain in _NOBODY:
        raise UnusableError("filler", "This stands for a name that is not known: leave the field empty.")
    return plain
