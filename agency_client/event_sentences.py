# SPDX-License-Identifier: EUPL-1.2
"""One verified entry of the log in plain words, Dutch or English: who, when, what, why, by which rule, how proven.

Only what was verified; other people's texts are shown as plain text. Not here: the names of kinds, operations and
reasons (``edge/event_words.py``), tables and colours (``commands_audit_search.py``).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from agency_client.changing import STILL_NEEDED
from agency_client.searching import SeenEntry
from edge.code_words import code_said
from edge.event_words import EVENTS_SAID, GROUNDS_SAID, OPERATIONS_SAID, REASONS_SAID, UNUSUAL_SAID
from edge.languages import Lang, Pair, listed, say
from edge.problems import plain
from protocol import events as e
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.encoding import Json
from protocol.ids import PartyId, PurposeId
from protocol.policy_text import Rule

Line = tuple[str, str]
"""A label and what it says."""

_LABELS: Final[Mapping[str, Pair]] = {
    "entry": ("Regel", "Entry"),
    "who": ("Wie", "Who"),
    "when": ("Wanneer", "When"),
    "what": ("Wat", "What"),
    "purpose": ("Doel", "Purpose"),
    "why": ("Waarom", "Why"),
    "rule": ("Regel en wet", "Rule and law"),
    "about": ("Waarover", "About"),
    "seen": ("Te zien omdat", "Shown because"),
    "proof": ("Bewijs", "Proof"),
}
_SCOPES: Final[Mapping[str, Pair]] = {
    "own": ("uw instantie dit deed", "your agency did this"),
    "counterpart": ("dit uw instantie betreft", "this concerns your agency"),
    "others": ("dit onder uw mandaat valt", "it is within your mandate"),
}
_LEVELS: Final[Mapping[str, Pair]] = {
    "existence": ("dat er iets is", "that there is something"),
    "agency": ("welke instantie", "which agency"),
    "contact": ("wie te bellen", "whom to call"),
    "content": ("wat er speelt", "what it is about"),
}
_NOTICES: Final[Mapping[str, Pair]] = {
    "hit": (
        "Een instantie hoort dat een andere dezelfde persoon kent",
        "An agency is told that another knows the person",
    ),
    "withdrawn": ("Een instantie hoort dat een treffer vervalt", "An agency is told that a hit is gone"),
    "muted": ("Een instantie hoort dat een sleutel niets meer zegt", "An agency is told that a key points at nobody"),
    "queried": (
        "Een instantie hoort dat naar de persoon is gevraagd",
        "An agency is told that the person was asked about",
    ),
    "overdue": ("Een instantie hoort dat een tegenhanger uitblijft", "An agency is told that a counterpart stays away"),
    "late": ("Een instantie hoort dat opvolging uitblijft", "An agency is told that it follows up a hit late"),
    "restricted": (
        "Een instantie hoort dat een treffer niet meer te zien is",
        "An agency is told that a hit must not be shown",
    ),
    "lifted": (
        "Een instantie hoort dat een treffer weer te zien is",
        "An agency is told that a hit may be shown again",
    ),
    "acknowledged": (
        "Een instantie hoort dat de ander een wijziging heeft verwerkt",
        "An agency is told that the other carried out a change",
    ),
    "doubted": (
        "Een instantie hoort dat de ander aan een treffer twijfelt",
        "An agency is told that the other doubts a hit",
    ),
    "disclosure": ("Een instantie hoort van een verzoek om meer", "An agency is told of a request for more"),
}
_DECIDED: Final[Mapping[str, Pair]] = {
    "approved": ("goedgekeurd door de eerste van twee", "approved by the first of two"),
    "granted": ("verstrekt", "given"),
    "refused": ("geweigerd", "refused"),
}
_ENDED: Final[Mapping[str, Pair]] = {
    "cancelled": ("ingetrokken door de vrager", "taken back by the asker"),
    "decide-by": ("niet op tijd beslist", "not decided in time"),
    "fetch-by": ("niet op tijd opgehaald", "not fetched in time"),
    "signal-ended": ("een signaal van de treffer is vervallen", "a signal of the hit ended"),
}
_RESTRICTED: Final[Mapping[str, Pair]] = {
    "yes": ("vanaf nu beperkt", "restricted from now on"),
    "no": ("niet langer beperkt", "no longer restricted"),
}
_STEPS: Final[Mapping[str, Pair]] = {
    "acknowledged": ("gezien", "acknowledged"),
    "contacted": ("contact gehad", "contacted"),
    "closed": ("afgesloten", "closed"),
}
_QUALITIES: Final[Mapping[str, Pair]] = {
    "hit": ("treffer", "hit"),
    "probable": ("waarschijnlijk", "probable"),
    "possible": ("mogelijk", "possible"),
}
_REASONS: Final[Mapping[str, Pair]] = {
    STILL_NEEDED: ("nog nodig", "still needed"),
    "informing-review": ("opnieuw bekeken of de persoon het kan weten", "informing looked at again"),
    "access-request": ("verzoek van een burger", "a citizen's request"),
}
"""Of acts that have one reason only; to look has the covenant's."""
_NOBODY: Final[Pair] = ("de bemiddelaar zelf", "the broker itself")


