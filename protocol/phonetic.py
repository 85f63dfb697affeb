# SPDX-License-Identifier: EUPL-1.2
"""How a Dutch reader pronounces a name: a code that its spelling variants share.

Our own table; ``spec/phonetic.md`` gives each rule's reason and the names that it must and must not join. Not here: the
plain spelling it starts from (``names.fold``), and any claim that two names with one code are one person's.
"""

import re
from typing import Final

_NAMED = r"(?<=[bcdfghklmnpqrstvwxz])"

RULES: Final = (
    # (spelling, sound), tried in this order at each place of the word; ``\b`` is the word's begin or end.
    (r"s[jy](?=[aeou])", "S"),  # Sjaak Shaak, Natasja Natasha
    # c and ch
    (r"tsch|tch|sch|sh|cz", "S"),  # Visscher Visser, Schmidt Smit, Sherif Sjerif
    (r"\bch(?=[lr])", "K"),  # Christiaan Kristiaan
    (r"\bch(?=[aeiouy])", "S"),  # Charlotte Sjarlot: names that begin with ch are French or English
    (r"\bc(?=ees)", "K"),  # Cees Kees
    (r"c(?![hk])(?=[eiy])", "S"),  # Marcel Marsel
    (r"c?kx|cx|x+", "KS"),  # Hendrickx Hendrix Hendriks
    (r"\bqu", "KW"),  # Quinten Kwinten
    (r"c?qu(?=[ei])", "K"),  # Dominique Dominike, Jacques
    (r"qu", "KW"),
    (r"[cg]h|g", "G"),  # Jongh Jong, Knecht Knegt, Verhaeghe Verhage
    (r"c[kq]|[ckq]", "K"),  # Cornelis Kornelis, Dekker Decker
    # d, t and b
    (r"(?<=[ln])(?:dt|[dt])(?=[sz])", ""),  # Lorentz Lorenz, Barends Barens: not heard between l or n and s
    (r"dt|[dt]h?\b|d(?=[stkfp])", "T"),  # Brandt Brand Brant: d is heard as t at the end and before s, t, k, f, p
    (r"b\b|b(?=[stkfp])", "P"),  # Jacobs Jacops, Job Jop: b likewise as p
    (r"t", "T"),
    (r"d", "D"),
    (r"b", "B"),
    # s, z, v, f
    (r"(?<=[bdfgklmnprt])sz\b", "SN"),  # Jansz Jansen: after a consonant sz abbreviates -szoon
    (r"[sz]", "S"),  # Zwart Swart, Janzen Jansen
    (r"p[fh]|[vf]", "F"),  # Vries Fries, Philips Filips, Pfeiffer Feiffer
    # h and w
    (r"\bh(?=[aeiouy])", "H"),
    (r"h", ""),  # Thijs Tijs, Sarah Sara, Johannes Joannes: only at the start is an h sure to be heard
    (r"w(?=[aeiouy])|\bw", "W"),
    (r"w", ""),  # after a consonant and before none it is silent; after a vowel it belongs to the vowel, below
    # the rest as written
    (r"l", "L"),
    (r"m", "M"),
    (r"n", "N"),
    (r"p", "P"),
    (r"r", "R"),
)
"""Consonants. An equal sound right after itself is written once, so double consonants need no rule."""

INITIAL_J: Final = r"\bdj(?=[aeiouy])|\b[jy](?=[aeiou])"
"""The only j that is a consonant, also written dj and y: Djamila Jamila, Youssef Joesoef."""
VOWEL: Final = r"[aeiouyj]+(?:w(?![aeiouy]))?"
"""Vowels in a row, with j and y, and with a w that no vowel follows (Pauw, Leeuw, Brown)."""
FINAL_E: Final = _NAMED + r"e\b"
"""A final -e after a consonant, which sounds as -en does: Jansen and Janse; Jans stays apart."""

VOWEL_CLASSES: Final = (
    # Of the first vowel only, where Dutch names have their stress; the class of the first pattern that matches.
    (r"[jy]*(?:ie|ee)", "E"),  # Nieuwenhuis Niewenhuis, Leeuw: before eu
    (r"[ijy]*a[ae]", "A"),  # Claes Klaas, Draaijer Draayer
    (r"[ijy]*a[ijy]", "E"),  # Maier Meier
    (r"[ijy]*a[uw]", "O"),  # Paulus Poulus
    (r"[ijy]*a", "A"),
    (r"[ijy]*(?:eu|u[ijy])", "U"),  # Kuiper Kuyper Cuijper; Beukers
    (r"[ijy]*[ou]", "O"),  # Joesoef Youssef Yusuf, Mooij Mooy, Mueller Müller
    (r"[eijy]", "E"),  # Meijer Meyer Meier, Dijk Dyk, Wiebe Wybe: y stands for ij and for ie, so they are one class
)

_SPELLINGS: Final = (FINAL_E, INITIAL_J, VOWEL, *(spelling for spelling, _ in RULES))
_SCAN: Final = re.compile("|".join(f"({spelling})" for spelling in _SPELLINGS))
_SOUNDS: Final = ("", "N", "J", "", *(sound for _, sound in RULES))
_CLASSES: Final = tuple((re.compile(spelling), sound) for spelling, sound in VOWEL_CLASSES)
_FINAL_E, _VOWEL = 1, 3


def sound_of(word: str) -> str:
    """Return the code of one word of letters a to z: capital letters, the first vowel's class among the consonants.

    Never empty for a word that is not.
    """
    code: list[str] = []
    last = ""
    stressed = False
    for found in _SCAN.finditer(word):
        rule = found.lastindex or 0
        if rule == _VOWEL or (rule == _FINAL_E and not stressed):
            if not stressed:
                code.append(_class_of(found[0]))
            stressed = True
            last = ""
        elif sound := _SOUNDS[rule]:
            # The n of a final -e is a syllable of its own (Hanne, Hannen), never the end of a double consonant.
            if sound != last or rule == _FINAL_E:
                code.append(sound)
            last = sound
    # A word of silent letters only (H, Hh) keeps them: an empty code would agree with every other.
    return "".join(code) or word.upper()


def _class_of(vowel: str) -> str:
    return next(sound for pattern, sound in _CLASSES if pattern.match(vowel))
