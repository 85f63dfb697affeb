# SPDX-License-Identifier: EUPL-1.2
"""A hit or an answer in plain words: one sentence who knows the person, on what, how sure, and by when to act.

Only from verified hits. It never says that something differs: what did not agree may be unknown at the other side.
Not here: what agrees and how sure that is (``likeness.py``), colours and tables (``showing.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.inbox import Claim
from agency_client.likeness import families, joined, sureness, twins_agree
from agency_client.vault.hits import HitState, KeptHit
from protocol.covenant import Covenant
from protocol.ids import KeyKind, PartyId
from protocol.keys import KINDS, quality_of
from protocol.messages import Quality, Role
from protocol.notices import HitNotice, MutedNotice, QueriedNotice

_KNOWS: Final[dict[Quality, str]] = {
    "hit": "knows",
    "probable": "probably knows",
    "possible": "possibly knows",
}
_WORTH: Final[tuple[Quality, ...]] = ("hit", "probable", "possible")
_HOUR: Final = 3600
_IN_DAYS: Final = 48
"""Hours from which time left is told in days: below it, the hours of a working day still matter."""


@dataclass(frozen=True, slots=True)
class Words:
    """A hit for people."""

    sentence: str
    sure: str
    families: tuple[str, ...]
    twin: bool
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class AgreedPair:
    """Whom the hit is about, one person at each side, and what agrees between them."""

    mine: Role
    theirs: Role
    kinds: frozenset[KeyKind]
    quality: Quality

    @property
    def one_person(self) -> bool:
        """Whether all kinds are of one person at each side; a record's associates are not told apart."""
        return self.mine == self.theirs == "subject"


def words_of(kept: KeptHit, reference: str, covenant: Covenant, now: datetime) -> Words:
    """Return a hit in words; ``reference`` is the agency's own record."""
    notice = kept.notice
    pair = pair_of(notice)
    named = families(pair.kinds)
    twin = twins_agree(pair.kinds)
    if kept.state is HitState.WITHDRAWN:
        text = f"{_who(notice, covenant)} withdrew its signal about the person of {reference}."
        return Words(text, "withdrawn", tuple(named), twin, None)
    if kept.state is HitState.RESTRICTED:
        text = f"{_who(notice, covenant)} restricted its signal about the person of {reference}: do not use it now."
        return Words(text, "restricted", tuple(named), twin, None)
    who = f"{_who(notice, covenant)} {_KNOWS[pair.quality]}"
    text = f"{who} {_whom(pair)} of {reference}: {joined(named)} {_agree(named)}."
    if twin:
        text += " It could be a twin."
    if notice.urgency == "urgent":
        text += " Urgent."
    deadline = _deadline(notice, covenant)
    if deadline is not None:
        text += f" {_act(deadline, now)}"
    sure = sureness(pair.kinds, covenant.population, one_person=pair.one_person)
    return Words(text, sure, tuple(named), twin, deadline)


def muted_sentence(notice: MutedNotice, reference: str) -> str:
    """Return in words that a key points at too many to point at a person."""
    name = KINDS[notice.kind].en if notice.kind in KINDS else notice.kind
    article = "An" if name[:1] in "aeio" else "A"
    return (
        f"{article} {name} of {reference} stands on {notice.signals:,} of your signals, so it points at no one "
        "and is not compared any more. Is it an institution's? Then leave it out of your records."
    )


def case_words(claim: Claim, other: PartyId | None, covenant: Covenant, *, urgent: bool) -> Words:
    """Return in words who knows the person that we asked about; ``other`` is the agency, where its name is told."""
    pair = pair_of(claim)
    named = families(pair.kinds)
    twin = twins_agree(pair.kinds)
    whom = "the person you ask about" if pair.mine == "subject" else "somebody around the person you ask about"
    whom += "" if pair.theirs == "subject" else " (as somebody around theirs)"
    text = f"{title_of(other, covenant)} {_KNOWS[pair.quality]} {whom}: {joined(named)} {_agree(named)}."
    text += " It could be a twin." if twin else ""
    text += " Urgent." if urgent else ""
    sure = sureness(pair.kinds, covenant.population, one_person=pair.one_person)
    return Words(text, sure, tuple(named), twin, None)


def queried_sentence(notice: QueriedNotice, reference: str, covenant: Covenant) -> str:
    """Return in words that somebody asked about one of our people."""
    pair = pair_of(notice)
    named = families(pair.kinds)
    purpose = covenant.purposes.get(notice.purpose)
    title = notice.purpose if purpose is None else purpose.title.en
    return (
        f"{title_of(notice.asker, covenant)} asked about {_whom(pair)} of {reference} on "
        f"{notice.at:%a %d %b %H:%M} UTC, for {title}: {joined(named)} {_agree(named)}. Nothing is asked of you."
    )


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, and whatever follows it, in the singular or the plural (one + s)."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _agree(named: Sequence[str]) -> str:
    return "agrees" if len(named) == 1 and " and " not in named[0] else "agree"


def pair_of(notice: Claim) -> AgreedPair:
    """Return the pair of people that the sentence is about: the two subjects if they are worth telling, else the best.

    A name of one and a phone of another person do not add up, so that nothing is said of all kinds at once.
    """
    people: dict[tuple[Role, Role], set[KeyKind]] = {}
    for one in notice.agreed:
        people.setdefault((one.my_role, one.their_role), set()).add(one.kind)
    pairs = [
        AgreedPair(mine, theirs, frozenset(kinds), quality_of(kinds) or notice.quality)
        for (mine, theirs), kinds in people.items()
    ]
    return min(pairs, key=lambda pair: (not pair.one_person, _WORTH.index(pair.quality), pair.mine != "subject"))


def _who(notice: HitNotice, covenant: Covenant) -> str:
    return title_of(None if notice.counterpart is None else notice.counterpart.agency, covenant)


def title_of(agency: PartyId | None, covenant: Covenant) -> str:
    """Return what people call an agency; ``None`` is one that is not named."""
    if agency is None:
        return "Another agency"
    found = covenant.find(agency)
    return agency if found is None else found.title.nl


def _whom(pair: AgreedPair) -> str:
    whom = "the person" if pair.mine == "subject" else "somebody around the person"
    return whom if pair.theirs == "subject" else f"{whom} (as somebody around theirs)"


def _deadline(notice: HitNotice, covenant: Covenant) -> datetime | None:
    purpose = covenant.purposes.get(notice.purpose)
    return None if purpose is None else notice.at + timedelta(hours=purpose.deadline_hours(notice.urgency))


def _act(deadline: datetime, now: datetime) -> str:
    """Return by when to act: the time left first, which needs no time zone, and never rounded up."""
    moment = f"{deadline:%a %d %b %H:%M} UTC"
    rest = deadline - now
    hours = int(rest.total_seconds() // _HOUR)
    if rest <= timedelta():
        return f"The time to act is over since {moment}."
    if hours < 1:
        return f"Act within the hour (before {moment})."
    left = counted(hours, "hour") if hours < _IN_DAYS else counted(hours // 24, "day")
    return f"Act within {left} (before {moment})."
