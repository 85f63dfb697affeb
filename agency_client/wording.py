# SPDX-License-Identifier: EUPL-1.2
"""A hit in plain words: one sentence who knows the person, on what, how sure, and by when to act.

Only from verified hits. It never says that something differs: what did not agree may be unknown at the other side.
Not here: colours and tables (``cli.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.vault.hits import HitState, KeptHit
from protocol.covenant import Covenant
from protocol.errors import NotFoundError
from protocol.ids import KeyKind
from protocol.keys import KINDS, Tier, could_be_twins, expected_strangers, tier_of
from protocol.messages import HitNotice, MutedNotice, Quality

_KNOWS: Final[dict[Quality, str]] = {
    "hit": "knows",
    "probable": "probably knows",
    "possible": "possibly knows",
}
_SHARED: Final = frozenset(KeyKind(kind) for kind in ("phone", "email", "handle", "iban", "address", "vehicle"))
"""What people of one household or business can share."""
_RARE: Final = 1e-4
"""Below this many strangers a question, a number says no more than "highly unlikely"."""
_MOST_KINDS: Final = 2
"""Kinds named in the sentence, the most telling ones; the details have all."""


@dataclass(frozen=True, slots=True)
class Words:
    """A hit for people."""

    sentence: str
    sure: str
    kinds: tuple[str, ...]
    twin: bool
    deadline: datetime | None


def words_of(kept: KeptHit, reference: str, covenant: Covenant, now: datetime) -> Words:
    """Return a hit in words; ``reference`` is the agency's own record."""
    notice = kept.notice
    kinds = _kinds(notice)
    named = [_name(kind) for kind in kinds]
    twin = could_be_twins(kinds)
    deadline = None if kept.state is HitState.WITHDRAWN else _deadline(notice, covenant)
    if kept.state is HitState.WITHDRAWN:
        text = f"{_who(notice, covenant)} withdrew its signal about the person of {reference}."
        return Words(text, "withdrawn", tuple(named), twin, None)
    text = f"{_who(notice, covenant)} {_KNOWS[notice.quality]} {_whom(notice)} of {reference}"
    text += f": {_join(named[:_MOST_KINDS], len(named) - _MOST_KINDS)} agree{'s' if len(named) == 1 else ''}."
    if twin:
        text += " It could be a twin."
    if notice.urgency == "urgent":
        text += " Urgent."
    if deadline is not None:
        text += f" Act before {_moment(deadline)} ({_left(deadline - now)})."
    return Words(text, _sure(notice, kinds, covenant), tuple(named), twin, deadline)


def muted_sentence(notice: MutedNotice, reference: str) -> str:
    """Return in words that a key points at too many to point at a person."""
    return (
        f"A {_name(notice.kind)} of {reference} stands on {notice.signals} of your signals, so it points at no one "
        "and is not compared any more. Is it an institution's? Then leave it out of your records."
    )


def _kinds(notice: HitNotice) -> list[KeyKind]:
    """Return the agreeing kinds, each once, from the most to the least telling."""
    agreed = {one.kind for one in notice.agreed}
    return [kind for kind in KINDS if kind in agreed] + sorted(agreed - set(KINDS))


def _name(kind: KeyKind) -> str:
    return KINDS[kind].en if kind in KINDS else kind


def _who(notice: HitNotice, covenant: Covenant) -> str:
    if notice.counterpart is None:
        return "Another agency"
    try:
        return covenant.agency(notice.counterpart.agency).title.nl
    except NotFoundError:
        return notice.counterpart.agency


def _whom(notice: HitNotice) -> str:
    mine = {one.my_role for one in notice.agreed}
    theirs = {one.their_role for one in notice.agreed}
    whom = "the person" if "subject" in mine else "somebody around the person"
    return whom if "subject" in theirs else f"{whom} (as somebody around theirs)"


def _sure(notice: HitNotice, kinds: list[KeyKind], covenant: Covenant) -> str:
    shared = [_name(kind) for kind in kinds if kind in _SHARED]
    strangers = expected_strangers(kinds, covenant.population)
    if any(tier_of(kind) is Tier.IDENTIFIER and kind not in _SHARED for kind in kinds if kind in KINDS):
        return "It is one person's own number that agrees."
    if strangers < _RARE:
        text = "That this is somebody else is highly unlikely"
    else:
        text = f"Of such questions about 1 in {max(2, round(1 / strangers)):,} would find a stranger"
    if shared and len(shared) == len(kinds):
        return f"{text}, but a {' or '.join(shared)} can be shared by a household."
    return f"{text}."


def _deadline(notice: HitNotice, covenant: Covenant) -> datetime | None:
    purpose = covenant.purposes.get(notice.purpose)
    return None if purpose is None else notice.at + timedelta(hours=purpose.follow_up_hours)


def _moment(moment: datetime) -> str:
    return f"{moment:%a %d %b %H:%M} UTC"


def _left(rest: timedelta) -> str:
    hours = int(rest.total_seconds() // 3600)
    if hours < 0:
        return "that is past"
    if hours < 1:
        return "less than an hour left"
    return f"{hours} hours left" if hours < 48 else f"{hours // 24} days left"


def _join(names: list[str], more: int) -> str:
    if more > 0:
        return f"{', '.join(names)} and {more} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
