# SPDX-License-Identifier: EUPL-1.2
"""What the check of an evidence pack says to people, in Dutch and English. Not here: the check (``packs.py``)."""

from collections.abc import Mapping
from typing import Final

from edge.languages import Pair

WORDS: Final[Mapping[str, Pair]] = {
    "holds": ("Het pakket klopt.", "The pack holds."),
    "not": ("Het pakket klopt NIET.", "The pack does NOT hold."),
    "unsure": (
        "Er is niets vastgesteld: te weinig getuigen bevestigden dit logboek.",
        "Nothing was concluded: too few witnesses confirmed this log.",
    ),
    "signed": (
        "Alle bestanden zijn precies zoals {agency} ze tekende, met sleutel {key}.",
        "All files are exactly as {agency} signed them, with key {key}.",
    ),
    "entries": (
        "{count} regels van {begins} tot {ends} staan zo in logboek {origin}: elke letter, elk op zijn plaats.",
        "{count} entries from {begins} until {ends} stand like this in log {origin}: every letter, each in its place.",
    ),
    "witnesses": (
        "Het logboek is gezien door {names}, op of na {at}.",
        "The log was seen by {names}, at or after {at}.",
    ),
    "erased": (
        "Van {count} regels is iets gewist, en voor elk staat in het logboek waarom.",
        "Something of {count} entries was erased, and for each the log says why.",
    ),
    "export": (
        "Dat dit is meegenomen, door wie en waarvoor, staat in het logboek als regel {index}.",
        "That this was taken out, by whom and why, stands in the log as entry {index}.",
    ),
    "table": (
        "De tabel (entries.csv) zegt hetzelfde als de regels.",
        "The table (entries.csv) says the same as the entries.",
    ),
    "pages": (
        "Elk getal op de samenvattingen volgt uit de regels: ze zijn nagerekend.",
        "Every number on the summaries follows from the entries: they were computed again.",
    ),
    "pages-not": (
        "De samenvattingen zijn getekend, maar niet nagerekend: een andere versie van Sluis schreef ze.",
        "The summaries are signed but were not computed again: another version of Sluis wrote them.",
    ),
    "versions-signed": (
        "De regels noemen alleen versies van het convenant die u gaf of die het bestuur tekende.",
        "The entries name only versions of the covenant that you gave or that the board signed.",
    ),
    "versions-unknown": (
        "Niet nagegaan of het bestuur deze versies van het convenant tekende: {versions}.",
        "Not checked whether the board signed these versions of the covenant: {versions}.",
    ),
    "versions-false": (
        "LET OP: het bestuur heeft deze versies van het convenant nooit getekend: {versions}.",
        "BEWARE: the board never signed these versions of the covenant: {versions}.",
    ),
    "limits": (
        "Het bewijst niet dat er geen regels zijn weggelaten, of dat waar is wat iemand over zichzelf opgaf.",
        "It does not prove that no entries were left out, or that what somebody said of himself is true.",
    ),
}
