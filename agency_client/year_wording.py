# SPDX-License-Identifier: EUPL-1.2
"""The words of a year's figures, in Dutch and English. Not here: the page (``year_page.py``)."""

from collections.abc import Mapping
from typing import Final

from edge.event_words import GROUNDS_SAID
from edge.languages import Pair

WORDS: Final[Mapping[str, Pair]] = {
    "title": ("Sluis in {year}: wat er is gebeurd", "Sluis in {year}: what was done"),
    "title-open": ("Sluis in {year}, tot {until}", "Sluis in {year}, until {until}"),
    # --- Summary ---
    "summary": ("In het kort", "In short"),
    "scope-own": (
        "Dit gaat over wat {agency} zelf deed, wat haar is verteld, en wie treffers met haar signalen inzag.",
        "This is about what {agency} did itself, what it was told, and who opened hits with its signals.",
    ),
    "scope-all": (
        "Dit gaat over alle organisaties: {agency} leest als toezichthouder wat het convenant haar opent.",
        "This is about all agencies: {agency} reads as supervisor what the covenant opens to it.",
    ),
    "so-far": (
        "Het jaar is nog niet om: alles hieronder loopt van {begins} tot {until}.",
        "The year is not over: everything below runs from {begins} until {until}.",
    ),
    "said-entries": (
        "Het logboek heeft over {year} {entries} regels die hier gelezen mogen worden. Elke regel is bewezen; van "
        "{erased} is gewist over wie het ging.",
        "Of {year} the log has {entries} entries that may be read here. Each of them is proven; of {erased} it was "
        "erased whom they were about.",
    ),
    "said-signals": (
        "Er zijn {registered} signalen geregistreerd en {refused} geweigerd; {withdrawn} zijn ingetrokken en {expired} "
        "verlopen.",
        "{registered} signals were registered and {refused} refused; {withdrawn} were withdrawn and {expired} expired.",
    ),
    "said-follow": (
        "Van {told} gemelde treffers zijn er {time} op tijd ingezien, {late} te laat en {never} niet; {waiting} mogen "
        "nog even wachten, en van {unknown} is het niet te zeggen.",
        "Of {told} hits that were told, {time} were opened in time, {late} late and {never} not; {waiting} may wait a "
        "little longer, and of {unknown} nobody can say.",
    ),
    "said-disclosures": (
        "{asked} keer is om meer gevraagd dan een treffer vertelt: {granted} keer is het gegeven, {refused} keer "
        "geweigerd, en {late} keer besliste niemand op tijd.",
        "More than a hit tells was asked {asked} times: it was given {granted} times, refused {refused} times, and "
        "nobody decided in time {late} times.",
    ),
    "said-informed": (
        "Bij {informed} signalen was de betrokkene al geïnformeerd, bij {deferred} is dat uitgesteld; {reviewed} keer "
        "is zo'n uitstel opnieuw beoordeeld. {subjects} keer is voor een burger opgezocht wat is vastgelegd.",
        "For {informed} signals the person was informed already, for {deferred} that was put off; such a deferral was "
        "looked at again {reviewed} times. Entries were collected {subjects} times for a citizen who asked.",
    ),
    "said-denied": (
        "{denied} verzoeken zijn geweigerd; {asked} vragen zonder signaal zijn beantwoord; {unusual} keer was gebruik "
        "ongewoon; het logboek is {read} keer gelezen en {exported} keer meegenomen.",
        "{denied} requests were refused; {asked} questions without a signal were answered; use was unusual {unusual} "
        "times; the log was read {read} times and taken out {exported} times.",
    ),
    # --- Chapters ---
    "months": ("Per maand en bewerking", "By month and operation"),
    "months-said": (
        "Alle regels naar de bewerkingen van artikel 25 van de richtlijn (LED).",
        "All entries by the operations of article 25 of the directive (LED).",
    ),
    "purposes": ("Per doel", "By purpose"),
    "agencies": ("Per organisatie", "By agency"),
    "agencies-said": (
        "Wie het deed. De broker zelf koppelt, vertelt en laat verlopen.",
        "Who did it. The broker itself matches, tells and lets expire.",
    ),
    "signals": ("Signalen en uitkomsten", "Signals and outcomes"),
    "follow-up": ("Opvolging van treffers", "Follow-up of hits"),
    "follow-said": (
        "Op tijd is binnen de uren die het convenant per doel noemt, gerekend tot de eerste keer dat iemand van die "
        "organisatie de treffer inzag of bevestigde.",
        "In time is within the hours that the covenant names for the purpose, until the first time that somebody of "
        "that agency opened or acknowledged the hit.",
    ),
    "openings-unknown": (
        "Van {count} keer inzien is gewist bij welke treffer: sommige treffers lijken daardoor niet opgevolgd.",
        "Of {count} openings it was erased which hit they were of: some hits therefore seem not followed up.",
    ),
    "disclosures": ("Verzoeken om meer", "Requests for more"),
    "disclosures-said": (
        "Elke stap is een regel. Een verzoek dat in dit jaar is gedaan, kan in het volgende zijn beslist.",
        "Each step is an entry. What was asked in this year may have been decided in the next.",
    ),
    "denials": ("Weigeringen", "Refusals"),
    "reading": ("Wie in het logboek keek, en wat gewist is", "Who looked into the log, and what was erased"),
    "statistics-said": (
        "Aantallen zijn {statistics} keer gelezen; {subjects} keer is voor een burger verzameld.",
        "Statistics were read {statistics} times; entries were collected for a citizen {subjects} times.",
    ),
    "informing": ("Informeren van betrokkenen", "Informing people"),
    "unusual": ("Ongewoon gebruik", "Unusual use"),
    "unusual-said": (
        "Uit aantallen alleen; het is geen beschuldiging. Wanneer en hoeveel: sluis audit unusual.",
        "From counts alone; it is no accusation. When and how many: sluis audit unusual.",
    ),
    "proven": ("Wat bewezen is", "What is proven"),
    "proven-1": (
        "Het hele logboek is vanaf de eerste regel nagerekend: {size} regels geven samen de wortel die de getuigen "
        "ondertekenden.",
        "The whole log was computed again from its first entry: {size} entries together give the root that the "
        "witnesses signed.",
    ),
    "proven-2": (
        "Alle {receipts} ontvangstbewijzen van deze organisatie staan erin, op hun plaats.",
        "All {receipts} receipts of this agency stand in it, in their places.",
    ),
    "proven-3": (
        "Elke regel die hier is geteld, is bewezen in dat logboek, met een tijd die bij zijn plaats past.",
        "Each entry that was counted here is proven in that log, with a time that fits its place.",
    ),
    "proven-4": (
        "Dat dit is gelezen staat zelf in het logboek: {count} keer, van regel {first} tot en met {last}.",
        "That this was read stands in the log itself: {count} times, from entry {first} to {last}.",
    ),
    "no-findings": ("Er is nooit iets gevonden dat niet klopt.", "Nothing was ever found that does not hold."),
    "findings": (
        "{count} bevindingen worden hier bewaard, waarvan {unseen} nog niet bekeken: sluis agency verify.",
        "{count} findings are kept here, of which {unseen} were not looked at yet: sluis agency verify.",
    ),
    "covenants": ("Versies van het convenant waaronder is gehandeld", "Versions of the covenant that were acted under"),
    "unsigned": (
        "{count} regels noemen een versie die hier niet bekend is.",
        "{count} entries name a version that is not known here.",
    ),
    "proves-not": ("Wat niet bewezen is", "What is not proven"),
    "not-1": (
        "Dat er niets ontbreekt aan wat gevonden is: alleen de broker kan zoeken. Wat deze organisatie zelf deed of "
        "hoorde wordt wel gemist als het ontbreekt.",
        "That nothing is missing from what was found: the broker alone can search. What this agency itself did or was "
        "told is missed when it is left out.",
    ),
    "not-2": (
        "Dat een opgegeven reden waar was, of dat een treffer goed is opgevolgd: het logboek weet alleen dat en "
        "wanneer iemand keek.",
        "That a reason was true, or that a hit was followed up well: the log knows only that and when somebody looked.",
    ),
    "not-3": (
        "Voor spoed gelden kortere uren; welke treffers spoed hadden staat niet in het logboek, dus is met de gewone "
        "uren gerekend. Wat na {until} is ingezien telt hier niet mee.",
        "Urgent hits have less time; which they were is not in the log, so the ordinary hours were used. What was "
        "opened after {until} does not count here.",
    ),
    "not-probes-own": (
        "Proefsignalen over niemand, van deze organisatie zelf, zijn {count} regels; die staan wel bij de regels en "
        "niet bij signalen, treffers, berichten en opvolging.",
        "Probes about nobody, of this agency itself, are {count} entries; they stand among the entries, and not among "
        "signals, hits, notices and follow-up.",
    ),
    "not-probes-all": (
        "Proefsignalen over niemand zitten in deze aantallen: alleen wie ze stuurt weet welke het zijn. Organisaties "
        "gaven in dit jaar {registered} proefsignalen op, met {hits} treffers; niemand hoeft die op te volgen.",
        "Probes about nobody are in these numbers: only who sends them knows which they are. Agencies declared "
        "{registered} probes in this year, with {hits} hits; nobody has to follow these up.",
    ),
    "not-erasable": (
        "Zo oude maanden worden na de bewaartermijn in hun geheel gewist; wat weg is, is hier niet geteld.",
        "Months so old are erased as a whole after their retention; what is gone was not counted here.",
    ),
    # --- Words of tables ---
    "month": ("maand", "month"),
    "purpose": ("doel", "purpose"),
    "agency": ("organisatie", "agency"),
    "count": ("aantal", "count"),
    "total": ("totaal", "total"),
    "operation": ("bewerking", "operation"),
    "no-purpose": ("zonder doel", "without a purpose"),
    "broker": ("de broker zelf", "the broker itself"),
    "quality": ("zekerheid", "certainty"),
    "rule": ("regel of code", "rule or code"),
    "outcome": ("uitkomst", "outcome"),
    "ended-by": ("beëindigd door", "ended by"),
    "reason": ("reden", "reason"),
    "ground": ("grond", "ground"),
    "what": ("wat", "what"),
    "version": ("versie", "version"),
    "from": ("eerste regel", "first entry"),
    "to": ("laatste regel", "last entry"),
    "origin": ("logboek", "log"),
    "size": ("aantal regels", "size"),
    "root": ("wortel", "root"),
    "witnesses": ("ondertekend door", "signed by"),
    "at": ("gezien op of na", "seen at or after"),
    "none": ("Daarvan was er geen.", "There was none."),
    "by-months": ("Regels per maand en bewerking", "Entries by month and operation"),
    "by-purposes": ("Regels per doel en bewerking", "Entries by purpose and operation"),
    "by-agencies": ("Regels per organisatie en bewerking", "Entries by agency and operation"),
    "by-signals": ("Signalen per doel", "Signals by purpose"),
    "by-expiries": ("Verlopen signalen naar wat ze beëindigde", "Expired signals by what ended them"),
    "by-matches": ("Treffers naar zekerheid", "Hits by certainty"),
    "by-notices": ("Berichten naar soort en niveau", "Notices by type and level"),
    "by-questions": ("Vragen zonder signaal, per doel", "Questions without a signal, by purpose"),
    "by-follow-up": ("Gemelde treffers per doel", "Hits that were told, by purpose"),
    "by-outcomes": ("Afgesloten treffers naar uitkomst", "Closed hits by outcome"),
    "by-disclosures": ("Verzoeken om meer, per doel", "Requests for more, by purpose"),
    "by-denials": ("Weigeringen per regel en code", "Refusals by rule and code"),
    "by-readings": ("Lezen van het logboek, naar reden", "Readings of the log, by reason"),
    "by-exports": ("Meegenomen uit het logboek, naar reden", "Taken out of the log, by reason"),
    "by-erasures": ("Gewiste regels, naar grond", "Erased entries, by ground"),
    "by-informing": ("Informeren per doel", "Informing, by purpose"),
    "by-unusual": ("Ongewoon gebruik naar reden", "Unusual use by reason"),
}
PARTS: Final[Mapping[str, Pair]] = {
    "registered": ("geregistreerd", "registered"),
    "refused": ("geweigerd", "refused"),
    "withdrawn": ("ingetrokken", "withdrawn"),
    "expired": ("verlopen", "expired"),
    "canary": ("kanarie", "canary"),
    "asked": ("gevraagd", "asked"),
    "approved": ("door de eerste van twee goedgekeurd", "approved by the first of two"),
    "granted": ("gegeven", "given"),
    "read": ("gelezen", "read"),
    "cancelled": ("ingetrokken door de vrager", "taken back by who asked"),
    "decide-by": ("niet op tijd beslist", "not decided in time"),
    "fetch-by": ("niet op tijd opgehaald", "not fetched in time"),
    "signal-ended": ("vervallen met een signaal", "over with a signal"),
    "in_time": ("op tijd", "in time"),
    "late": ("te laat", "late"),
    "never": ("niet ingezien", "not opened"),
    "waiting": ("nog niet nodig", "not yet needed"),
    "unknown": ("niet te zeggen", "cannot be said"),
    "informed": ("geïnformeerd", "informed"),
    "deferred": ("uitgesteld", "deferred"),
    "not-required": ("niet vereist", "not required"),
    "reviewed-informed": ("na uitstel geïnformeerd", "informed after a deferral"),
    "reviewed-deferred": ("opnieuw uitgesteld", "deferred again"),
    "hit": ("treffer", "hit"),
    "probable": ("waarschijnlijk", "probable"),
    "possible": ("mogelijk", "possible"),
    "muted": ("gedempt", "muted"),
    "queried": ("vraag over een signaal", "question about a signal"),
    "overdue": ("over tijd", "overdue"),
    "doubted": ("de ander betwijfelt de treffer", "the other doubts the hit"),
    "restricted": ("beperkt", "restricted"),
    "lifted": ("niet langer beperkt", "no longer restricted"),
    "acknowledged": ("wijziging verwerkt", "change carried out"),
    "disclosure": ("verzoek om meer", "request for more"),
    "existence": ("dat iemand iets weet", "that somebody knows something"),
    "agency": ("welke organisatie", "which agency"),
    "contact": ("met contact", "with contact"),
    "content": ("met inhoud", "with content"),
    **GROUNDS_SAID,
}
"""What figures are kept under, as people say it."""
