# SPDX-License-Identifier: EUPL-1.2
"""What one version of the covenant newly allows, newly forbids and otherwise changed, in sentences. Pure.

Not here: which version was before (``covenant.py``). The board's own page of a change has every rule and every setting
(``board/``); here stands what matters to who works with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agency_client.console.covenant_views import ACTS_SAID, Edge, Matrix, kind_title, kinds_said, level_said
from agency_client.console.languages import N_, Speech
from agency_client.console.previews import QUALITIES_SAID, title_in
from agency_client.preview import QUALITIES
from edge.languages import listed
from protocol.covenant import Covenant
from protocol.covenant_purposes import Purpose
from protocol.ids import PurposeId
from protocol.messages import Level, Quality
from protocol.policy import LEVELS

_NUMBERS: Final[Mapping[str, str]] = {
    "retention_days": N_("days that a signal is kept"),
    "max_extensions": N_("times that a signal can be extended"),
    "follow_up_hours": N_("hours to follow up a hit"),
    "urgent_follow_up_hours": N_("hours to follow up an urgent hit"),
    "disclosure_hours": N_("hours to decide on a request for more"),
    "disclosure_approvals": N_("people who decide together on a request"),
    "disclosure_days": N_("days that what is given can be fetched"),
    "budget_per_day": N_("comparisons a day"),
}
"""Settings of a purpose that people feel, by their field."""


@dataclass(frozen=True, slots=True)
class ChangesView:
    """What is otherwise than in the version before."""

    before: str
    """The version before."""
    allowed: tuple[str, ...]
    forbidden: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether nothing of this is otherwise: only parties' keys, texts or proofs are."""
        return not (self.allowed or self.forbidden or self.settings)


def changes_view(old: Covenant, new: Covenant, before: Matrix, after: Matrix, speech: Speech) -> ChangesView:
    """Return what changed between two versions; the matrices say who is told what under each."""
    turned = list(_turned(before, after))
    titles = {**old.purposes, **new.purposes}
    return ChangesView(
        old.version,
        tuple(_edges((one for one in turned if one.more), new, titles, speech)),
        tuple(_edges((one for one in turned if not one.more), new, titles, speech)),
        tuple(_settings(old, new, speech)),
    )


@dataclass(frozen=True, slots=True)
class _Turned:
    edge: Edge
    quality: Quality
    level: Level | None
    more: bool


def _turned(before: Matrix, after: Matrix) -> Iterator[_Turned]:
    none = (None,) * len(QUALITIES)
    for edge in dict.fromkeys([*before, *after]):
        levels = zip(QUALITIES, before.get(edge, none), after.get(edge, none), strict=True)
        for quality, was, now in levels:
            if was != now:
                yield _Turned(edge, quality, now, _rank(now) > _rank(was))


def _rank(level: Level | None) -> int:
    return -1 if level is None else LEVELS.index(level)


def _edges(
    turned: Iterable[_Turned], covenant: Covenant, purposes: Mapping[PurposeId, Purpose], speech: Speech
) -> Iterator[str]:
    grouped: dict[tuple[PurposeId, str, Quality, Level | None], list[str]] = {}
    for one in turned:
        key = (one.edge.purpose, one.edge.receiver, one.quality, one.level)
        grouped.setdefault(key, []).append(kind_title(one.edge.sender, covenant, speech))
    said = speech.gettext("%(purpose)s: %(receiver)s is told %(level)s, %(quality)s with a signal by %(senders)s.")
    for (purpose, receiver, quality, level), senders in grouped.items():
        yield (
            said
            % {
                "purpose": title_in(purposes[purpose].title, speech),
                "receiver": kind_title(receiver, covenant, speech),
                "level": level_said(level, speech),
                "quality": speech.gettext(QUALITIES_SAID[quality]),
                "senders": listed(senders, speech.lang),
            }
        )


# --- Settings ---------------------------------------------------------------------------------------------------------


def _settings(old: Covenant, new: Covenant, speech: Speech) -> Iterator[str]:
    for agency in new.agencies:
        if old.find(agency.id) is None:
            yield speech.gettext("New party: %(name)s.") % {"name": title_in(agency.title, speech)}
    for agency in old.agencies:
        found = new.find(agency.id)
        if found is None:
            yield speech.gettext("No party any more: %(name)s.") % {"name": title_in(agency.title, speech)}
        elif found.state != agency.state:
            said = N_("Suspended: %(name)s.") if found.state == "suspended" else N_("Takes part again: %(name)s.")
            yield speech.gettext(said) % {"name": title_in(agency.title, speech)}
    if old.valid_until != new.valid_until:
        yield speech.gettext("The covenant holds until %(day)s.") % {"day": speech.day(new.valid_until)}
    for name, purpose in new.purposes.items():
        before = old.purposes.get(name)
        if before is None:
            yield speech.gettext("New purpose: %(purpose)s.") % {"purpose": title_in(purpose.title, speech)}
        else:
            yield from _purpose(before, purpose, new, speech)
    for name, purpose in old.purposes.items():
        if name not in new.purposes:
            yield speech.gettext("No purpose any more: %(purpose)s.") % {"purpose": title_in(purpose.title, speech)}


def _purpose(old: Purpose, new: Purpose, covenant: Covenant, speech: Speech) -> Iterator[str]:
    title = title_in(new.title, speech)
    for field, label in _NUMBERS.items():
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            said = speech.gettext("%(purpose)s: %(setting)s, was %(was)s, is now %(now)s.")
            numbers = {"was": speech.number(was), "now": speech.number(now)}
            yield said % {"purpose": title, "setting": speech.gettext(label), **numbers}
    lists = (
        (N_("reason to signal"), _titles(old, speech), _titles(new, speech)),
        (N_("compared"), kinds_said(old.key_kinds, speech), kinds_said(new.key_kinds, speech)),
        (
            N_("never told anything"),
            [kind_title(kind, covenant, speech) for kind in old.hidden_from],
            [kind_title(kind, covenant, speech) for kind in new.hidden_from],
        ),
        (N_("takes part"), list(_acts(old, covenant, speech)), list(_acts(new, covenant, speech))),
    )
    for label, was, now in lists:
        words = speech.gettext(label)
        for one in now:
            if one not in was:
                yield speech.gettext("%(purpose)s: new, %(setting)s: %(what)s.") % {
                    "purpose": title,
                    "setting": words,
                    "what": one,
                }
        for one in was:
            if one not in now:
                yield speech.gettext("%(purpose)s: no more, %(setting)s: %(what)s.") % {
                    "purpose": title,
                    "setting": words,
                    "what": one,
                }


def _titles(purpose: Purpose, speech: Speech) -> list[str]:
    return [title_in(one, speech) for one in purpose.grounds.values()]


def _acts(purpose: Purpose, covenant: Covenant, speech: Speech) -> Iterator[str]:
    for kind, part in purpose.participants.items():
        for act in part.acts:
            yield f"{kind_title(kind, covenant, speech)} {speech.gettext(ACTS_SAID[act])}"
