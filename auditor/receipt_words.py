# SPDX-License-Identifier: EUPL-1.2
"""What a checked receipt says, in plain Dutch or English, as names and what belongs to them: for a terminal and a page.

By event, from its fields: a kind of event that is added needs words (``receipt_wording.py``) and no code here. Nothing
is guessed: without the covenant that an event names, its codes are shown as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from auditor.checking import Proven
from auditor.receipt_wording import FIELDS, VALUES, WORDS
from edge.event_words import DECISIONS_SAID, EVENTS_SAID, OPERATIONS_SAID
from edge.languages import Lang, Pair, listed, say
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.covenant_purposes import Purpose
from protocol.events import Asked, Event
from protocol.ids import PartyId
from protocol.keys import KINDS
from protocol.record_fields import layout_of

MONTHS: Final[tuple[Pair, ...]] = (
    *(("januari", "January"), ("februari", "February"), ("maart", "March"), ("april", "April"), ("mei", "May")),
    *(("juni", "June"), ("juli", "July"), ("augustus", "August"), ("september", "September")),
    *(("oktober", "October"), ("november", "November"), ("december", "December")),
)
_LAST_SHOWN: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""A witness may sign any time up to 2**63; a calendar ends here."""
_PARTIES: Final = frozenset(("agencies", "cover"))
_PURPOSES: Final = frozenset(("about", "purposes"))
_KINDS: Final = frozenset(("key_kinds", "kinds", "kind"))

Fact = tuple[str, str]
"""What something is called, and what it is."""


def facts_of(proven: Proven, lang: Lang) -> list[Fact]:
    """Return what the receipt says and proves: what, when, who, for what, by which law; then where and who saw it."""
    return [
        *_Teller(proven.receipt.event, proven.covenant, lang).all(erased=proven.receipt.erased),
        *_where(proven, lang),
    ]


def moment(when: datetime, lang: Lang) -> str:
    """Return a moment in words: ``21 november 2026, 20:00:00 UTC``."""
    utc = when.astimezone(UTC)
    return f"{utc.day} {say(MONTHS[utc.month - 1], lang)} {utc.year}, {utc:%H:%M:%S} UTC"


def seen_at(proven: Proven) -> datetime:
    """Return since when a quorum of witnesses had seen it."""
    return datetime.fromtimestamp(min(proven.receipt.cosigned.cosigned_at, _LAST_SHOWN), UTC)


def _where(proven: Proven, lang: Lang) -> Iterator[Fact]:
    receipt, head = proven.receipt, proven.receipt.cosigned.checkpoint
    place = say(WORDS["proven-said"], lang).format(index=receipt.index, log=head.origin, size=head.size)
    yield say(WORDS["proven"], lang), place
    who = listed([_witness(name, proven.covenant, lang) for name in receipt.cosigned.cosigners], lang)
    seen = say(WORDS["seen-said"], lang).format(witnesses=who, at=moment(seen_at(proven), lang))
    yield say(WORDS["seen"], lang), seen
    yield say(WORDS["keys"], lang), say(WORDS["version-said"], lang).format(version=receipt.terms.version)


def _witness(name: str, covenant: Covenant | None, lang: Lang) -> str:
    holders = () if covenant is None else covenant.key_holders
    return next(
        (f"{_title(holder.title, lang)} ({name})" for holder in holders if holder.witness_key.name == name), name
    )


