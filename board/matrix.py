# SPDX-License-Identifier: EUPL-1.2
"""A covenant in plain words: who may learn what from whom, for what, on which law. Asks the rules, so it cannot differ.

Made of sheets of simple parts, which a terminal and a page show alike. Not here: showing them (``showing.py``,
``pages.py``), the levels per edge (``tables.py``), the rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from board.models import KINDS, model_engine
from board.sheets import Cell, Grid, Pairs, Said, Sheet
from board.tables import QUALITIES, Edge, edges, merged
from board.wording import COUNTED_SAID, LEVELS_SAID, MEETING_SAID, QUALITIES_SAID, STATES_SAID
from edge.languages import Lang, listed, say
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.covenant_purposes import PERSON_KINDS, Purpose
from protocol.ids import PurposeId
from protocol.policy import LEVELS, PolicyEngine

_PERSONS = {1: ("één persoon", "one person"), 2: ("twee personen", "two persons")}


def title(lang: Lang) -> str:
    """Return the whole's title."""
    return say(
        ("Wie mag wat van wie horen, waarvoor en op welke wet", "Who may learn what from whom, for what, on which law"),
        lang,
    )


def sheets(covenant: Covenant, lang: Lang, only: PurposeId | None = None) -> list[Sheet]:
    """Return the covenant as sheets: the whole, each purpose (or ``only`` one), what is never allowed, and the law."""
    return list(_Matrix(covenant, model_engine(covenant), lang).sheets(only))


