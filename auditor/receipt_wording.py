# SPDX-License-Identifier: EUPL-1.2
"""The words of a checked receipt, in Dutch and English, side by side so that neither can be forgotten.

Not here: sentences and pages made of them (``receipt_words.py``), the kinds of event (``edge/event_words.py``), the
covenant's own titles (``policies/``).
"""

from collections.abc import Mapping
from typing import Final

from edge.event_words import GROUNDS_SAID, REASONS_SAID, UNUSUAL_SAID
from edge.languages import Pair
from protocol.errors import Code

HOLDS: Final[Pair] = ("Dit bewijs klopt.", "This proof holds.")
HOLDS_NOT: Final[Pair] = ("Dit bewijs klopt niet", "This proof does not hold")
WRONG: Final[Mapping[Code, Pair]] = {
    Code.MALFORMED: ("dit bestand is geen ontvangstbewijs", "this file is no receipt"),
    Code.TOO_LARGE: ("dit bestand is te groot voor een ontvangstbewijs", "this file is too large for a receipt"),
    Code.RECEIPT_INVALID: (
        "wat het zegt dat er gebeurde, is niet te lezen",
        "what it says that happened cannot be read",
    ),
    Code.PROOF_INVALID: (
        "wat het zegt dat er gebeurde, staat niet zo in het logboek",
        "what it says that happened does not stand like that in the log",
    ),
    Code.CHECKPOINT_INVALID: (
        "de handtekening van het logboek of van een getuige is niet echt",
        "the signature of the log or of a witness is not genuine",
    ),
    Code.QUORUM_MISSING: (
        "te weinig getuigen hebben deze stand van het logboek gezien",
        "too few witnesses have seen this state of the log",
    ),
    Code.LOG_UNKNOWN: ("het gaat over een ander logboek", "it is about another log"),
    Code.COVENANT_UNTRUSTED: (
        "het noemt een convenant dat niet van het bestuur is",
        "it names a covenant that is not the board's",
    ),
}
"""What is wrong, in the words of somebody who was handed the file."""

WORDS: Final[Mapping[str, Pair]] = {
    "what": ("Wat er gebeurde", "What happened"),
    "when": ("Wanneer", "When"),
    "who": ("Door wie", "By whom"),
    "self": ("het systeem van de makelaar", "the broker's system"),
    "person": ("Medewerker", "Employee"),
    "person-said": (
        "{reference} (een kenmerk; alleen de organisatie zelf weet wie het is)",
        "{reference} (a reference; only the agency itself knows who it is)",
    ),
    "system": ("Systeem", "System"),
    "recipient": ("Aan wie verteld", "Told to"),
    "purpose": ("Voor welk doel", "For which purpose"),
    "law": ("Op grond van", "By virtue of"),
    "laws-of-purpose": (
        "Wetten die dit doel voor deze organisatie noemt",
        "Laws that the purpose names for this agency",
    ),
    "unsure": ("nog na te gaan door het bestuur", "still to be settled by the board"),
    "why": ("Reden", "Reason"),
    "words": ("Reden in eigen woorden", "Reason in its own words"),
    "case": ("Eigen zaakkenmerk", "Its own case reference"),
    "decision": ("Besluit van de regels", "Decision of the rules"),
    "rules": ("Regels die besloten", "Rules that decided"),
    "covenant": ("Onder welke afspraken", "Under which agreements"),
    "covenant-said": ("{name}, versie {version}", "{name}, version {version}"),
    "version-said": ("versie {version} van het convenant", "version {version} of the covenant"),
    "contact": ("Waar u met vragen terechtkunt", "Where to turn to with questions"),
    "subject": ("Over wie het ging", "Whom it concerned"),
    "erased": (
        "Dit deel is gewist of weggelaten. Alleen een controlegetal ervan telt nog mee in het bewijs.",
        "This part was erased or left out. Only a check value of it still counts in the proof.",
    ),
    "nobody": ("niemand in het bijzonder", "nobody in particular"),
    "signals": ("signaal {listed}", "signal {listed}"),
    "hit": ("treffer {id}", "hit {id}"),
    "tags": ("{count} pseudoniemen (niet te herleiden tot een persoon)", "{count} pseudonyms (no person can be told)"),
    "tag": ("1 pseudoniem (niet te herleiden tot een persoon)", "1 pseudonym (no person can be told)"),
    "trace": ("Kenmerk in het Logboek Dataverwerkingen", "Reference in the processing log (LDV)"),
    "proven": ("Waar het staat", "Where it stands"),
    "proven-said": (
        "regel {index} van logboek {log}, dat toen {size} regels had",
        "entry {index} of the log {log}, which had {size} entries then",
    ),
    "seen": ("Wie dat gezien heeft", "Who saw that"),
    "seen-said": ("{witnesses}, samen op of na {at}", "{witnesses}, together at or after {at}"),
    "keys": ("Met de sleutels van", "By the keys of"),
    "yes": ("ja", "yes"),
}

