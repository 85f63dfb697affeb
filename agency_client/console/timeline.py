# SPDX-License-Identifier: EUPL-1.2
"""What happened with a hit, newest first: each line from an entry that the log proved to this agency, with its proof.

Who of this agency did something is named here only: the log has an opaque reference. Not here: reading the entries
(``vault/proofs.py``), the page (``hit.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from agency_client.console.hit_words import agency_said, titled
from agency_client.console.languages import N_, Speech
from agency_client.trail import LogKeys
from agency_client.vault.proofs import ProvenEntry
from edge.event_words import EVENTS_SAID
from edge.languages import say
from edge.problems import plain
from protocol import events as e
from protocol.commitments import open_entry
from protocol.covenant import Covenant
from protocol.errors import VerificationError
from protocol.ids import PartyId

_NOTICES: Final[Mapping[str, str]] = {
    "hit": N_("You were told that %(who)s knows the person too."),
    "withdrawn": N_("You were told that %(who)s took its signal back."),
    "late": N_("You were told that nobody had acknowledged this hit in time."),
    "doubted": N_("You were told that %(who)s doubts whether it is the same person."),
    "restricted": N_("You were told that %(who)s has its signal checked, and not to use it meanwhile."),
    "lifted": N_("You were told that %(who)s lets its signal be used again."),
    "overdue": N_("You were told that the counterpart stays away."),
    "disclosure": N_("You were told of a request for more."),
}
_STEPS: Final[Mapping[str, str]] = {
    "acknowledged": N_("%(person)s saw the hit."),
    "contacted": N_("%(person)s had contact with %(who)s."),
    "closed": N_("%(person)s closed the hit."),
}
_SENT: Final[Mapping[bool, str]] = {
    True: N_("%(person)s sent this signal."),
    False: N_("%(agency)s sent this signal."),
}
"""By whether a person of this agency did."""
_TAKEN_BACK: Final[Mapping[bool, str]] = {
    True: N_("%(person)s took this signal back."),
    False: N_("%(agency)s took this signal back."),
}
_DECIDED: Final[Mapping[str, str]] = {
    "approved": N_("%(person)s approved the request for more, as the first of two."),
    "granted": N_("%(person)s answered the request for more."),
    "refused": N_("%(person)s refused the request for more."),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """Where something stands in the log, and how many of the witnesses confirm that."""

    line: int
    confirmed: int | None
    """None when the proof was made under other keys than the covenant names now."""
    witnesses: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened."""

    at: datetime
    text: str
    more: str
    """In the words of who did it, or empty."""
    proof: Proof


def happened(
    entries: Iterable[ProvenEntry],
    me: PartyId,
    who: str,
    covenant: Covenant,
    name_of: Callable[[str], str | None],
    speech: Speech,
) -> tuple[Happened, ...]:
    """Return what happened; ``who`` is the other agency of the hit, ``name_of`` knows our own people."""
    return tuple(_line(one, me, who, covenant, name_of, speech) for one in entries)


def proof_of(entry: ProvenEntry, covenant: Covenant) -> Proof:
    """Return the proof of an entry; its signatures are verified anew."""
    confirmed = None if entry.note is None else _confirmed(entry.note, LogKeys.of(covenant))
    return Proof(entry.place, confirmed, len(covenant.key_holders))


def _line(
    entry: ProvenEntry,
    me: PartyId,
    who: str,
    covenant: Covenant,
    name_of: Callable[[str], str | None],
    speech: Speech,
) -> Happened:
    event = open_entry(entry.opening).event
    agency = _agency(event.act.agency, covenant, speech)
    said = {"who": who, "person": _person(event.act.person, name_of, speech), "agency": agency}
    if event.act.agency not in (None, me):
        # Of the other side's people nothing is known here: it was that agency, and what it did was to us.
        said |= {"who": speech.gettext("you"), "person": agency}
    return Happened(
        event.act.time, _text(event, me, said, speech), _more(event, covenant, speech), proof_of(entry, covenant)
    )


def _person(reference: str | None, name_of: Callable[[str], str | None], speech: Speech) -> str:
    name = None if reference is None else name_of(reference)
    return plain(name) if name else speech.gettext("Your organisation")


def _agency(agency: PartyId | None, covenant: Covenant, speech: Speech) -> str:
    return speech.gettext("The broker") if agency is None else agency_said(agency, covenant, speech)


def _text(event: e.Event, me: PartyId, said: Mapping[str, str], speech: Speech) -> str:
    text: str | None = None
    match event:
        case e.SignalRegistered():
            text = speech.gettext(_SENT[event.act.person is not None and event.act.agency == me])
        case e.SignalWithdrawn():
            text = speech.gettext(_TAKEN_BACK[event.act.person is not None and event.act.agency == me])
        case e.HitOpened():
            text = speech.gettext("%(person)s read what %(who)s released.")
        case e.NoticeIssued() if event.notice_type in _NOTICES:
            text = speech.gettext(_NOTICES[event.notice_type])
        case e.FollowedUp():
            text = speech.gettext(_STEPS[event.step])
        case e.DisclosureRequested():
            text = speech.gettext("%(person)s asked %(who)s for more.")
        case e.DisclosureDecided():
            text = speech.gettext(_DECIDED[event.outcome])
        case e.DisclosureReceived():
            text = speech.gettext("%(person)s read the answer.")
        case e.DisclosureEnded():
            text = speech.gettext("The request for more ended.")
        case _:
            return say(EVENTS_SAID[event.TAG], speech.lang)
    return text % said


def _more(event: e.Event, covenant: Covenant, speech: Speech) -> str:
    if isinstance(event, e.FollowedUp) and event.outcome is not None:
        outcome = covenant.outcomes.get(event.outcome)
        return event.outcome if outcome is None else titled(outcome.title, speech)
    words = event.subject.words
    return "" if words is None else plain(words.text)


@lru_cache(maxsize=512)
def _confirmed(note: str, keys: LogKeys) -> int | None:
    try:
        return len(keys.open(note).cosigners)
    except VerificationError:
        # Kept because it held then; the covenant has other keys, or another quorum, by now.
        return None
