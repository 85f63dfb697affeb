# SPDX-License-Identifier: EUPL-1.2
"""The page of one hit: who, how sure, whom to call, our own record, what happened, and who knows what.

What the hit released is shown only in the answer to the act that opened it, since the log has each reading; it is kept
nowhere else. Not here: the acts (``hit_acts.py``), words (``hit_words.py``), the time line (``timeline.py``).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.console.colleagues import name_of
from agency_client.console.hit_rows import STEPS, read_behind
from agency_client.console.hit_words import HitWords, agency_said, counterpart_of, hit_words, purpose_said, titled
from agency_client.console.languages import N_, Speech
from agency_client.console.released import Line, danger_of
from agency_client.console.request_shown import STATES
from agency_client.console.timeline import Happened, happened
from agency_client.draft import Draft
from agency_client.running import Running
from agency_client.vault import Vault
from agency_client.vault.disclosures import KeptDisclosure
from agency_client.vault.follow_ups import FollowUp
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.proofs import ProvenEntry
from agency_client.vault.signals import Kept
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.encoding import format_time, parse_time
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId, PartyId
from protocol.keys import KINDS, Tier
from protocol.messages import Level
from protocol.policy import PolicyEngine

NOT_THE_SAME: Final = "not-the-same-person"
"""The outcome that has a button of its own, where the covenant has it."""
_LINES: Final = 60
"""Lines of the time line: more than any hit has in practice."""
_KNOWS: Final[Mapping[Level, str]] = {
    "existence": N_("that somebody knows the same person, and not that it is you"),
    "agency": N_("that you know the same person"),
    "contact": N_("that you know the same person, and whom to call"),
    "content": N_("that you know the same person, whom to call, and what you wrote about it"),
}
_YOU_KNOW: Final[Mapping[Level, str]] = {
    "existence": N_("that somebody knows the same person, and not who"),
    "agency": N_("that they know the same person"),
    "contact": N_("that they know the same person, and whom to call"),
    "content": N_("that they know the same person, whom to call, and what they wrote about it"),
}
_WAITS: Final[Mapping[str, str]] = {
    "opening": N_("reading what was released"),
    "acknowledgement": N_("that you saw it, or had contact"),
    "outcome": N_("the outcome"),
}


@dataclass(frozen=True, slots=True)
class FollowUpShown:
    """How far we are with a hit."""

    state: str
    words: str
    due: datetime
    late: bool
    outcome: str
    doubt: str
    """With which words the other agency closed it, or empty."""
    pending: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody saw it yet."""
        return self.state == FollowUpState.OPEN

    @property
    def may_call(self) -> bool:
        """Whether contact is still to be had."""
        return self.state in (FollowUpState.OPEN, FollowUpState.ACKNOWLEDGED)

    @property
    def may_close(self) -> bool:
        """Whether there is an outcome to enter."""
        return self.state != FollowUpState.CLOSED


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """What this agency itself wrote."""

    reference: str = field(repr=False)
    case: str = field(repr=False)
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    """Kind and value, as compared."""
    grounds: tuple[str, ...]
    basis: str
    article: str
    """Where the law says it, as the covenant writes it: in English."""
    since: datetime
    until: datetime
    danger: tuple[Line, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Knows:
    """Who may know what, and by which rule of which purpose."""

    who: str
    what: str
    rule: str


@dataclass(frozen=True, slots=True)
class HitShown:
    """One hit, whole, without what it released."""

    id: str
    words: HitWords
    purpose: str
    purpose_id: str
    state: str
    urgent: bool
    told_at: datetime
    follow_up: FollowUpShown | None
    own: OwnRecord | None
    own_restricted: bool
    """Whether this agency restricted its own signal."""
    level: Level
    opened_at: datetime | None
    knows: tuple[Knows, ...]
    happened: tuple[Happened, ...]
    waiting: tuple[str, ...]
    """Acts on it that are being sent, in words."""
    requests: tuple[tuple[str, str, str], ...]
    """Requests for more about it: id, what it is, and how it stands."""
    outcomes: tuple[tuple[str, str], ...]

    @property
    def stands(self) -> bool:
        """Whether the other side's signal still does."""
        return self.state != HitState.WITHDRAWN

    @property
    def releases(self) -> bool:
        """Whether there is something to open."""
        return self.state == HitState.LIVE and self.level in ("contact", "content")

    @property
    def may_ask(self) -> bool:
        """Whether there is somebody to ask for more, and no restriction that the broker would refuse it for."""
        return (
            self.state in (HitState.LIVE, HitState.UNDELIVERED)
            and self.level != "existence"
            and not self.own_restricted
        )

    @property
    def other_outcome(self) -> str | None:
        """The code of "not the same person", where the covenant has it."""
        return NOT_THE_SAME if any(code == NOT_THE_SAME for code, _ in self.outcomes) else None


@dataclass(frozen=True, slots=True)
class HitRead:
    """What the vault has of a hit."""

    kept: KeptHit
    follow_up: FollowUp | None
    signal: Kept | None
    own_restricted: bool
    cover: PartyId | None
    entries: tuple[ProvenEntry, ...]
    waiting: tuple[str, ...]
    requests: tuple[KeptDisclosure, ...]


def read_hit(vault: Vault, hit: HitId) -> HitRead:
    """Read a hit. Raises ``NotFoundError``."""
    kept, follow_up = vault.hits.get(hit), vault.follow_ups.of(hit)
    behind = read_behind(vault, [kept])
    mine = kept.notice.my_signal
    told = [] if follow_up is None else [follow_up.late_at, follow_up.doubted_at]
    moments = {format_time(at) for at in told if at is not None} | {at for at in (kept.withdrawn_at,) if at}
    names = {str(mine), str(hit), str(kept.notice.seq), *vault.hit_lists.notices(hit, moments)}
    entries = vault.proofs.about(names, _LINES)
    waiting = vault.hit_lists.waiting(hit)
    requests = tuple(vault.disclosures.of_hit(hit))
    covers, signal = behind.covers.get(mine), behind.signals.get(mine)
    restricted = vault.changes.is_restricted(mine)
    return HitRead(kept, follow_up, signal, restricted, covers, tuple(entries), tuple(waiting), requests)


def hit_shown(running: Running, hit: HitId, speech: Speech) -> HitShown:
    """Return a hit's page; reads the vault, so call it in a thread. Raises ``NotFoundError``."""
    session = running.session
    found = read_hit(session.vault, hit)
    return shown_of(found, session.me.id, session.engine, name_of(session.vault), session.clock(), speech)


def shown_of(
    found: HitRead,
    me: PartyId,
    engine: PolicyEngine,
    name_of: Callable[[str], str | None],
    now: datetime,
    speech: Speech,
) -> HitShown:
    """Return what is shown of a hit. Pure."""
    kept, covenant = found.kept, engine.covenant
    notice = kept.notice
    draft = None if found.signal is None else Draft.from_bytes(found.signal.draft)
    words = hit_words(kept, draft, found.cover, covenant, speech)
    return HitShown(
        str(kept.id),
        words,
        purpose_said(notice.purpose, covenant, speech),
        notice.purpose,
        kept.state,
        notice.urgency == "urgent",
        notice.at,
        None if found.follow_up is None else _follow_up(found.follow_up, covenant, speech),
        None if draft is None or found.signal is None else _own(found.signal, draft, covenant, speech),
        found.own_restricted,
        notice.level,
        None if kept.opened_at is None else parse_time(kept.opened_at),
        _knows(kept, me, engine, now, speech),
        happened(found.entries, me, words.who, covenant, name_of, speech),
        tuple(speech.gettext(_WAITS[kind]) for kind in found.waiting if kind in _WAITS),
        tuple(_request(one, speech) for one in found.requests),
        tuple((code, titled(one.title, speech)) for code, one in covenant.outcomes.items()),
    )


def _follow_up(found: FollowUp, covenant: Covenant, speech: Speech) -> FollowUpShown:
    def outcome(code: str | None) -> str:
        known = None if code is None else covenant.outcomes.get(code)
        return code or "" if known is None else titled(known.title, speech)

    return FollowUpShown(
        found.state,
        speech.gettext(STEPS[found.state]),
        found.due_at,
        found.late,
        outcome(found.outcome),
        outcome(found.doubt),
        found.pending is not None,
    )


def _request(kept: KeptDisclosure, speech: Speech) -> tuple[str, str, str]:
    mine = speech.gettext("You asked for more") if kept.direction == "mine" else speech.gettext("They asked for more")
    state = speech.gettext("being sent") if kept.waiting is not None else speech.gettext(STATES[kept.state])
    return str(kept.id), mine, state


def _own(kept: Kept, draft: Draft, covenant: Covenant, speech: Speech) -> OwnRecord:
    purpose = covenant.purposes.get(kept.purpose)
    grounds = [
        titled(title, speech) if purpose is not None and (title := purpose.grounds.get(code)) is not None else code
        for code in draft.grounds
    ]
    law = covenant.legal_bases.get(draft.basis)
    return OwnRecord(
        plain(draft.reference),
        plain(draft.case_reference),
        tuple(dict.fromkeys(_identifiers(draft, speech))),
        tuple(grounds),
        draft.basis if law is None else titled(law.title, speech),
        "" if law is None else law.article,
        parse_time(kept.created_at),
        parse_time(kept.expires_at),
        danger_of({**draft.parts.get("contact", {}), **draft.parts.get("content", {})}, speech),
    )


def _identifiers(draft: Draft, speech: Speech) -> Iterator[tuple[str, str]]:
    for key in draft.keys:
        rule = KINDS.get(key.kind)
        # Keys that are made of names are written for comparing, not for reading.
        if key.role == "subject" and rule is not None and (rule.tier is Tier.IDENTIFIER or key.kind == "vehicle"):
            yield rule.nl if speech.lang == "nl" else rule.en, plain(key.normal_form)


def _knows(kept: KeptHit, me: PartyId, engine: PolicyEngine, now: datetime, speech: Speech) -> tuple[Knows, ...]:
    notice, other = kept.notice, counterpart_of(kept)
    you = Knows(speech.gettext("You"), speech.gettext(_YOU_KNOW[notice.level]), notice.rule)
    if other is None:
        return (you,)
    level, decision = engine.highest_level(me, other, notice.purpose, notice.quality, now)
    who = agency_said(other, engine.covenant, speech)
    if level is None:
        return (you, Knows(who, speech.gettext("nothing, by the covenant of today"), decision.rule))
    return (you, Knows(who, speech.gettext(_KNOWS[level]), decision.rule))