MEANING: Final[Pair] = (
    "Wat klopt, staat precies zo in het logboek, en de genoemde getuigen hebben het daar gezien. Niemand kan het nog "
    "veranderen of weghalen zonder dat het opvalt, ook de makelaar niet.",
    "What holds, stands exactly so in the log, and the witnesses named have seen it there. Nobody can change or remove "
    "it without being noticed, not even the broker.",
)
NOTHING: Final[Pair] = (
    "Hiermee is niets bewezen. Vraag wie u dit gaf om het bestand zoals het werd gemaakt.",
    "Nothing is proven by this. Ask who gave it to you for the file as it was made.",
)
MEANING_NOT: Final[Pair] = (
    "Het bewijst niet dat waar is wat een organisatie over zichzelf zegt, zoals haar reden.",
    "It does not prove that what an agency says about itself, such as its reason, is true.",
)
TIMES: Final[Pair] = (
    "Tijden zijn in UTC: in Nederland is het dan een uur later, in de zomer twee.",
    "Times are in UTC: in the Netherlands it is an hour later then, two in summer.",
)
UNSIGNED: Final[Pair] = (
    "Of het gegeven convenant echt is, is hiermee niet gecontroleerd. Vergelijk dit getal (SHA-256) met wat het "
    "bestuur van het convenant bekendmaakt, of gebruik --root:",
    "Whether the covenant given is genuine was not checked by this. Compare this number (SHA-256) with what the "
    "covenant board publishes, or use --root:",
)
SIGNED: Final[Pair] = (
    "De handtekeningen van het bestuur onder het convenant zijn gecontroleerd.",
    "The board's signatures under the covenant were checked.",
)
NOT_GIVEN: Final[Pair] = (
    "De versie van het convenant waaronder dit gebeurde, is hier niet; daarom staan er soms codes in plaats van namen.",
    "The version of the covenant under which this was done is not here; so there are codes in places instead of names.",
)

FIELDS: Final[Mapping[str, Pair]] = {
    "version": ("Versie", "Version"),
    "sha256": ("SHA-256 van het convenant", "SHA-256 of the covenant"),
    "holder": ("Sleutelhouder nummer", "Key-holder number"),
    "epoch": ("Tijdvak", "Epoch"),
    "statement_digest": ("SHA-256 van de verklaring", "SHA-256 of the statement"),
    "basis": ("Grondslag", "Basis"),
    "grounds": ("Instapcriteria", "Entry criteria"),
    "key_kinds": ("Vergeleken gegevens", "Data compared"),
    "days": ("Dagen tot het verloopt", "Days until it expires"),
    "informed": ("Is de persoon geïnformeerd", "Was the person informed"),
    "review_days": ("Dagen tot dat opnieuw wordt bekeken", "Days until that is looked at again"),
    "cover": ("Lokvogel op naam van", "Canary under the name of"),
    "urgency": ("Spoed", "Urgency"),
    "request_digest": ("SHA-256 van het verzoek", "SHA-256 of the request"),
    "request_key_id": ("Ondertekend met sleutel", "Signed with key"),
    "code": ("Reden van weigering", "Reason of refusal"),
    "rule": ("Regel", "Rule"),
    "reason": ("Reden", "Reason"),
    "quality": ("Hoe zeker", "How sure"),
    "kinds": ("Wat overeenkwam", "What agreed"),
    "agencies": ("Tussen welke organisaties", "Between which agencies"),
    "notice_seq": ("Nummer van het bericht", "Number of the notice"),
    "notice_type": ("Soort bericht", "Kind of notice"),
    "level": ("Wat er verteld is", "What was told"),
    "kind": ("Soort gegeven", "Kind of data"),
    "count": ("Aantal", "Count"),
    "limit": ("Grens", "Limit"),
    "matches": ("Aantal zaken dat is verteld", "Cases told of"),
    "about": ("Aantallen van welk doel", "Numbers of which purpose"),
    "cells": ("Aantal getallen", "Number of figures"),
    "scopes": ("Van wie de regels zijn", "Whose entries"),
    "log_purpose": ("Waarvoor het logboek is gelezen", "Why the log was read"),
    "purposes": ("Over welke doelen", "About which purposes"),
    "entries": ("Aantal regels", "Number of entries"),
    "ground": ("Grond", "Ground"),
    "indexes": ("Regels waarvan een deel is gewist", "Entries of which a part was erased"),
    "month": ("Maand", "Month"),
    "first": ("Vanaf regel", "From entry"),
    "last": ("Tot en met regel", "Up to entry"),
    "hour": ("Uur dat begon op", "Hour that began at"),
    "elements": ("Aantal gemaakte pseudoniemen", "Pseudonyms made"),
    "refused": ("Aantal geweigerde verzoeken", "Requests refused"),
    "registered": ("Proeven: geregistreerd", "Probes: registered"),
    "withdrawn": ("Proeven: ingetrokken", "Probes: withdrawn"),
    "expired": ("Proeven: verlopen", "Probes: expired"),
    "hit": ("Proeven: treffers", "Probes: hits"),
    "probable": ("Proeven: waarschijnlijke treffers", "Probes: probable hits"),
    "possible": ("Proeven: mogelijke treffers", "Probes: possible hits"),
    "approver": ("Goedgekeurd door (kenmerk)", "Approved by (reference)"),
    "request": ("SHA-256 van het verzoek om meer", "SHA-256 of the request for more"),
    "answer": ("SHA-256 van wat is gegeven", "SHA-256 of what was given"),
    "outcome": ("Uitkomst", "Outcome"),
    "step": ("Hoe ver met de treffer", "How far with the hit"),
    "restricted": ("Beperkt", "Restricted"),
    "change": ("Wat niet meer wordt getoond", "What is no longer shown"),
}
"""What an event's own fields are called; a test holds that none is missing."""

