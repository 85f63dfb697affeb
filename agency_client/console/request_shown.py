# SPDX-License-Identifier: EUPL-1.2
"""One request for more as a page shows it: what is asked, why, by when, what travels along, and what happened.

What was given to us is shown only in the answer to the act that read it. Not here: the acts (``request_acts.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.console.colleagues import name_of
from agency_client.console.hit_rows import read_behind
from agency_client.console.hit_words import agency_said, purpose_said, titled
from agency_client.console.languages import N_, Speech
from agency_client.console.reasons import reason_said
from agency_client.console.released import Line, danger_of, fields_of, text_lines
from agency_client.console.timeline import Happened, happened
from agency_client.people.accounts import AccountState
from agency_client.requesting import Disclosed
from agency_client.running import Running
from agency_client.vault.disclosures import KeptDisclosure
from agency_client.vault.hits import HitState
from edge.problems import plain
from protocol.disclosure_states import LIVE, DisclosureState
from protocol.ids import DisclosureId

STATES: Final[Mapping[DisclosureState, str]] = {
    DisclosureState.REQUESTED: N_("waits for a decision"),
    DisclosureState.APPROVED: N_("approved by the first of two"),
    DisclosureState.GRANTED: N_("answered"),
    DisclosureState.RECEIVED: N_("answered and read"),
    DisclosureState.REFUSED: N_("refused"),
    DisclosureState.CANCELLED: N_("taken back"),
    DisclosureState.EXPIRED: N_("not done in time"),
    DisclosureState.GONE: N_("ended with its signal"),
}


@dataclass(frozen=True, slots=True)
class AnswerShown:
    """What was given, in the order in which people need it."""

    danger: tuple[Line, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)
    facts: tuple[Line, ...] = ()
    files: tuple[tuple[int, str, int], ...] = ()
    """Of each attachment its number, its name and its bytes."""


@dataclass(frozen=True, slots=True)
class RequestShown:
    """One request."""

    id: str
    mine: bool
    who: str
    state: str
    words: str
    due: datetime | None
    purpose: str
    hit: str
    hit_stands: bool
    restricted: bool
    """Whether nothing may be given or read for now, since one of both signals is restricted."""
    case: str = field(repr=False)
    """Our own."""
    reference: str = field(repr=False)
    topics: tuple[str, ...]
    wanted: tuple[str, ...] = field(repr=False)
    why: str = field(repr=False)
    why_words: str = field(repr=False)
    their_case: str = field(repr=False)
    refusal: str
    refusal_lines: tuple[str, ...] = field(repr=False)
    given: AnswerShown | None
    """What we gave."""
    along: tuple[Line, ...]
    """What our record says of danger and contact, which goes with every answer."""
    sending: bool
    failed: bool
    second_person: bool
    """Whether two persons decide here."""
    approved_by_me: bool
    approved_by: str
    assigned_to: str
    refusals: tuple[tuple[str, str], ...]
    colleagues: tuple[tuple[str, str], ...]
    happened: tuple[Happened, ...]

    @property
    def to_decide(self) -> bool:
        """Whether somebody here still decides."""
        return not self.mine and self.state in ("requested", "approved") and not self.sending

    @property
    def may_approve(self) -> bool:
        """Whether the first of two persons may agree now."""
        return self.to_decide and not self.restricted and self.second_person and self.state == "requested"

    @property
    def may_give(self) -> bool:
        """Whether whoever looks may give the answer now."""
        waits = self.second_person and self.state == "requested"
        return self.to_decide and not self.restricted and not waits and not self.approved_by_me

    @property
    def may_read(self) -> bool:
        """Whether there is an answer to read."""
        may = self.mine and self.hit_stands and not self.restricted
        return may and self.state in ("granted", "received") and not self.sending

    @property
    def waits_for_lifting(self) -> bool:
        """Whether somebody could give or read something, were no signal of the hit restricted."""
        answered = self.mine and self.state in ("granted", "received")
        return self.restricted and self.hit_stands and (self.to_decide or answered)

    @property
    def may_cancel(self) -> bool:
        """Whether it can be taken back."""
        return self.mine and self.state in [str(one) for one in LIVE] and not self.sending


def request_shown(running: Running, request: DisclosureId, me: str, subject: str, speech: Speech) -> RequestShown:
    """Return a request's page; ``me`` and ``subject`` are who looks. Reads the vault: call it in a thread.

    Raises ``NotFoundError``.
    """
    session = running.session
    vault, covenant = session.vault, session.covenant
    kept = vault.disclosures.get(request)
    hit = vault.hits.get(kept.hit)
    draft = read_behind(vault, [hit]).draft(kept.signal)
    known = covenant.disclosures
    topics, refusals = ({}, {}) if known is None else (known.topics, known.refusals)
    names = name_of(vault)
    who = agency_said(kept.other, covenant, speech)
    purpose = covenant.purposes.get(kept.purpose)
    places = [step.place for step in kept.steps if step.place is not None]
    content = {} if draft is None else draft.parts.get("content", {})
    refusal = kept.refusal
    return RequestShown(
        str(kept.id),
        kept.direction == "mine",
        who,
        kept.state,
        speech.gettext(STATES[kept.state]),
        _due(kept),
        purpose_said(kept.purpose, covenant, speech),
        str(kept.hit),
        hit.state is not HitState.WITHDRAWN,
        hit.state is HitState.RESTRICTED or vault.changes.is_restricted(kept.signal),
        "" if draft is None else plain(draft.case_reference),
        "" if draft is None else plain(draft.reference),
        tuple(titled(topics[one], speech) if one in topics else one for one in _topics(kept)),
        () if kept.wanted is None else text_lines(kept.wanted.text),
        "" if kept.why is None else reason_said(kept.why.code, covenant, speech),
        "" if kept.why is None else plain(kept.why.text),
        "" if kept.why is None else plain(kept.why.case_reference),
        "" if refusal is None else titled(refusals[refusal.code], speech) if refusal.code in refusals else refusal.code,
        () if refusal is None else text_lines(refusal.text),
        _given(kept, speech),
        danger_of(content, speech),
        kept.waiting is not None,
        kept.failed is not None,
        purpose is not None and purpose.disclosure_approvals > 1,
        me in kept.approvals,
        ", ".join(names(one) or speech.gettext("a colleague") for one in kept.approvals),
        "" if kept.assigned_to is None else names(kept.assigned_to) or speech.gettext("a colleague"),
        tuple((code, titled(title, speech)) for code, title in refusals.items()),
        tuple(
            (one.subject, plain(one.display))
            for one in vault.people.accounts()
            if one.state is not AccountState.REMOVED and "coordinator" in one.roles and one.subject != subject
        ),
        happened(vault.proofs.at(places), session.me.id, who, covenant, names, speech),
    )


def answer_shown(given: Disclosed, speech: Speech) -> AnswerShown:
    """Return an answer that was just read."""
    return AnswerShown(
        danger_of({**given.danger, **given.contact_preference}, speech),
        text_lines(given.text),
        fields_of(given.fields, speech),
        tuple((place, plain(one.name), len(one.content)) for place, one in enumerate(given.attachments)),
    )


def _given(kept: KeptDisclosure, speech: Speech) -> AnswerShown | None:
    given = kept.given
    if given is None:
        return None
    return AnswerShown(
        danger_of({**given.danger, **given.contact_preference}, speech),
        text_lines(given.text),
        fields_of(given.fields, speech),
        tuple((place, plain(name), 0) for place, name in enumerate(given.attachments)),
    )


def _topics(kept: KeptDisclosure) -> tuple[str, ...]:
    return () if kept.wanted is None else kept.wanted.topics


def _due(kept: KeptDisclosure) -> datetime | None:
    if kept.is_open:
        return kept.due_at
    return kept.fetch_by if kept.state is DisclosureState.GRANTED else None