def headline(entry: SeenEntry, covenant: Covenant, lang: Lang) -> tuple[str, str, str, str, str]:
    """Return an entry as a row: place, moment, who, what, purpose."""
    act = entry.event.act
    what = say(EVENTS_SAID[entry.event.TAG], lang)
    who = _agency(act.agency, covenant, lang)
    if act.recipient is not None:
        who = f"{who} → {_agency(act.recipient, covenant, lang)}"
    purpose = "" if act.purpose is None else _purpose(act.purpose, covenant, lang)
    return f"{entry.index:,}", moment(act.time), who, what, purpose


def lines_of(
    entry: SeenEntry,
    cosigned: CosignedCheckpoint,
    covenant: Covenant,
    rules: Mapping[str, Rule],
    name_of: Callable[[str], str | None],
    lang: Lang,
) -> Iterator[Line]:
    """Yield an entry for people, a labelled line a time; ``name_of`` tells who an own employee's reference is."""
    event, act = entry.event, entry.event.act
    yield _label("entry", lang), f"{entry.index:,}"
    yield _label("who", lang), _who(event, covenant, name_of, lang)
    yield _label("when", lang), moment(act.time)
    yield _label("what", lang), _what(event, covenant, lang)
    if act.purpose is not None:
        yield _label("purpose", lang), _purpose(act.purpose, covenant, lang)
    if why := _why(event, covenant, lang):
        yield _label("why", lang), why
    if act.policy_ids:
        yield _label("rule", lang), "; ".join(_rule(one, covenant, rules, lang) for one in act.policy_ids)
    yield _label("about", lang), _about(entry, lang)
    yield _label("seen", lang), say(_SCOPES[entry.scope], lang)
    yield _label("proof", lang), _proof(entry, cosigned, covenant, lang)


def proof_words(cosigned: CosignedCheckpoint, covenant: Covenant, lang: Lang) -> str:
    """Return how an entry is proven: in the log, confirmed by how many of the key-holders."""
    names = listed([_holder(one, covenant, lang) for one in cosigned.cosigners], lang)
    count, all_of = len(cosigned.cosigners), len(covenant.key_holders)
    return say(
        (
            f"in het logboek, bevestigd door {count} van {all_of}: {names}",
            f"in the log, confirmed by {count} of {all_of}: {names}",
        ),
        lang,
    )


def entry_json(entry: SeenEntry) -> dict[str, Json]:
    """Return an entry for programs, with its record and subject part as the log has them."""
    found: dict[str, Json] = {
        "index": entry.index,
        "name": type(entry.event).__name__,
        "scope": entry.scope,
        "record": entry.opening.record,
        "subjectPart": entry.subject,
        "rulesSigned": entry.signed,
    }
    if entry.opening.subject is not None:
        found["subject"] = entry.opening.subject
    if entry.erased_by is not None:
        found["erased"] = {"by": entry.erased_by.index, "ground": entry.erased_by.ground}
    return found