VALUES: Final[Mapping[str, Mapping[str, Pair]]] = {
    "urgency": {"normal": ("gewoon", "normal"), "urgent": ("spoed", "urgent")},
    "informed": {
        "informed": ("ja", "yes"),
        "deferred": ("nog niet; uitgesteld", "not yet; put off"),
        "not-required": ("hoeft niet", "not required"),
    },
    "quality": {
        "hit": ("een treffer", "a hit"),
        "probable": ("een waarschijnlijke treffer", "a probable hit"),
        "possible": ("een mogelijke treffer", "a possible hit"),
    },
    "level": {
        "existence": ("alleen dat er een is", "only that there is one"),
        "agency": ("welke organisatie", "which agency"),
        "contact": ("wie te bellen", "whom to call"),
        "content": ("ook de feiten", "the facts too"),
    },
    "notice_type": {
        "hit": ("een treffer", "a hit"),
        "withdrawn": ("een treffer is vervallen", "a hit is over"),
        "muted": ("een gegeven komt te vaak voor", "a key stands too often"),
        "queried": ("iemand vroeg ernaar", "somebody asked about it"),
        "overdue": ("de verwachte organisatie bleef weg", "the awaited agency stayed away"),
        "erased": ("het logboek heeft vergeten over wie het ging", "the log has forgotten whom it concerned"),
        "late": ("opvolging van een treffer bleef uit", "a hit was followed up late"),
        "doubted": ("de ander twijfelt aan een treffer", "the other doubts a hit"),
        "disclosure": ("een verzoek om meer", "a request for more"),
        "restricted": ("een treffer is beperkt", "a hit is restricted"),
        "lifted": ("een treffer is niet meer beperkt", "a hit is no longer restricted"),
        "acknowledged": ("de ander heeft een wijziging verwerkt", "the other carried out a change"),
    },
    "outcome": {
        "approved": ("goedgekeurd door de eerste van twee", "approved by the first of two"),
        "granted": ("verstrekt", "given"),
        "refused": ("geweigerd", "refused"),
    },
    "step": {
        "acknowledged": ("gezien", "acknowledged"),
        "contacted": ("contact gehad", "contacted"),
        "closed": ("afgesloten", "closed"),
    },
    "restricted": {"yes": ("ja", "yes"), "no": ("niet meer", "no longer")},
    "change": {
        "withdrawn": ("een treffer die is vervallen", "a hit that is over"),
        "restricted": ("een treffer die is beperkt", "a hit that is restricted"),
    },
    "reason": UNUSUAL_SAID,
    "ground": GROUNDS_SAID,
    "scopes": {
        "own": ("van zichzelf", "its own"),
        "counterpart": ("die haar raakten", "that concerned it"),
        "others": ("van anderen", "of others"),
    },
    "log_purpose": dict(REASONS_SAID.items()),
}
"""What the values of closed lists are called, by field."""
