# SPDX-License-Identifier: EUPL-1.2
"""The words of the board's pages and lists, in Dutch and English, side by side so that neither can be forgotten.

Not here: languages (``edge/languages.py``), sentences made of these words (``sentences.py``), the covenant's own
titles (``policies/``).
"""

from collections.abc import Mapping
from typing import Final

from edge.languages import Pair

LEVELS_SAID: Final[Mapping[str | None, Pair]] = {
    None: ("niets", "nothing"),
    "existence": ("dat er een is", "that there is one"),
    "agency": ("welke organisatie", "which agency"),
    "contact": ("wie te bellen", "whom to call"),
    "content": ("de feiten", "the facts"),
}
QUALITIES_SAID: Final[Mapping[str, Pair]] = {
    "hit": ("een treffer", "a hit"),
    "probable": ("een waarschijnlijke treffer", "a probable hit"),
    "possible": ("een mogelijke treffer", "a possible hit"),
}
ROLES_SAID: Final[Mapping[str, Pair]] = {
    "system": ("systeem", "machine"),
    "coordinator": ("coördinator", "coordinator"),
    "supervisor": ("toezichthouder", "supervisor"),
    "privacy-officer": ("privacyfunctionaris", "privacy officer"),
    "operator": ("beheerder", "operator"),
}
SCOPES_SAID: Final[Mapping[str, Pair]] = {
    "own": ("van zichzelf", "of its own acts"),
    "counterpart": ("van handelingen die de organisatie raakten", "of acts that concerned it"),
    "others": ("van handelingen tussen anderen", "of acts between others"),
}
LOG_PURPOSES_SAID: Final[Mapping[str, Pair]] = {
    "none": ("zonder doel", "for no purpose"),
    "lawfulness-check": ("om rechtmatigheid te controleren", "to check lawfulness"),
    "self-monitoring": ("om zichzelf te controleren", "to monitor itself"),
    "integrity-security": ("voor integriteit en beveiliging", "for integrity and security"),
    "criminal-proceedings": ("voor een strafzaak", "for criminal proceedings"),
}
TIMES_SAID: Final[Mapping[str, Pair]] = {
    "live": ("in een lopend tijdvak", "in a live epoch"),
    "closed": ("in een gesloten tijdvak", "in an epoch that is closed"),
    "over": ("terwijl het convenant niet geldt", "while the covenant is not in force"),
}
STATES_SAID: Final[Mapping[str, Pair]] = {
    "active": ("actief", "active"),
    "suspended": ("geschorst", "suspended"),
}
ACTS_SAID: Final[Mapping[str, Pair]] = {
    "evaluate": ("pseudoniemen laten maken", "have pseudonyms made"),
    "push": ("signaleren", "signal"),
    "plant": ("lokvogels uitzetten op naam van {other}", "plant canaries under the name of {other}"),
    "query": ("vragen wie iemand kent", "ask who knows a person"),
    "notify": ("over een signaal van {other} horen {level}", "be told {level} of a signal by {other}"),
    "requestDisclosure": ("na een treffer {other} om meer vragen", "ask {other} for more after a hit"),
    "decideDisclosure": ("beslissen wat {other} op verzoek krijgt", "decide what {other} is given on request"),
    "readEvents": ("het logboek lezen", "read the log"),
    "exportEvents": ("regels uit het logboek meenemen, met bewijs", "take entries out of the log, with proof"),
    "subjectRequest": ("opzoeken wat over een burger is vastgelegd", "look up what is recorded about a citizen"),
    "eraseSignal": (
        "het logboek laten vergeten over wie een eigen signaal ging",
        "have the log forget whom an own signal concerned",
    ),
    "readStatistics": ("aantallen lezen van {about}", "read counts of {about}"),
}
COUNTED_SAID: Final[Mapping[str, Pair]] = {
    "send": ("signaleert", "signals"),
    "receive": ("hoort van treffers", "is told of hits"),
    "query": ("mag vragen", "may ask"),
    "plant": ("zet lokvogels uit", "plants canaries"),
    "count": ("leest aantallen", "reads counts"),
}
WAYS: Final[Mapping[tuple[str, bool], Pair]] = {
    ("allowed", False): ("mag nu", "may now"),
    ("allowed", True): ("mogen nu", "may now"),
    ("forbidden", False): ("mag niet meer", "may no longer"),
    ("forbidden", True): ("mogen niet meer", "may no longer"),
    ("rule", False): ("mag net als eerst", "may, as before,"),
    ("rule", True): ("mogen net als eerst", "may, as before,"),
}
"""How it turned, and whether it is about more than one kind of agency."""
WAY_TITLES: Final[Mapping[str, Pair]] = {
    "allowed": ("Nu toegestaan", "Now allowed"),
    "forbidden": ("Niet meer toegestaan", "No longer allowed"),
    "rule": ("Toegestaan op een andere regel", "Allowed on another rule"),
}
MEETING_SAID: Final[Mapping[str, Pair]] = {
    "subject": ("wie het signaal betreft", "whom the signal is about"),
    "associate": ("iemand uit diens omgeving", "somebody around them"),
}
UNSURE: Final[Pair] = ("onzeker: het bestuur beslist", "unsure: the board decides")