def moment(at: datetime) -> str:
    """Return a moment for people, in UTC and to the second; ``--json`` has the milliseconds."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


# --- The parts --------------------------------------------------------------------------------------------------------


def _label(name: str, lang: Lang) -> str:
    return say(_LABELS[name], lang)


def _title(title: Title, lang: Lang) -> str:
    return title.nl if lang == "nl" else title.en


def _agency(agency: PartyId | None, covenant: Covenant, lang: Lang) -> str:
    if agency is None:
        return say(_NOBODY, lang)
    found = covenant.find(agency)
    return agency if found is None else _title(found.title, lang)


def _holder(witness: str, covenant: Covenant, lang: Lang) -> str:
    found = next((one for one in covenant.key_holders if one.witness.startswith(f"{witness}+")), None)
    return witness if found is None else _title(found.title, lang)


def _purpose(name: PurposeId, covenant: Covenant, lang: Lang) -> str:
    found = covenant.purposes.get(name)
    return name if found is None else _title(found.title, lang)


def _refusal(code: str, covenant: Covenant, lang: Lang) -> str:
    found = None if covenant.disclosures is None else covenant.disclosures.refusals.get(code)
    return code if found is None else _title(found, lang)


def _who(event: e.Event, covenant: Covenant, name_of: Callable[[str], str | None], lang: Lang) -> str:
    act = event.act
    if act.agency is None:
        return say(_NOBODY, lang)
    agency = _agency(act.agency, covenant, lang)
    if act.person is None:
        own = say(("een systeem", "a system"), lang)
        return f"{own}, {agency}" if act.system == act.agency else f"{say(_NOBODY, lang)}, {agency}"
    name = name_of(act.person)
    known = say(("medewerker", "employee"), lang) + f" {act.person}"
    return f"{agency}, {plain(name) if name else known}"


def _what(event: e.Event, covenant: Covenant, lang: Lang) -> str:
    operation = say(OPERATIONS_SAID[event.OPERATION], lang)
    text = f"{say(EVENTS_SAID[event.TAG], lang)} ({operation})"
    more = [said for said in _details(event, covenant, lang) if said]
    return f"{text}. {'. '.join(more)}." if more else f"{text}."


def _details(event: e.Event, covenant: Covenant, lang: Lang) -> Iterator[str]:
    act = event.act
    match event:
        case e.NoticeIssued():
            yield say(_NOTICES[event.notice_type], lang)
            yield f"{say(('Verteld aan', 'Told to'), lang)} {_agency(act.recipient, covenant, lang)}"
            if event.level is not None:
                yield f"{say(('Hoeveel', 'How much'), lang)}: {say(_LEVELS[event.level], lang)}"
        case e.SignalsMatched():
            names = listed([_agency(one, covenant, lang) for one in event.agencies], lang)
            yield f"{say(('Van', 'Of'), lang)} {names}: {say(_QUALITIES[event.quality], lang)}"
        case e.QueryAnswered():
            yield f"{say(('Gevonden', 'Found'), lang)}: {event.matches:,}"
        case e.SignalRefused() | e.RequestRefused():
            yield code_said(event.code, lang).removesuffix(".")
        case e.SignalRestricted():
            yield say(_RESTRICTED[event.restricted], lang)
        case e.SignalExtended():
            days = say(("dag", "day") if event.days == 1 else ("dagen", "days"), lang)
            yield f"{event.days:,} {days}, {say(('keer', 'time'), lang)} {event.count}"
        case e.FollowedUp():
            yield say(_STEPS[event.step], lang)
            outcome = None if event.outcome is None else covenant.outcomes.get(event.outcome)
            if event.outcome is not None:
                said = event.outcome if outcome is None else _title(outcome.title, lang)
                yield f"{say(('Uitkomst', 'Outcome'), lang)}: {said}"
        case e.EventsRead() | e.EventsExported():
            yield f"{say(REASONS_SAID[event.log_purpose], lang)}, {_entries(event.entries, lang)}"
        case e.EventsErased():
            yield f"{say(('Grond', 'Ground'), lang)}: {say(GROUNDS_SAID[event.ground], lang)}"
            yield _entries(event.entries, lang)
        case e.SubjectReported():
            yield _entries(event.entries, lang)
        case e.UnusualUse():
            limit = say(("de grens is", "the limit is"), lang)
            yield f"{say(UNUSUAL_SAID[event.reason], lang)}: {event.count:,}, {limit} {event.limit:,}"
        case e.StatisticsRead():
            about, numbers = _purpose(event.about, covenant, lang), say(("getallen", "numbers"), lang)
            yield f"{say(('Over', 'About'), lang)} {about}, {event.cells:,} {numbers}"
        case e.DisclosureDecided():
            yield say(_DECIDED[event.outcome], lang)
            if event.reason is not None:
                yield f"{say(('Reden', 'Reason'), lang)}: {_refusal(event.reason, covenant, lang)}"
        case e.DisclosureEnded():
            yield say(_ENDED.get(event.rule, (event.rule, event.rule)), lang)
        case e.EvaluationsReported():
            yield f"{event.elements:,} {say(('pseudoniemen', 'pseudonyms'), lang)}, {moment(event.hour)}"
        case _:
            return


def _why(event: e.Event, covenant: Covenant, lang: Lang) -> str:
    act, words = event.act, event.subject.words
    parts = [_reason(act.justification, covenant, lang)] if act.justification else []
    if words is not None:
        parts += [plain(words.text), f"{say(('zaak', 'case'), lang)} {plain(words.case_reference)}"]
    if act.basis is not None:
        basis = covenant.legal_bases.get(act.basis)
        parts.append(act.basis if basis is None else f"{_title(basis.title, lang)} ({basis.article})")
    return ", ".join(parts)


def _entries(count: int, lang: Lang) -> str:
    return f"{count:,} {say(('regel', 'entry') if count == 1 else ('regels', 'entries'), lang)}"


def _reason(code: str, covenant: Covenant, lang: Lang) -> str:
    if code in _REASONS:
        return say(_REASONS[code], lang)
    found = covenant.reasons.get(code)
    return code if found is None else _title(found, lang)


def _rule(name: str, covenant: Covenant, rules: Mapping[str, Rule], lang: Lang) -> str:
    rule = rules.get(name)
    basis = None if rule is None else covenant.legal_bases.get(rule.legal_basis)
    if rule is None:
        return name
    law = rule.legal_basis if basis is None else f"{_title(basis.title, lang)}, {basis.article}"
    return f"{name} ({law})"


def _about(entry: SeenEntry, lang: Lang) -> str:
    if entry.subject == "withheld":
        return say(("niet voor uw instantie", "not for your agency"), lang)
    if entry.subject == "erased" and entry.erased_by is not None:
        said, ground = entry.erased_by, say(GROUNDS_SAID[entry.erased_by.ground], lang)
        return say(
            (
                f"gewist, zie regel {said.index:,} van {moment(said.at)} ({ground})",
                f"erased, see entry {said.index:,} of {moment(said.at)} ({ground})",
            ),
            lang,
        )
    subject = entry.event.subject
    parts = [f"{say(('signaal', 'signal'), lang)} {one}" for one in subject.signal_ids[:_SHOWN]]
    if len(subject.signal_ids) > _SHOWN:
        parts.append(f"+ {len(subject.signal_ids) - _SHOWN:,}")
    if subject.hit_id is not None:
        parts.append(f"{say(('treffer', 'hit'), lang)} {subject.hit_id}")
    if subject.tag_digests:
        parts.append(f"{len(subject.tag_digests):,} {say(('pseudoniemen', 'pseudonyms'), lang)}")
    return ", ".join(parts) or say(("geen signaal of treffer", "no signal or hit"), lang)


_SHOWN: Final = 5
"""Signals named in a line; ``--json`` has them all."""


def _proof(entry: SeenEntry, cosigned: CosignedCheckpoint, covenant: Covenant, lang: Lang) -> str:
    text = proof_words(cosigned, covenant, lang)
    size = f"{cosigned.checkpoint.size:,}"
    text += say((f"; logboek van {size} regels", f"; log of {size} entries"), lang)
    ref = entry.event.act.covenant
    known = say(("door het bestuur ondertekend", "signed by the board"), lang)
    unknown = say(("hier niet bekend", "not known here"), lang)
    return f"{text}; {say(('convenant', 'covenant'), lang)} {ref.version}, {known if entry.signed else unknown}"
