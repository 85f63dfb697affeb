# SPDX-License-Identifier: EUPL-1.2
"""Who could be told what of a signal, in sentences: for the page before it is sent, and for one that was.

Not here: what is true (``agency_client/preview.py``), the page's parts (``templates/previews.html``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agency_client.console.languages import N_, Speech
from agency_client.preview import QUALITIES, Preview, Told
from edge.languages import listed
from protocol.covenant_parts import Title
from protocol.covenant_purposes import LegalBasis
from protocol.messages import Level, Quality

LEVELS_SAID: Final[Mapping[Level, str]] = {
    "existence": N_("that somebody has a signal"),
    "agency": N_("which agency it is"),
    "contact": N_("which agency, and whom to call"),
    "content": N_("which agency, whom to call, and the facts"),
}
QUALITIES_SAID: Final[Mapping[Quality, str]] = {
    "hit": N_("on a hit"),
    "probable": N_("on a probable hit"),
    "possible": N_("on a possible hit"),
}


@dataclass(frozen=True, slots=True)
class ToldView:
    """Agencies that could be told the same."""

    kind: str
    agencies: str
    tells: tuple[str, ...]
    laws: tuple[str, ...]
    asks: bool


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What becomes of such a signal."""

    told: tuple[ToldView, ...]
    silent: str
    """Agencies that are told nothing now."""
    hidden: str
    """Kinds of agency that learn nothing, whatever is allowed otherwise."""
    kept_until: str
    epoch_ends: str
    hours: int
    laws: tuple[str, ...]
    """On which this agency may provide."""
    deferral_days: int | None
    consult_from: int
    own_from: int
    contact: str
    email: str


def preview_view(found: Preview, speech: Speech, kept_until: datetime | None = None) -> PreviewView:
    """Return a preview for people; ``kept_until`` is a signal's own end, where there is one."""
    covenant, duty, point = found.covenant, found.purpose.informing, found.contact_point
    return PreviewView(
        tuple(_told(one, found, speech) for one in found.told),
        listed([title_in(agency.title, speech) for agency in found.silent], speech.lang),
        listed([title_in(covenant.agency_kinds[kind].title, speech) for kind in found.hidden], speech.lang),
        speech.day(kept_until or found.kept_until),
        speech.day(found.epoch_ends),
        found.deadline_hours,
        laws_said(found.bases.values(), speech),
        None if duty is None else duty.deferral_days,
        0 if duty is None else duty.consult_from,
        0 if duty is None else duty.own_from,
        title_in(point.title, speech),
        point.email,
    )


def _told(one: Told, found: Preview, speech: Speech) -> ToldView:
    tells = tuple(
        f"{speech.gettext(QUALITIES_SAID[quality])}: {speech.gettext(LEVELS_SAID[one.levels[quality]])}"
        for quality in QUALITIES
        if quality in one.levels
    )
    names = listed([title_in(agency.title, speech) for agency in one.agencies], speech.lang)
    kind = title_in(found.covenant.agency_kinds[one.kind].title, speech)
    return ToldView(kind, names, tells, laws_said(one.laws.values(), speech), one.asks)


def laws_said(laws: Iterable[LegalBasis], speech: Speech) -> tuple[str, ...]:
    """Return laws with their articles."""
    unsure = speech.gettext("not settled yet: the covenant board decides")
    return tuple(
        f"{title_in(law.title, speech)} ({law.article}){f' [{unsure}]' if law.certainty == 'unsure' else ''}"
        for law in laws
    )


def title_in(title: Title, speech: Speech) -> str:
    """Return a title in the reader's language."""
    return title.nl if speech.lang == "nl" else title.en
