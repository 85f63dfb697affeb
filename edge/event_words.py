# SPDX-License-Identifier: EUPL-1.2
"""What the log's entries are called by people, in Dutch and English: kinds of event, operations, reasons to read.

Not here: whole sentences about one entry, and any page (each role's own).
"""

from collections.abc import Mapping
from typing import Final

from edge.languages import Pair
from protocol.questions import LogPurpose

EVENTS_SAID: Final[Mapping[int, Pair]] = {
    1: ("Convenant in werking", "Covenant put into force"),
    2: ("Sleutelverklaring gepubliceerd", "Key statement published"),
    3: ("Signaal geregistreerd", "Signal registered"),
    4: ("Signaal geweigerd", "Signal refused"),
    5: ("Signaal ingetrokken", "Signal withdrawn"),
    6: ("Signaal verlopen", "Signal expired"),
    7: ("Signalen raken elkaar", "Signals matched"),
    8: ("Bericht gegeven", "Notice issued"),
    9: ("Treffer ingezien", "Hit opened"),
    10: ("Sleutel gedempt", "Key muted"),
    11: ("Verzoek geweigerd", "Request refused"),
    12: ("Vraag beantwoord", "Query answered"),
    13: ("Ongewoon gebruik", "Unusual use"),
    14: ("Aantallen gelezen", "Statistics read"),
    15: ("Logboek gelezen", "Log read"),
    16: ("Gewist uit het logboek", "Erased from the log"),
    17: ("Burger geïnformeerd over vastlegging", "Citizen's own entries collected"),
    18: ("Pseudoniemen gemaakt, per uur", "Pseudonyms made, by the hour"),
    19: ("Proefsignalen verantwoord", "Probes declared"),
    20: ("Informeren opnieuw beoordeeld", "Informing reviewed"),
    21: ("Bewijs uit het logboek meegenomen", "Evidence taken out of the log"),
    22: ("Om meer gevraagd", "More asked for"),
    23: ("Over een verzoek beslist", "Request for more decided"),
    24: ("Verstrekking gelezen", "Disclosure read"),
    25: ("Verzoek om meer beëindigd", "Request for more ended"),
    26: ("Treffer opgevolgd", "Hit followed up"),
    27: ("Signaal beperkt of weer vrijgegeven", "Signal restricted, or lifted"),
    28: ("Signaal verlengd", "Signal extended"),
    30: ("Signaal voor het volgende tijdvak vernieuwd", "Signal renewed for the next epoch"),
    29: ("Wijziging bij de ontvanger verwerkt", "Change carried out by the recipient"),
}
"""By the event's tag; a test holds that none is missing."""
OPERATIONS_SAID: Final[Mapping[str, Pair]] = {
    "collection": ("verzamelen", "collection"),
    "alteration": ("wijzigen", "alteration"),
    "consultation": ("raadplegen", "consultation"),
    "disclosure": ("verstrekken", "disclosure"),
    "combination": ("combineren", "combination"),
    "erasure": ("wissen", "erasure"),
    "administration": ("beheer", "administration"),
}
"""LED article 25, and what belongs to none of its operations."""
REASONS_SAID: Final[Mapping[LogPurpose, Pair]] = {
    "none": ("zonder doel", "for no purpose"),
    "lawfulness-check": ("om rechtmatigheid te controleren", "to check lawfulness"),
    "self-monitoring": ("om zichzelf te controleren", "to monitor itself"),
    "integrity-security": ("voor integriteit en beveiliging", "for integrity and security"),
    "criminal-proceedings": ("voor een strafzaak", "for criminal proceedings"),
}
"""Why somebody reads the log (LED 25(2))."""
DECISIONS_SAID: Final[Mapping[str | None, Pair]] = {
    "allow": ("toegestaan", "allowed"),
    "deny": ("geweigerd", "refused"),
    None: ("zonder besluit", "no decision"),
}
GROUNDS_SAID: Final[Mapping[str, Pair]] = {
    "retention-over": ("bewaartermijn om", "retention over"),
    "citizen-request": ("verzoek van een burger", "a citizen's request"),
    "wrong-person": ("verkeerde persoon", "wrong person"),
    "unlawful-processing": ("onrechtmatig verwerkt", "unlawful processing"),
    "court-order": ("rechterlijk bevel", "court order"),
}
"""Why something of the log was erased."""
UNUSUAL_SAID: Final[Mapping[str, Pair]] = {
    "burst": ("veel mensen in één uur", "many people in one hour"),
    "odd-hours": ("veel mensen buiten de gewone uren", "many people outside ordinary hours"),
    "many-subjects-few-hits": (
        "veel mensen, van wie bijna niemand elders bekend is",
        "many people, hardly any known elsewhere",
    ),
    "budget-near-end": ("het dagbudget is bijna op", "the day's budget nearly used"),
    "one-person-many-subjects": (
        "één medewerker die op een dag veel mensen bekeek",
        "one employee who looked at many people in a day",
    ),
    "canary": ("een kanarie aangeraakt: een signaal over niemand", "a canary touched: a signal about nobody"),
}
"""Why use is worth a look; no accusation. A test holds that none is missing."""