SETTINGS: Final[Mapping[str, Pair]] = {
    "acts": ("handelingen", "acts"),
    "actsPerPerson": ("handelingen van één medewerker op een dag", "acts of one employee in a day"),
    "advice": ("advies van de rechtmatigheidscommissie", "advice of the lawfulness committee"),
    "agency-kinds": ("soort organisatie", "kind of agency"),
    "answerHours": ("uren waarin een proef beantwoord moet zijn", "hours within which a probe must be answered"),
    "article": ("artikel", "article"),
    "awaited": ("verwachte tegenhanger", "awaited counterpart"),
    "bases": ("grondslagen om te verstrekken", "bases to provide on"),
    "budgetPerDay": ("pseudoniemen per organisatie en dag", "pseudonyms an agency and day"),
    "budgetShare": ("aandeel van het dagbudget", "share of the day's budget"),
    "burstPerHour": ("personen in één uur", "people in one hour"),
    "certainty": ("zekerheid", "certainty"),
    "commonKeyLimit": ("grens van een gewone sleutel", "limit of a common key"),
    "consultFrom": ("leeftijd waarop de persoon meebeslist", "age from which the person is told too"),
    "contactPoint": ("contactpunt", "contact point"),
    "counterpart": ("tegenhanger", "counterpart"),
    "countsOf": ("telt signalen van", "counts the signals of"),
    "covenant": ("convenant", "covenant"),
    "days": ("dagen", "days"),
    "deferralDays": ("dagen dat informeren kan wachten", "days that informing can wait"),
    "disclosureApprovals": ("personen die een verstrekking goedkeuren", "persons who approve a disclosure"),
    "disclosureDays": ("dagen om een verstrekking op te halen", "days to fetch a disclosure"),
    "disclosureHours": ("uren om over een verzoek te beslissen", "hours to decide on a request for more"),
    "disclosureKey": ("sleutel voor verstrekkingen", "key for disclosures"),
    "disclosures": ("verstrekkingen", "disclosures"),
    "dpia": ("effectbeoordeling (DPIA)", "impact assessment (DPIA)"),
    "epochDays": ("dagen per tijdvak", "days of an epoch"),
    "explanation": ("uitleg", "explanation"),
    "followUpHours": ("uren om op te volgen", "hours to follow up"),
    "graceDays": ("dagen respijt van een tijdvak", "days of grace of an epoch"),
    "grounds": ("instapcriteria", "entry criteria"),
    "hiddenFrom": ("verborgen voor", "hidden from"),
    "hitShareBelow": ("aandeel treffers waaronder", "share of hits below which"),
    "informing": ("de persoon informeren", "informing the person"),
    "keyKinds": ("soorten sleutels", "kinds of key"),
    "kind": ("soort", "kind"),
    "legal-bases": ("grondslag", "legal basis"),
    "legal_basis": ("rust op", "rests on"),
    "legalBases": ("wet per richting", "law per edge"),
    "logRetentionYears": ("jaren dat het logboek bewaard blijft", "years for which the log is kept"),
    "maxBatch": ("grootste zending", "largest batch"),
    "maxExtensions": ("hoe vaak een signaal verlengd mag worden", "how often a signal may be extended"),
    "name": ("naam", "name"),
    "oddHours": ("ongewone uren", "odd hours"),
    "oddHoursAtLeast": ("personen in ongewone uren, ten minste", "people in odd hours, at least"),
    "oddHoursShare": ("aandeel in ongewone uren", "share in odd hours"),
    "outcomes": ("uitkomst van een treffer", "outcome of a hit"),
    "owner": ("wie ervoor instaat", "who answers for it"),
    "ownFrom": ("leeftijd waarop de persoon alleen wordt geïnformeerd", "age from which the person alone is told"),
    "participants": ("deelnemers", "participants"),
    "parties": ("partij", "party"),
    "perPairPerWeek": ("per twee organisaties en week", "for every two agencies and week"),
    "population": ("bevolking", "population"),
    "probes": ("proeven op achtergehouden treffers", "probes against withheld hits"),
    "processingActivity": ("verwerking in het register", "activity in the register of processing"),
    "purposes": ("doel", "purpose"),
    "retentionDays": ("bewaartermijn in dagen", "retention in days"),
    "reasons": ("reden om te kijken", "reason to look"),
    "refusals": ("reden om te weigeren", "reason to refuse"),
    "review_by": ("herzien voor", "review by"),
    "rolesThatMeet": ("rollen die elkaar raken", "roles that may meet"),
    "rule": ("regel", "rule"),
    "says": ("zegt", "says"),
    "signingKeys": ("sleutels om te ondertekenen", "signing keys"),
    "smallestCell": ("kleinste getal dat wordt getoond", "smallest number that is shown"),
    "state": ("stand", "state"),
    "subjectsPerDay": ("personen op een dag", "people in a day"),
    "threshold": ("sleutelhouders die samen een pseudoniem maken", "key-holders that make a pseudonym together"),
    "timeZone": ("tijdzone", "time zone"),
    "title": ("titel", "title"),
    "topics": ("onderwerp", "topic"),
    "unusual": ("ongewoon gebruik", "unusual use"),
    "told": ("de ander hoort het", "the other is told"),
    "urgency": ("spoed tenzij anders gezegd", "urgency unless said otherwise"),
    "urgentFollowUpHours": ("uren om met spoed op te volgen", "hours to follow up when urgent"),
    "validFrom": ("geldt vanaf", "in force from"),
    "validUntil": ("geldt tot", "in force until"),
    "version": ("versie", "version"),
    "witnessQuorum": ("getuigen die nodig zijn", "witnesses that are needed"),
}
"""Of a covenant's fields; a field without an entry is shown by its own name."""
