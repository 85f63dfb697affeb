# SPDX-License-Identifier: EUPL-1.2
"""The words of an evidence pack's summary, in Dutch and English. Not here: the page (``pack_pages.py``)."""

from collections.abc import Mapping
from typing import Final

from edge.languages import Pair

WORDS: Final[Mapping[str, Pair]] = {
    "title": ("Bewijs uit het logboek van Sluis", "Evidence from the log of Sluis"),
    "what": ("Wat dit is", "What this is"),
    "what-said": (
        "Een samenvatting van de regels uit het logboek die bij dit bestand zitten. Elk getal hieronder volgt uit die "
        "regels, en wie het pakket controleert rekent ze na.",
        "A summary of the entries of the log that come with this file. Every number below follows from those entries, "
        "and whoever checks the pack computes them again.",
    ),
    "period": ("Periode", "Period"),
    "until": ("tot", "until"),
    "agency": ("Meegenomen door", "Taken out by"),
    "person": ("Wie, naar eigen verwijzing van de organisatie", "Who, by the agency's own reference"),
    "reason": ("Waarvoor", "Why"),
    "exported": ("Wanneer", "When"),
    "logged": ("Vastgelegd in het logboek als regel", "Recorded in the log as entry"),
    "asked": ("Gevraagd", "Asked for"),
    "everything": (
        "alles van de periode dat de organisatie mag zien",
        "everything of the period that the agency may see",
    ),
    "only": ("alleen regels met {filters}", "only entries with {filters}"),
    "covenant": ("Onder convenant", "Under covenant"),
    "covenants-lacking": (
        "Versies van het convenant die niet in dit pakket zitten",
        "Versions of the covenant that are not in this pack",
    ),
    "count": ("aantal", "count"),
    "total": ("Totaal", "Total"),
    "numbers": ("Hoeveel", "How many"),
    "by-operation": ("Regels naar bewerking (LED artikel 25)", "Entries by operation (LED article 25)"),
    "by-kind": ("Regels naar soort en besluit", "Entries by kind and decision"),
    "by-purpose": ("Regels naar doel en besluit", "Entries by purpose and decision"),
    "operation": ("bewerking", "operation"),
    "kind": ("soort", "kind"),
    "purpose": ("doel", "purpose"),
    "no-purpose": ("zonder doel", "no purpose"),
    "refusals": ("Weigeringen", "Refusals"),
    "by-refusal": ("Weigeringen naar soort en regel", "Refusals by kind and rule"),
    "rule": ("regel van het convenant", "rule of the covenant"),
    "no-refusals": ("In deze regels is niets geweigerd.", "Nothing was refused in these entries."),
    "erased": ("Gewist", "Erased"),
    "by-erasure": (
        "Regels waarvan is gewist over wie ze gingen",
        "Entries of which was erased whom they were about",
    ),
    "entry": ("regel", "entry"),
    "erased-by": ("gewist volgens regel", "erased, as told by entry"),
    "ground": ("grond", "ground"),
    "no-erasures": ("Van deze regels is niets gewist.", "Nothing of these entries was erased."),
    "more-erased": (
        "Van meer regels is iets gewist; ze staan in entries.csv en entries.json.",
        "Something of more entries was erased; they are in entries.csv and entries.json.",
    ),
    "left-out": (
        "Regels waarvan de organisatie niet mag zien over wie ze gaan",
        "Entries of which the agency may not see whom they are about",
    ),
    "log": ("Het logboek en zijn getuigen", "The log and its witnesses"),
    "origin": ("Logboek", "Log"),
    "size": ("Aantal regels in het hele logboek", "Entries in the whole log"),
    "root": ("Wortel (SHA-256)", "Root (SHA-256)"),
    "witnesses": ("Getuigen die dit bevestigden", "Witnesses that confirmed this"),
    "cosigned": ("Bevestigd op of na", "Confirmed at or after"),
    "proves": ("Wat dit bewijst", "What this proves"),
    "proves-1": (
        "Elke regel staat precies zo, op zijn plaats, in het logboek dat de getuigen hebben gezien. Niemand kan er "
        "achteraf een letter aan veranderen, ook de makelaar niet.",
        "Every entry stands exactly like this, in its place, in the log that the witnesses saw. Nobody can change a "
        "letter of it afterwards, not even the broker.",
    ),
    "proves-2": (
        "Wat gewist is, is gewist volgens een andere regel die zegt waarom. Dat het uit de regel weg is, is geen gat.",
        "What was erased was erased as another entry tells, with the ground. That it is gone is no gap.",
    ),
    "proves-3": (
        "De tijden passen bij hun plaats: geen regel is meer dan een uur teruggedateerd ten opzichte van de andere.",
        "The times fit their places: no entry is dated back by more than an hour against the others.",
    ),
    "proves-not": ("Wat dit niet bewijst", "What this does not prove"),
    "proves-not-1": (
        "Dat alle regels van de periode in dit pakket zitten. Wie het maakte kan regels hebben weggelaten; een "
        "toezichthouder vergelijkt het met wat hij zelf uit het logboek krijgt.",
        "That all entries of the period are in this pack. Whoever made it can have left some out; a supervisor "
        "compares it with what he gets from the log himself.",
    ),
    "proves-not-2": (
        "Dat waar is wat een organisatie over zichzelf zegt: wie keek, in welke rol, en waarom.",
        "That what an agency says about itself is true: who looked, in which role, and why.",
    ),
    "proves-not-3": (
        "Wat buiten het logboek is gebeurd: een gesprek, een besluit, een afdruk.",
        "What happened outside of the log: a conversation, a decision, a printout.",
    ),
    "check": ("Zo controleert u het", "How to check it"),
    "check-said": (
        "Op een computer die de makelaar nooit heeft gezien, met het convenant dat u zelf hebt gekregen:",
        "On a computer that has never seen the broker, with the covenant that you were given yourself:",
    ),
}
