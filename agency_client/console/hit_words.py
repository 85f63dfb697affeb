# SPDX-License-Identifier: EUPL-1.2
"""A hit in words, in the language of who reads it: who knows whom, on what, how sure, and what did not agree.

Never that something differs: what did not agree may be unknown at the other side. Pure, over verified hits only.
Not here: what agrees and how sure that is (``likeness.py``), the page (``hit.py``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from agency_client.console.languages import N_, Speech
from agency_client.draft import Draft
from agency_client.likeness import (
    BOUND,
    Judgement,
    families,
    joined,
    judged,
    one_in,
    shared_words,
    strangers,
    twins_agree,
    unmet,
)
from agency_client.vault.hits import HitState, KeptHit
from agency_client.wording import AgreedPair, pair_of
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.messages import Quality, Role

_WHOM: Final[Mapping[tuple[Role, Role], str]] = {
    ("subject", "subject"): N_("the same person"),
    ("subject", "associate"): N_("your person, as somebody around theirs"),
    ("associate", "subject"): N_("somebody around your person"),
    ("associate", "associate"): N_("somebody around your person, as somebody around theirs"),
}
_KNOWS: Final[Mapping[Quality, str]] = {
    "hit": N_("%(who)s knows %(whom)s"),
    "probable": N_("%(who)s probably knows %(whom)s"),
    "possible": N_("%(who)s possibly knows %(whom)s"),
}
_QUALITIES: Final[Mapping[Quality, str]] = {
    "hit": N_("Hit"),
    "probable": N_("Probable"),
    "possible": N_("Possible"),
}
_ODDS: Final[Mapping[tuple[str, bool], str]] = {
    ("very-unlikely", True): N_("That this is a stranger is very unlikely."),
    ("very-unlikely", False): N_("That this is somebody else is very unlikely."),
    ("unlikely", True): N_("That this is a stranger is unlikely."),
    ("unlikely", False): N_("That this is somebody else is unlikely."),
    ("may", True): N_("This may be a stranger."),
    ("may", False): N_("This may be somebody else."),
    ("may-well", True): N_("This may well be a stranger."),
    ("may-well", False): N_("This may well be somebody else."),
}
"""By how likely it is, and whether only strangers are meant: a twin would agree as much."""


@dataclass(frozen=True, slots=True)
class HitWords:
    """A hit for people."""

    who: str
    sentence: str
    quality: str
    press: str
    """How the quality is shown: ``good`` when it is sure, else ``soon``."""
    agreed: tuple[str, ...]
    agreed_on: str
    """The same as one phrase."""
    unmet: tuple[str, ...]
    """What this agency gave of which nothing agreed: unknown at the other side, or otherwise there."""
    sure: str
    twin: bool
    expected: str
    """How many strangers such a question finds."""


def titled(title: Title, speech: Speech) -> str:
    """Return a name of the covenant in this language."""
    return title.nl if speech.lang == "nl" else title.en


def agency_said(agency: PartyId | None, covenant: Covenant, speech: Speech) -> str:
    """Return what people call an agency; ``None`` is one that may not be named."""
    if agency is None:
        return speech.gettext("Another organisation")
    found = covenant.find(agency)
    return str(agency) if found is None else titled(found.title, speech)


def purpose_said(purpose: PurposeId, covenant: Covenant, speech: Speech) -> str:
    """Return what people call a purpose."""
    found = covenant.purposes.get(purpose)
    return str(purpose) if found is None else titled(found.title, speech)


def counterpart_of(kept: KeptHit) -> PartyId | None:
    """Return the other agency, where its name is told."""
    return None if kept.notice.counterpart is None else kept.notice.counterpart.agency


def hit_words(
    kept: KeptHit, draft: Draft | None, cover: PartyId | None, covenant: Covenant, speech: Speech
) -> HitWords:
    """Return a hit in words; ``draft`` is our own record, ``cover`` whose signal a canary seemed to be."""
    pair = pair_of(kept.notice)
    who = agency_said(counterpart_of(kept), covenant, speech)
    agreed = families(pair.kinds, speech.lang)
    mine = [] if draft is None else [key.kind for key in draft.keys if key.role == pair.mine]
    found = judged(pair.kinds, covenant.population, one_person=pair.one_person)
    twin = twins_agree(pair.kinds) and cover is None
    return HitWords(
        who,
        _sentence(kept, pair, who, cover, covenant, speech),
        speech.gettext(_QUALITIES[pair.quality]),
        "good" if pair.quality == "hit" else "soon",
        tuple(agreed),
        joined(agreed, speech.lang),
        tuple(unmet(mine, pair.kinds, speech.lang)),
        sure_said(found, speech)
        if cover is None
        else speech.gettext("A canary is nobody: who has its data, tries them out."),
        twin,
        expected_said(pair.kinds, covenant.population, speech, one_person=pair.one_person),
    )


def _sentence(
    kept: KeptHit, pair: AgreedPair, who: str, cover: PartyId | None, covenant: Covenant, speech: Speech
) -> str:
    if cover is not None:
        text = speech.gettext("%(who)s signalled about your canary, which seemed a signal of %(cover)s")
        return text % {"who": who, "cover": agency_said(cover, covenant, speech)}
    if kept.state is HitState.WITHDRAWN:
        return speech.gettext("%(who)s took its signal back") % {"who": who}
    whom = speech.gettext(_WHOM[pair.mine, pair.theirs])
    return speech.gettext(_KNOWS[pair.quality]) % {"who": who, "whom": whom}


def sure_said(found: Judgement, speech: Speech) -> str:
    """Return how sure it is that the two are one person."""
    if found.rests_on == "own-number":
        return speech.gettext(
            "It is one person's own number that agrees; only a mistake in writing it down makes this somebody else."
        )
    if found.rests_on == "shared":
        return speech.gettext("%(what)s can be shared.") % {"what": shared_words(found.shared, speech.lang)}
    if found.rests_on == "unknown":
        return speech.gettext("How sure this is, is not known.")
    text = speech.gettext(_ODDS[found.odds, found.stranger])
    if found.relatives:
        text += " " + speech.gettext("Relatives of one name at one address agree as well.")
    return text


def expected_said(kinds: Collection[KeyKind], population: int, speech: Speech, *, one_person: bool) -> str:
    """Return how often such a question finds a stranger, never finer than the figures are."""
    if one_person:
        expected = strangers(kinds, population)
    else:
        expected = min((strangers([kind], population) for kind in kinds), default=float(population))
    people = {"people": speech.number(population)}
    if expected >= 1:
        count = {"count": speech.number(round(expected))}
        return speech.gettext("Estimate: such a question finds some %(count)s strangers among %(people)s people.") % (
            count | people
        )
    if expected < 1 / BOUND:
        text = speech.gettext(
            "Estimate: fewer than 1 in %(count)s of such questions finds a stranger among %(people)s people."
        )
        return text % ({"count": speech.number(BOUND)} | people)
    text = speech.gettext("Estimate: about 1 in %(count)s of such questions finds a stranger among %(people)s people.")
    return text % ({"count": speech.number(one_in(expected))} | people)
