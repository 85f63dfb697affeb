# SPDX-License-Identifier: EUPL-1.2
"""The words of an answer to a citizen, in Dutch and English side by side, so that neither can be forgotten.

Not here: what entries of the log are called (``edge/event_words.py``), the covenant's own titles (``policies/``).
"""

from collections.abc import Mapping
from typing import Final

from agency_client.subject_report import Form, Line
from edge.event_words import EVENTS_SAID
from edge.languages import Lang, Pair, say
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.events import NoticeIssued
from protocol.ids import PartyId

TITLES: Final[Mapping[Form, Pair]] = {
    "full": (
        "Inzage: volledig, alleen voor het dossier van de privacyfunctionaris",
        "Subject access: full, for the privacy officer's file only",
    ),
    "redacted": ("Antwoord op uw verzoek om inzage", "Answer to your request for access"),
}
WATERMARK: Final[Pair] = (
    "NIET VERSTREKKEN. Deze vorm noemt medewerkers, interne kenmerken en mogelijk andere personen.",
    "DO NOT HAND OUT. This form names employees, internal references and possibly other people.",
)
NOTICES_SAID: Final[Mapping[str, Pair]] = {
    "hit": ("Bericht gekregen: {other} kent deze persoon", "Was told: {other} knows this person"),
    "withdrawn": ("Bericht gekregen: het signaal van {other} is voorbij", "Was told: the signal of {other} has ended"),
    "queried": ("Bericht gekregen: {other} vroeg naar deze persoon", "Was told: {other} asked about this person"),
    "overdue": (
        "Bericht gekregen: de verwachte tegenhanger bleef uit",
        "Was told: the expected counterpart stayed away",
    ),
    "muted": ("Bericht gekregen over een gegeven", "Was told about an identifier"),
}
"""By the notice's type."""
UNNAMED: Final[Pair] = ("een andere organisatie", "another organisation")
WITH: Final[Pair] = ("met {other}", "with {other}")
PARTS_SAID: Final[Mapping[str, Pair]] = {
    "contact": ("wie te bellen", "whom to call"),
    "content": ("feiten over de zorg", "facts of the worry"),
}
ROLES_SAID: Final[Mapping[str | None, Pair]] = {
    "subject": ("wie het signaal betreft", "whom the signal is about"),
    "associate": ("iemand rond een ander", "somebody around another person"),
    None: ("geen eigen signaal", "no signal of our own"),
}
SURE_SAID: Final[Mapping[str, Pair]] = {
    "hit": ("zeker", "sure"),
    "probable": ("waarschijnlijk", "probable"),
    "possible": ("mogelijk: eerst nagaan", "possible: look first"),
}
SAID: Final[Mapping[str, Pair]] = {
    "request": ("Het verzoek", "The request"),
    "answered-by": ("Beantwoord door", "Answered by"),
    "case": ("Zaak", "Case"),
    "received": ("Ontvangen op", "Received on"),
    "before": ("Antwoord uiterlijk op", "Answer on or before"),
    "left": ("Dagen over", "Days left"),
    "gdpr": ("Waar de AVG geldt, uiterlijk op", "Where the GDPR applies, on or before"),
    "extension": ("Uitstel", "Extension"),
    "extension-said": (
        "Zes weken voor politiegegevens; uitstel wordt voor die dag gemeld, met de reden. Waar de AVG geldt: één "
        "maand, met ten hoogste twee maanden te verlengen.",
        "Six weeks for police data; an extension is told before that day, with its reason. Where the GDPR applies: one "
        "month, which can be extended by two months at most.",
    ),
    "made": ("Gemaakt op", "Made on"),
    "covenant": ("Convenant", "Covenant"),
    "what-for": ("Waarvoor", "What for"),
    "law": ("Grondslag", "Legal basis"),
    "unsure": ("onzeker: het bestuur beslist", "unsure: the board decides"),
    "grounds": ("Aanleiding", "Reason for the signal"),
    "categories": ("Gegevens die werden vergeleken, als pseudoniem", "Data that were compared, as pseudonyms"),
    "origin": ("Herkomst", "Origin"),
    "origin-own": ("eigen dossier van deze organisatie", "this organisation's own records"),
    "received-parts": ("Ontvangen van anderen", "Received from others"),
    "recipients": ("Wie ervan weet", "Who knows of it"),
    "retention": ("Bewaartermijn", "Kept"),
    "retention-said": ("hoogstens {days} dagen", "at most {days} days"),
    "until": ("nu tot {day}", "now until {day}"),
    "contact": ("Contactpunt", "Contact point"),
    "none": ("geen", "none"),
    "nothing": (
        "Onder dit doel is over u niets gevonden dat wij kunnen verstrekken.",
        "Under this purpose nothing about you was found that we can give.",
    ),
    "refused": ("Niet verstrekt. Grond: {ground} ({law}).", "Not given. Ground: {ground} ({law})."),
    "refused-said": (
        "Over dit doel wordt niets gezegd: niet dat er iets is, en niet dat er niets is.",
        "Of this purpose nothing is said: not that there is something, and not that there is nothing.",
    ),
    "lines": ("Wat er met de gegevens is gedaan", "What was done with the data"),
    "when": ("Wanneer", "When"),
    "operation": ("Handeling", "Operation"),
    "what": ("Wat", "What"),
    "entry": ("Regel in het logboek", "Entry in the log"),
    "person": ("Medewerker", "Employee"),
    "reference": ("Eigen kenmerk", "Own reference"),
    "role": ("Rol", "Role"),
    "sure": ("Dezelfde persoon", "Same person"),
    "for-person": ("In het antwoord", "In the answer"),
    "yes": ("ja", "yes"),
    "no": ("nee", "no"),
    "requests": ("Eerdere verzoeken om inzage", "Earlier requests for access"),
    "declined": ("Doelen waarvoor wij geen antwoord geven", "Purposes for which we give no answer"),
    "declined-said": (
        "Het convenant laat deze organisatie voor deze doelen niet antwoorden. Dit zegt niets over u. Vraag het aan "
        "het contactpunt van het doel.",
        "The covenant does not let this organisation answer for these purposes. This says nothing about you. Ask the "
        "purpose's contact point.",
    ),
    "why": ("Waarom", "Why"),
    "purpose": ("Doel", "Purpose"),
    "limits": ("Wat hier niet in staat", "What is not in here"),
    "limit-epochs": (
        "Pseudoniemen van eerdere tijdvakken kunnen niet meer worden gemaakt: hun sleutels zijn vernietigd. Wat deze "
        "organisatie toen zelf heeft vastgelegd, is gevonden met haar eigen dossiers; of zij toen ook naar u heeft "
        "gevraagd zonder te signaleren, is alleen te zien zolang het tijdvak loopt.",
        "Pseudonyms of earlier epochs cannot be made any more: their keys are destroyed. What this organisation "
        "recorded then was found by its own records; whether it then asked about you without signalling can only be "
        "seen while the epoch lasts.",
    ),
    "limit-others": (
        "Andere organisaties antwoorden voor wat zij zelf verwerken. Zij zijn hier genoemd voor zover wij weten dat "
        "zij gegevens van ons kregen of aan ons gaven.",
        "Other organisations answer for what they process themselves. They are named here as far as we know that they "
        "received data from us or gave data to us.",
    ),
    "limit-third": (
        "Gegevens die iets over een ander zouden zeggen, zijn weggelaten, ook als u erin voorkomt. Dit staat in elk "
        "antwoord, of er iets is weggelaten of niet.",
        "Data that would tell of somebody else are left out, even where you occur in them. This stands in every "
        "answer, whether something was left out or not.",
    ),
    "limit-employees": (
        "Namen en kenmerken van medewerkers worden niet genoemd (HvJ EU C-579/21).",
        "Names and references of employees are not given (CJEU C-579/21).",
    ),
    "limit-more": (
        "Er zijn meer regels dan in één antwoord passen: de oudste ontbreken.",
        "There are more entries than fit in one answer: the oldest are missing.",
    ),
    "limit-erased": (
        "Regel {place} is gewist op {at}, grond {ground}; regel {marker} van het logboek zegt dat.",
        "Entry {place} was erased on {at}, ground {ground}; entry {marker} of the log says so.",
    ),
    "rights": ("Uw rechten", "Your rights"),
    "rights-correct": (
        "U kunt vragen om verbetering, aanvulling, wissing of beperking van uw gegevens, bij het contactpunt van het "
        "doel. Waar de AVG geldt, kunt u ook bezwaar maken.",
        "You can ask for correction, completion, erasure or restriction of your data, at the purpose's contact point. "
        "Where the GDPR applies, you can also object.",
    ),
    "rights-complaint": (
        "U kunt een klacht indienen bij de Autoriteit Persoonsgegevens, autoriteitpersoonsgegevens.nl. Zij kan ook "
        "namens u nagaan of een weigering terecht is.",
        "You can lodge a complaint with the Dutch Data Protection Authority, autoriteitpersoonsgegevens.nl. It can "
        "also check on your behalf whether a refusal is right.",
    ),
    "rights-court": (
        "U kunt tegen dit besluit bezwaar maken, en daarna naar de rechter.",
        "You can object to this decision, and then go to court.",
    ),
    "file": ("Voor het dossier", "For the file"),
    "log-place": ("Dit verzamelen staat in het logboek als regel", "This collecting stands in the log as entry"),
    "check": (
        "Regels die eerst worden nagegaan en niet in het antwoord staan",
        "Entries to look at, not in the answer",
    ),
    "weak": (
        "Regels die alleen zwakke kenmerken delen en dus niet over deze persoon gaan",
        "Entries that share weak traits only, and so are not about this person",
    ),
    "receipts": ("Bewijzen", "Receipts"),
    "receipts-said": (
        "In de map receipts staat van elke regel een bewijs, te controleren met sluis audit check.",
        "The folder receipts has a proof of every entry, to be checked with sluis audit check.",
    ),
}
"""Everything else that a report says, by name."""


def said(name: str, lang: Lang, **values: object) -> str:
    """Return one text in this language."""
    return say(SAID[name], lang).format(**values)


def title_in(title: Title, lang: Lang) -> str:
    """Return a covenant's title in this language."""
    return title.nl if lang == "nl" else title.en


def party_said(party: PartyId | None, covenant: Covenant, lang: Lang) -> str:
    """Return an agency's name for people, or that it is another one."""
    found = None if party is None else covenant.find(party)
    if found is None:
        return say(UNNAMED, lang) if party is None else party
    return title_in(found.title, lang)


def line_said(line: Line, covenant: Covenant, lang: Lang) -> str:
    """Return what was done, in words."""
    other = party_said(line.other, covenant, lang)
    if isinstance(line.event, NoticeIssued):
        return say(NOTICES_SAID[line.event.notice_type], lang).format(other=other)
    text = say(EVENTS_SAID[line.event.TAG], lang)
    return text if line.other is None else f"{text}, {say(WITH, lang).format(other=other)}"