@dataclass(frozen=True, slots=True)
class _Matrix:
    covenant: Covenant
    engine: PolicyEngine
    """Of models."""
    lang: Lang

    def say(self, nl: str, en: str) -> str:
        return say((nl, en), self.lang)

    def title(self, title: Title) -> str:
        return title.nl if self.lang == "nl" else title.en

    def sheets(self, only: PurposeId | None) -> Iterator[Sheet]:
        yield self.whole()
        for name, purpose in self.covenant.purposes.items():
            if only in (None, name):
                yield self.of_purpose(name, purpose)
        yield self.guards()
        yield self.law()

    def whole(self) -> Sheet:
        covenant, terms = self.covenant, self.covenant.terms
        contact = terms.contact_point
        days = (f"{terms.epoch_days} (+{terms.grace_days})",)
        rows = (
            self.row("Naam", "Name", covenant.name),
            self.row("Versie", "Version", f"{covenant.version}, sha256 {covenant.sha256}"),
            self.row("Geldt", "In force", f"{covenant.valid_from:%Y-%m-%d} – {covenant.valid_until:%Y-%m-%d}"),
            self.row("Effectbeoordeling (DPIA)", "Impact assessment (DPIA)", terms.dpia),
            self.row("In het verwerkingsregister", "In the register of processing", terms.processing_activity),
            self.row(
                "Contactpunt voor burgers",
                "Contact point for citizens",
                f"{self.title(contact.title)}, {contact.email}",
            ),
            self.row("Dagen per tijdvak (en respijt)", "Days of an epoch (and grace)", *days),
            self.row(
                "Sleutelhouders",
                "Key-holders",
                self.say(
                    f"{terms.key_holding.threshold} van {terms.key_holding.holders} maken samen een pseudoniem",
                    f"{terms.key_holding.threshold} of {terms.key_holding.holders} make a pseudonym together",
                ),
            ),
        )
        parts: list[Pairs | Grid] = [Pairs(rows)]
        if covenant.agencies:
            parts.append(self.parties())
        return Sheet("whole", self.say("Het convenant", "The covenant"), tuple(parts))

    def parties(self) -> Grid:
        heads = (self.say("Partij", "Party"), self.say("Soort", "Kind"), "OIN", self.say("Stand", "State"))
        rows = tuple(
            (
                (Said(self.title(agency.title)),),
                (Said(self.kind(agency.kind)),),
                (Said(agency.oin),),
                (Said(say(STATES_SAID[agency.state], self.lang)),),
            )
            for agency in self.covenant.agencies
        )
        return Grid(self.say("Partijen", "Parties"), heads, rows)

    # --- A purpose ---

    def of_purpose(self, name: PurposeId, purpose: Purpose) -> Sheet:
        parts: list[Pairs | Grid] = [Pairs(tuple(self.about(name, purpose))), self.participants(purpose)]
        found = merged(edges(self.engine, name))
        if found:
            parts.append(self.told(found))
        parts.append(self.rules(name))
        return Sheet(name, self.title(purpose.title), tuple(parts))

    def about(self, name: PurposeId, purpose: Purpose) -> Iterator[tuple[str, Cell]]:
        yield self.row("Waarvoor", "What for", self.title(purpose.explanation))
        yield self.row("Effectbeoordeling (DPIA)", "Impact assessment (DPIA)", purpose.dpia)
        yield self.row("Advies rechtmatigheidscommissie", "Advice of the lawfulness committee", purpose.advice)
        yield self.row("In het verwerkingsregister", "In the register of processing", purpose.processing_activity)
        contact = self.covenant.contact_point(purpose)
        yield self.row(
            "Contactpunt voor burgers", "Contact point for citizens", f"{self.title(contact.title)}, {contact.email}"
        )
        hidden = [self.kind(kind) for kind in KINDS if kind in purpose.hidden_from]
        yield self.row("Verborgen voor", "Hidden from", *(hidden or [self.say("niemand", "nobody")]))
        if purpose.kinds_that("send") | purpose.kinds_that("query"):
            yield from self.bounds(purpose)
            counting = [other for other in self.covenant.purposes.values() if name in other.counts_of]
            counters = [
                f"{self.title(other.title)}: {self.kind(kind)}"
                for other in counting
                for kind in sorted(other.kinds_that("count"))
            ]
            yield self.row(
                "Aantallen worden gelezen onder",
                "Counts are read under",
                *(counters or [self.say("geen doel", "no purpose")]),
            )
        if purpose.kinds_that("count"):
            counted = [self.title(self.covenant.purposes[PurposeId(code)].title) for code in purpose.counts_of]
            yield self.row("Telt signalen van", "Counts the signals of", *counted)
            yield self.row("Kleinste getal dat wordt getoond", "Smallest number shown", str(purpose.smallest_cell))

    def bounds(self, purpose: Purpose) -> Iterator[tuple[str, Cell]]:
        yield self.row("Instapcriteria", "Entry criteria", *map(self.title, purpose.grounds.values()))
        kinds: list[str] = [
            kind for kind in purpose.key_kinds if not (kind in PERSON_KINDS and set(purpose.key_kinds) >= PERSON_KINDS)
        ]
        if len(kinds) < len(purpose.key_kinds):
            kinds.append(self.say("alle van naam, geboortedatum en adres", "all of name, birth date and address"))
        yield self.row("Soorten sleutels", "Kinds of key", listed(kinds, self.lang))
        meet = [" – ".join(say(MEETING_SAID[role], self.lang) for role in pair) for pair in purpose.roles_that_meet]
        yield self.row("Rollen die elkaar raken", "Roles that may meet", *meet)
        yield self.row("Bewaartermijn", "Retention", self.days(purpose.retention_days))
        yield self.row("Te verlengen", "May be extended", f"{purpose.max_extensions}×")
        yield self.row(
            "Opvolgen binnen",
            "Follow up within",
            self.say(
                f"{purpose.follow_up_hours} uur; met spoed {purpose.urgent_follow_up_hours} uur",
                f"{purpose.follow_up_hours} hours; when urgent {purpose.urgent_follow_up_hours} hours",
            ),
        )
        persons, hours, fetched = purpose.disclosure_approvals, purpose.disclosure_hours, purpose.disclosure_days
        yield self.row(
            "Om meer vragen",
            "Asking for more",
            self.say(
                f"beslist binnen {hours} uur door {_PERSONS[persons][0]}; {fetched} dagen op te halen",
                f"decided within {hours} hours by {_PERSONS[persons][1]}; {fetched} days to fetch",
            ),
        )
        urgent = purpose.urgency == "urgent"
        yield self.row(
            "Spoed tenzij anders gezegd",
            "Urgent unless said otherwise",
            self.say("ja", "yes") if urgent else self.say("nee", "no"),
        )
        yield self.row(
            "Pseudoniemen per organisatie en dag", "Pseudonyms an agency and day", str(purpose.budget_per_day)
        )
        yield self.row("Grootste zending", "Largest batch", str(purpose.max_batch))
        if purpose.informing is not None:
            yield self.row(
                "De persoon informeren",
                "Informing the person",
                self.say(
                    f"uitstel tot {purpose.informing.deferral_days} dagen, dan herbeoordelen; "
                    f"vanaf {purpose.informing.consult_from} jaar ook de persoon zelf, "
                    f"vanaf {purpose.informing.own_from} alleen",
                    f"put off up to {purpose.informing.deferral_days} days, then reviewed; from age "
                    f"{purpose.informing.consult_from} the person too, from {purpose.informing.own_from} alone",
                ),
            )
        if purpose.awaited is not None:
            sender, counterpart = self.kind(purpose.awaited.sender), self.kind(purpose.awaited.counterpart)
            days = self.days(purpose.awaited.days)
            text = self.say(
                f"een signaal van {sender} vindt er een van {counterpart} binnen {days}; anders wordt dat gemeld",
                f"a signal by {sender} finds one by {counterpart} within {days}; else that is told",
            )
            yield self.row("Verwachte tegenhanger", "Awaited counterpart", text)

    def participants(self, purpose: Purpose) -> Grid:
        heads = (
            self.say("Wie", "Who"),
            self.say("Doet", "Does"),
            self.say("Verstrekt op grond van", "Provides on the basis of"),
        )
        rows = []
        for kind in KINDS:
            if kind in purpose.participants:
                part = purpose.participants[kind]
                acts = tuple(Said(say(COUNTED_SAID[act], self.lang)) for act in COUNTED_SAID if act in part.acts)
                rows.append(((Said(self.kind(kind)),), acts, self.laws(part.bases)))
        return Grid(self.say("Wie doet mee", "Who takes part"), heads, tuple(rows))

    def told(self, found: Sequence[Edge]) -> Grid:
        quality = [self.say("bij ", "on ") + say(QUALITIES_SAID[one], self.lang) for one in QUALITIES]
        heads = (
            self.say("Wie hoort", "Who is told"),
            self.say("van een signaal van", "of a signal by"),
            *quality,
            self.say("op welke wet", "on which law"),
        )
        rows = []
        for edge in found:
            receivers, senders = (
                tuple(Said(self.kind(kind)) for kind in kinds) for kinds in (edge.receivers, edge.senders)
            )
            levels = [self.level(level) for level in edge.levels]
            law = self.laws(edge.law) if edge.refusal is None else (self.refused(edge.refusal),)
            rows.append((receivers, senders, *levels, law))
        return Grid(self.say("Wie hoort wat van een treffer", "Who is told what of a hit"), heads, tuple(rows))

    def level(self, level: str | None) -> Cell:
        if level is None:
            return (Said(say(LEVELS_SAID[None], self.lang)),)
        upto = LEVELS[: LEVELS.index(level) + 1]
        return tuple(Said(say(LEVELS_SAID[one], self.lang)) for one in upto)

    def refused(self, rule: str) -> Said:
        known = self.engine.rules.get(rule)
        if known is None:
            return Said(self.say("geen regel staat het toe", "no rule allows it"), code=rule)
        return Said(known.says, code=rule, lang="en")

    def rules(self, name: PurposeId) -> Grid:
        heads = (
            self.say("Regel", "Rule"),
            self.say("Zegt", "Says"),
            self.say("Rust op", "Rests on"),
            self.say("Herzien voor", "Review by"),
        )
        own = [rule for rule in self.engine.rules.values() if rule.purpose == name]
        rows = tuple(
            (
                (Said(rule.id),),
                (Said(rule.says, lang="en"),),
                self.laws((rule.legal_basis,)),
                (Said(str(rule.review_by)),),
            )
            for rule in own
        )
        return Grid(self.say("Wat deze regels toestaan", "What these rules allow"), heads, rows)

    # --- What holds for all purposes ---

    def guards(self) -> Sheet:
        heads = (self.say("Regel", "Rule"), self.say("Zegt", "Says"), self.say("Rust op", "Rests on"))
        forbids = [rule for rule in self.engine.rules.values() if rule.effect == "forbid"]
        rows = tuple(
            ((Said(rule.id),), (Said(rule.says, lang="en"),), self.laws((rule.legal_basis,))) for rule in forbids
        )
        grid = Grid(self.say("Gaat voor alles wat wordt toegestaan", "Goes before all that is allowed"), heads, rows)
        return Sheet("never", self.say("Nooit, wat er verder ook staat", "Never, whatever else is said"), (grid,))

    def law(self) -> Sheet:
        heads = (
            self.say("Grondslag", "Basis"),
            self.say("Artikel", "Article"),
            *self.names_elsewhere(),
        )
        rows = tuple(
            ((self.basis(code),), (Said(basis.article, lang="en"),), (Said(code),), _iri(basis.iri))
            for code, basis in self.covenant.legal_bases.items()
        )
        grid = Grid(self.say("Alle grondslagen", "All legal bases"), heads, rows)
        return Sheet("law", self.say("De wet", "The law"), (grid, self.kinds()))

    def kinds(self) -> Grid:
        heads = (
            self.say("Soort instantie", "Kind of agency"),
            self.say("Hoort bij", "Stands within"),
            *self.names_elsewhere(),
        )
        rows = tuple(
            (
                (Said(self.title(entry.title)),),
                () if entry.within is None else (Said(self.kind(entry.within)),),
                (Said(kind),),
                _iri(entry.iri),
            )
            for kind, entry in self.covenant.agency_kinds.items()
        )
        return Grid(self.say("Alle soorten instanties", "All kinds of agency"), heads, rows)

    def names_elsewhere(self) -> tuple[str, str]:
        return self.say("Naam in de bestanden", "Name in the files"), self.say("Naam op het web", "Name on the web")

    def laws(self, codes: Iterable[str]) -> Cell:
        return tuple(self.basis(code) for code in codes)

    def basis(self, code: str) -> Said:
        basis = self.covenant.legal_bases[code]
        return Said(self.title(basis.title), unsure=basis.certainty == "unsure")

    def kind(self, kind: str) -> str:
        entry = next(entry for name, entry in self.covenant.agency_kinds.items() if name == kind)
        return self.title(entry.title)

    def days(self, days: int) -> str:
        return self.say(f"{days} dagen", f"{days} days")

    def row(self, nl: str, en: str, *texts: str) -> tuple[str, Cell]:
        return self.say(nl, en), tuple(map(Said, texts))


def _iri(iri: str | None) -> Cell:
    return () if iri is None else (Said(iri),)