def _title(title: Title, lang: Lang) -> str:
    return title.nl if lang == "nl" else title.en


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells of one event in one language; ``covenant`` is the one that it names."""

    event: Event
    covenant: Covenant | None
    lang: Lang

    def all(self, *, erased: bool) -> Iterator[Fact]:
        act = self.event.act
        kind = f"{self._say(EVENTS_SAID[self.event.TAG])} ({self._say(OPERATIONS_SAID[self.event.OPERATION])})"
        yield self._word("what"), kind
        yield self._word("when"), moment(act.time, self.lang)
        yield self._word("who"), self._word("self") if act.agency is None else self._party(act.agency)
        if act.person is not None:
            yield self._word("person"), self._word("person-said").format(reference=act.person)
        if act.system is not None:
            yield self._word("system"), self._party(PartyId(act.system))
        if act.recipient is not None:
            yield self._word("recipient"), self._party(act.recipient)
        if act.purpose is not None:
            yield self._word("purpose"), self._purpose(act.purpose)
        yield from self._law()
        yield from self._reason()
        if act.decision is not None:
            yield self._word("decision"), self._say(DECISIONS_SAID[act.decision])
        if act.policy_ids:
            yield self._word("rules"), ", ".join(act.policy_ids)
        yield from self._own()
        yield self._word("subject"), self._word("erased") if erased else self._subject()
        yield self._word("covenant"), self._version()
        if self.covenant is not None:
            point = self.covenant.contact_point(self._agreed())
            yield self._word("contact"), f"{self._title(point.title)}, {point.email}"
        if act.trace_id is not None:
            yield self._word("trace"), f"{act.trace_id} {act.span_id or ''}".strip()

    # --- The act ---

    def _law(self) -> Iterator[Fact]:
        act, purpose = self.event.act, self._agreed()
        if act.basis is not None:
            yield self._word("law"), self._basis(act.basis)
            return
        if purpose is None or self.covenant is None:
            return
        receiver = None if act.recipient is None else self.covenant.find(act.recipient)
        sender = None if act.agency is None else self.covenant.find(act.agency)
        if sender is not None and receiver is not None:
            codes = purpose.edge(self.covenant.root_of(sender.kind), self.covenant.root_of(receiver.kind))
            if codes:
                yield self._word("law"), "; ".join(map(self._basis, codes))
            return
        who = receiver or sender
        if who is not None:
            kind = self.covenant.root_of(who.kind)
            found = dict.fromkeys(code for row in purpose.legal_bases.values() for code in row.get(kind, ()))
            if found:
                yield self._word("laws-of-purpose"), "; ".join(map(self._basis, found))

    def _reason(self) -> Iterator[Fact]:
        words = self.event.subject.words
        if self.event.act.justification is not None:
            yield self._word("why"), self.event.act.justification
        if words is not None:
            yield self._word("words"), words.text
            yield self._word("case"), words.case_reference

    def _subject(self) -> str:
        subject = self.event.subject
        parts = []
        if subject.hit_id is not None:
            parts.append(self._word("hit").format(id=subject.hit_id))
        if subject.signal_ids:
            parts.append(self._word("signals").format(listed=", ".join(map(str, subject.signal_ids))))
        if subject.tag_digests:
            count = len(subject.tag_digests)
            parts.append(self._word("tag") if count == 1 else self._word("tags").format(count=count))
        return "; ".join(parts) or self._word("nobody")

    # --- The event's own fields ---

    def _own(self) -> Iterator[Fact]:
        for holder in (self.event, getattr(self.event, "asked", None)):
            for column in layout_of(type(holder)) if holder is not None else ():
                value = getattr(holder, column.attribute)
                if value in (None, ()) or isinstance(value, Asked) or self._said_before(column.attribute, value):
                    continue
                yield self._say(FIELDS[column.attribute]), self._value(column.attribute, value)

    def _said_before(self, name: str, value: object) -> bool:
        return name == "basis" and value == self.event.act.basis

    def _value(self, name: str, value: object) -> str:
        if isinstance(value, tuple):
            return ", ".join(self._value(name, one) for one in value)
        if isinstance(value, datetime):
            return moment(value, self.lang)
        text = str(value)
        if name in _PARTIES:
            return self._party(PartyId(text))
        if name in _PURPOSES:
            return self._purpose(text)
        if name in _KINDS:
            return next((self._say((rule.nl, rule.en)) for kind, rule in KINDS.items() if kind == text), text)
        purpose = self._agreed()
        if name == "grounds" and purpose is not None and text in purpose.grounds:
            return self._title(purpose.grounds[text])
        if name == "basis":
            return self._basis(text)
        known = VALUES.get(name, {}).get(text)
        return text if known is None else self._say(known)

    # --- The covenant's names ---

    def _agreed(self) -> Purpose | None:
        name = self.event.act.purpose
        return None if name is None or self.covenant is None else self.covenant.purposes.get(name)

    def _purpose(self, name: str) -> str:
        known = {} if self.covenant is None else self.covenant.purposes
        return next((f"{self._title(one.title)} ({name})" for key, one in known.items() if key == name), name)

    def _party(self, name: PartyId) -> str:
        if self.covenant is None:
            return name
        agency = self.covenant.find(name)
        broker = self.covenant.named_broker
        holders = ((one.id, one.title) for one in self.covenant.key_holders)
        titles = {**dict(holders), **({broker.id: broker.title} if broker else {})}
        title = titles.get(name) if agency is None else agency.title
        return name if title is None else f"{self._title(title)} ({name})"

    def _basis(self, code: str) -> str:
        known = None if self.covenant is None else self.covenant.legal_bases.get(code)
        if known is None:
            return code
        unsure = f" [{self._word('unsure')}]" if known.certainty == "unsure" else ""
        return f"{self._title(known.title)}, {known.article}{unsure}"

    def _version(self) -> str:
        ref = self.event.act.covenant
        name = None if self.covenant is None else self.covenant.name
        said = self._word("covenant-said" if name else "version-said").format(name=name, version=ref.version)
        return f"{said} (SHA-256 {ref.sha256})"

    def _title(self, title: Title) -> str:
        return _title(title, self.lang)

    def _word(self, name: str) -> str:
        return say(WORDS[name], self.lang)

    def _say(self, pair: Pair) -> str:
        return say(pair, self.lang)
