# SPDX-License-Identifier: EUPL-1.2
"""What each code of an error means, in plain words, in Dutch and English.

For who has no words for an error's own sentence: a page in Dutch, an entry of the log that has nothing but the code.
Not here: sentences that are known word for word (the console's ``refusals.py``), what to do (``problems.py``).
"""

from collections.abc import Mapping
from typing import Final

from edge.languages import Lang, Pair, say
from protocol.errors import Code

CODES_SAID: Final[Mapping[Code, Pair]] = {
    Code.MALFORMED: (
        "Iets in wat is opgegeven, kan niet worden gelezen of gebruikt.",
        "Something in what was given cannot be read or used.",
    ),
    Code.TOO_LARGE: ("Dit is meer dan er in één keer past.", "This is more than fits at once."),
    Code.INVALID_ELEMENT: ("Wat als pseudoniem is verstuurd, is er geen.", "What was sent as a pseudonym is none."),
    Code.INVALID_IDENTIFIER: (
        "Wat naar iemand wijst, ontbreekt of is niet goed geschreven.",
        "What points at a person is missing, or not written as it should be.",
    ),
    Code.UNKNOWN_COLUMN: (
        "De kolommen zijn niet de kolommen die zijn afgesproken.",
        "The columns are not the ones that were agreed on.",
    ),
    Code.RECORD_UNUSABLE: ("De registratie kan zo niet worden gebruikt.", "The record cannot be used as it is."),
    Code.SIGNATURE_MISSING: (
        "Een bericht kwam zonder handtekening van de afzender.",
        "A message came without its sender's signature.",
    ),
    Code.SIGNATURE_INVALID: (
        "De handtekening onder een bericht klopt niet.",
        "The signature of a message does not hold.",
    ),
    Code.SIGNATURE_STALE: (
        "Een bericht is te lang geleden ondertekend, of de klokken van beide kanten lopen niet gelijk.",
        "A message was signed too long ago, or the clocks of both sides differ.",
    ),
    Code.SIGNATURE_REPLAYED: ("Een bericht kwam een tweede keer.", "A message came a second time."),
    Code.DIGEST_MISMATCH: ("Een bericht is onderweg veranderd.", "A message was changed on its way."),
    Code.UNKNOWN_KEY: (
        "Een bericht is ondertekend met een sleutel die niet bekend is.",
        "A message was signed with a key that is not known.",
    ),
    Code.TOKEN_MISSING: ("Een systeem zei niet welk systeem het is.", "A system did not say which one it is."),
    Code.TOKEN_INVALID: (
        "Een systeem is geen systeem van deze organisatie, of niet meer.",
        "A system is not, or no longer, one of this agency.",
    ),
    Code.LOGIN_REFUSED: ("Inloggen is niet gelukt.", "Logging in did not succeed."),
    Code.POLICY_REFUSED: ("Dit is niet toegestaan.", "This is not allowed."),
    Code.BUDGET_EXHAUSTED: (
        "Het budget van vandaag is op; het gaat verder als het is vernieuwd.",
        "Today's budget is used up; it goes on when that is renewed.",
    ),
    Code.LOGIN_PAUSED: (
        "Er waren te veel pogingen. Wacht enkele minuten en probeer het opnieuw.",
        "There were too many tries. Wait some minutes and try again.",
    ),
    Code.TOKEN_PAUSED: (
        "Een systeem kwam met te veel verkeerde tokens en moet wachten.",
        "A system came with too many wrong tokens and must wait.",
    ),
    Code.EPOCH_CLOSED: (
        "De tijd van deze pseudoniemen is voorbij; ze moeten opnieuw worden gemaakt.",
        "The time of these pseudonyms is over; they have to be made anew.",
    ),
    Code.NOT_FOUND: ("Dit is er niet, of niet meer.", "This is not here, or not any more."),
    Code.CONFLICT: ("Dit past niet bij wat er al staat.", "This does not fit with what stands there already."),
    Code.ALREADY_DECIDED: ("Hierover is al beslist.", "This was decided before."),
    Code.SIGNAL_RESTRICTED: (
        "Een signaal van deze treffer is beperkt zolang het wordt nagekeken; dit wacht tot dat is opgeheven.",
        "A signal of this hit is restricted while it is checked; this waits until that is lifted.",
    ),
    Code.IDEMPOTENCY_CONFLICT: (
        "Hetzelfde verzoek is eerder met een andere inhoud verstuurd.",
        "The same request was sent before with another content.",
    ),
    Code.IN_FLIGHT: (
        "Aan hetzelfde verzoek wordt al gewerkt; wacht even.",
        "The same request is being worked on; wait a moment.",
    ),
    Code.PROOF_INVALID: (
        "Het antwoord van een sleutelhouder klopt niet en wordt niet gebruikt.",
        "The answer of a key-holder does not hold and is not used.",
    ),
    Code.KEY_STATEMENT_INVALID: (
        "Wat een sleutelhouder over zijn sleutel zegt, klopt niet.",
        "What a key-holder says of its key does not hold.",
    ),
    Code.KEY_STATEMENT_CONFLICT: (
        "De sleutels van de sleutelhouders zijn niet de sleutels die eerder zijn bewezen.",
        "The keys of the key-holders are not the ones that were proven before.",
    ),
    Code.ENVELOPE_INVALID: (
        "Iets wat is verzegeld, gaat niet open of is niet wat het zegt te zijn.",
        "Something sealed does not open, or is not what it says.",
    ),
    Code.RECEIPT_INVALID: (
        "Het bewijs dat iets in het logboek staat, klopt niet.",
        "The proof that something stands in the log does not hold.",
    ),
    Code.CHECKPOINT_INVALID: (
        "De opgegeven stand van het logboek klopt niet.",
        "The state of the log that was given does not hold.",
    ),
    Code.QUORUM_MISSING: (
        "Te weinig sleutelhouders antwoorden of bevestigen het logboek.",
        "Too few key-holders answer or confirm the log.",
    ),
    Code.LOG_FORKED: ("Het logboek sprak zichzelf tegen.", "The log contradicted itself."),
    Code.LOG_ROLLED_BACK: (
        "Het logboek ging terug: wat erin stond, is weg.",
        "The log went back: what stood in it is gone.",
    ),
    Code.LOG_INCOMPLETE: ("Een deel van het logboek ontbreekt.", "A part of the log is missing."),
    Code.LOG_ALTERED: (
        "Een regel van het logboek is nu een andere dan eerst.",
        "An entry of the log is another one now than before.",
    ),
    Code.LOG_BACKDATED: (
        "Een regel van het logboek heeft een tijd die niet kan kloppen.",
        "An entry of the log has a time that cannot be right.",
    ),
    Code.LOG_DOUBLED: ("Het logboek vertelt iets twee keer.", "The log tells something twice."),
    Code.ENTRY_WITHHELD: (
        "Een regel van het logboek die getoond moet worden, is achtergehouden.",
        "An entry of the log that should be shown was held back.",
    ),
    Code.PACK_INVALID: ("Een bewijspakket klopt niet.", "A pack of evidence does not hold."),
    Code.LOG_UNKNOWN: ("Dit is een ander logboek dan het onze.", "This is another log than ours."),
    Code.ERASURE_UNPROVEN: ("Het is niet bewezen dat iets is gewist.", "It is not proven that something was erased."),
    Code.NOTICE_MISSING: ("Een melding die had moeten komen, ontbreekt.", "A notice that should have come is missing."),
    Code.NOTICE_REPLAYED: ("Een melding kwam een tweede keer.", "A notice came a second time."),
    Code.PROBE_UNANSWERED: ("Een proeftreffer kwam niet.", "A test hit did not come."),
    Code.PROBE_LATE: ("Een proeftreffer kwam te laat.", "A test hit came too late."),
    Code.COVENANT_UNTRUSTED: (
        "Dit convenant is niet door het bestuur ondertekend, of is niet nieuwer dan het onze.",
        "This covenant was not signed by the board, or is not newer than ours.",
    ),
    Code.UNAVAILABLE: (
        "Dit is nu niet bereikbaar. Probeer het later opnieuw.",
        "This cannot be reached now. Try again later.",
    ),
    Code.NOT_LOGGED: (
        "Het staat nog niet in het logboek; wacht even.",
        "It does not stand in the log yet; wait a moment.",
    ),
    Code.COVENANT_EXPIRED: (
        "Het convenant geldt nu niet, of de handtekeningen eronder zijn verlopen.",
        "The covenant is not in force now, or its signatures ran out.",
    ),
    Code.COVENANT_INVALID: ("Het convenant kan zo niet worden gebruikt.", "The covenant cannot be used as it is."),
    Code.SETTINGS_INVALID: (
        "Een instelling klopt niet. Een beheerder moet ernaar kijken.",
        "A setting is not right. An operator has to look.",
    ),
    Code.KEY_FILE_INVALID: (
        "Een bestand met sleutels kan niet worden gebruikt. Een beheerder moet ernaar kijken.",
        "A file with keys cannot be used. An operator has to look.",
    ),
    Code.WRONG_PASSPHRASE: (
        "De wachtwoordzin van een bestand met sleutels klopt niet. Een beheerder moet ernaar kijken.",
        "The passphrase of a file with keys is wrong. An operator has to look.",
    ),
    Code.INTERNAL: (
        "Hier ging iets mis. Wat niet aan u is bevestigd, is niet gedaan.",
        "Something went wrong here. What was not confirmed to you was not done.",
    ),
}
"""Every code has its sentence; a test holds that."""
UNKNOWN: Final[Pair] = (
    "Er ging iets mis waarvoor Sluis nog geen woorden heeft.",
    "Something went wrong that Sluis has no words for yet.",
)
"""Of a code that another version made."""


def code_said(code: str | None, lang: Lang) -> str:
    """Return what a code means."""
    return say(next((words for known, words in CODES_SAID.items() if known == code), UNKNOWN), lang)
