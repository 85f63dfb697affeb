# SPDX-License-Identifier: EUPL-1.2
"""A hit as one row of a list: one sentence, on what and for which case, how much time is left, and the next act.

Not here: the lists (``hits.py``, ``today.py``), the hit's own page (``hit.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.console.hit_words import agency_said, counterpart_of, hit_words, purpose_said
from agency_client.console.languages import N_, Speech
from agency_client.draft import Draft
from agency_client.vault import Vault
from agency_client.vault.hit_lists import ListedHit
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.signals import Kept
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.follow_ups import FollowUpState
from protocol.ids import PartyId, SignalId

STEPS: Final[Mapping[FollowUpState, str]] = {
    FollowUpState.OPEN: N_("not seen yet"),
    FollowUpState.ACKNOWLEDGED: N_("seen"),
    FollowUpState.CONTACTED: N_("had contact"),
    FollowUpState.CLOSED: N_("closed"),
}


@dataclass(frozen=True, slots=True)
class RowShown:
    """One row: what it says, and what to do about it."""

    sentence: str = field(repr=False)
    sub: tuple[str, ...] = field(repr=False)
    href: str
    act: str
    """The words of its button."""
    due: datetime | None = None
    tag: str = ""
    """What stands in the place of the time left, when there is none."""
    press: str = "plain"
    """How pressing the tag is."""
    first: bool = False
    """Whether its button is the one to press."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Our own side of hits: signals, and under whose name canaries of ours stand."""

    signals: Mapping[SignalId, Kept] = field(repr=False)
    covers: Mapping[SignalId, PartyId] = field(repr=False)

    def draft(self, signal: SignalId) -> Draft | None:
        """Return our own record behind a signal, while it is here."""
        kept = self.signals.get(signal)
        return None if kept is None else Draft.from_bytes(kept.draft)


def read_behind(vault: Vault, hits: Sequence[KeptHit]) -> Behind:
    """Read our own side of a page of hits."""
    signals = [kept.notice.my_signal for kept in hits]
    found = {name: kept for name, (kept, _) in vault.signals.with_keys(signals).items()}
    return Behind(found, vault.canaries.covers(signals))


def hit_row(listed: ListedHit, behind: Behind, covenant: Covenant, speech: Speech) -> RowShown:
    """Return a hit as a row."""
    kept, follow_up = listed.kept, listed.follow_up
    notice = kept.notice
    draft = behind.draft(notice.my_signal)
    words = hit_words(kept, draft, behind.covers.get(notice.my_signal), covenant, speech)
    stands = kept.state is not HitState.WITHDRAWN
    agreed = speech.gettext("Agreement on %(kinds)s") % {"kinds": words.agreed_on}
    sub = [agreed, purpose_said(notice.purpose, covenant, speech)]
    if draft is not None:
        sub.append(speech.gettext("your case %(case)s") % {"case": plain(draft.case_reference)})
    if words.twin and stands:
        sub.insert(1, speech.gettext("could be a twin"))
    state = None if follow_up is None or not stands else follow_up.state
    tag, press = _tag(listed, state, speech)
    return RowShown(
        f"{words.sentence}.",
        tuple(sub),
        f"/hits/{kept.id}",
        _act(kept, state, speech),
        follow_up.due_at if follow_up is not None and state is FollowUpState.OPEN else None,
        tag,
        press,
        first=state is FollowUpState.OPEN,
    )


def who_said(kept: KeptHit, covenant: Covenant, speech: Speech) -> str:
    """Return who the other agency of a hit is."""
    return agency_said(counterpart_of(kept), covenant, speech)


def _tag(listed: ListedHit, state: FollowUpState | None, speech: Speech) -> tuple[str, str]:
    if listed.kept.state is HitState.WITHDRAWN:
        return speech.gettext("taken back"), "plain"
    if listed.follow_up is None or state is None:
        return speech.gettext("nothing to follow up"), "plain"
    return speech.gettext(STEPS[state]), "good" if state is FollowUpState.CLOSED else "plain"


def _act(kept: KeptHit, state: FollowUpState | None, speech: Speech) -> str:
    if state is FollowUpState.CONTACTED:
        return speech.gettext("Enter the outcome")
    calls = kept.notice.level in ("contact", "content") and kept.state is HitState.LIVE
    if calls and state in (FollowUpState.OPEN, FollowUpState.ACKNOWLEDGED):
        return speech.gettext("Look and call")
    return speech.gettext("Look")
