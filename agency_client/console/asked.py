# SPDX-License-Identifier: EUPL-1.2
"""Who asked about the person of a signal, and which of its values point at nobody: on its page and on Today.

Nothing is asked of who reads that somebody asked, so these rows are not counted as waiting. From verified notices only.
Not here: reading them in pages (``vault/asked.py``), hits (``hit_rows.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agency_client.console.hit_rows import RowShown
from agency_client.console.hit_words import agency_said, purpose_said
from agency_client.console.languages import N_, Speech
from agency_client.console.today_rows import CANARIES_FOR, LIMIT, Reading
from agency_client.draft import Draft
from agency_client.likeness import families, joined
from agency_client.vault import Vault
from agency_client.wording import AgreedPair, pair_of
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.ids import KeyKind, PartyId, SignalId
from protocol.keys import KINDS, Tier
from protocol.messages import Role
from protocol.notices import MutedNotice, QueriedNotice

WEEK: Final = timedelta(days=7)
"""How long a question stands on Today; afterwards it stands on its signal's page."""
ON_A_PAGE: Final = 50
"""Questions on a signal's page; who asked more often than that is in the logbook."""
_ABOUT: Final[Mapping[Role, str]] = {
    "subject": N_("%(who)s asked about this person."),
    "associate": N_("%(who)s asked about somebody around this person."),
}
_ABOUT_CASE: Final[Mapping[Role, str]] = {
    "subject": N_("%(who)s asked about the person of your case %(case)s."),
    "associate": N_("%(who)s asked about somebody around the person of your case %(case)s."),
}
_ABOUT_A_SIGNAL: Final = N_("%(who)s asked about the person of one of your signals.")
_OF_CANARY: Final = N_("%(who)s asked about your canary, which seemed a signal of %(cover)s.")


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question about the person of a signal, with its place in the log."""

    at: datetime
    moment: str
    words: str
    sub: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class MutedRow:
    """A value of a signal that is not compared any more."""

    what: str = field(repr=False)
    count: int
    since: str
    place: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is good to know today, and how much more of it there is."""

    rows: tuple[RowShown, ...]
    more: int


# --- On a signal's page -----------------------------------------------------------------------------------------------


def questions(
    vault: Vault, signal: SignalId, covenant: Covenant, speech: Speech, now: datetime
) -> tuple[QuestionRow, ...]:
    """Return who asked about the person of a signal, newest first."""
    cover = vault.canaries.cover_of(signal)
    return tuple(
        QuestionRow(
            one.at,
            speech.moment(one.at, now),
            _words(one, pair_of(one), cover, covenant, speech),
            tuple(_sub(one, pair_of(one), covenant, speech)),
            one.evidence.index,
        )
        for one in vault.asked.of_signal(signal, ON_A_PAGE)
    )


def muted_values(vault: Vault, signal: SignalId, draft: Draft, speech: Speech, now: datetime) -> tuple[MutedRow, ...]:
    """Return which values of a signal stand on too many signals to point at a person."""
    return tuple(
        MutedRow(
            _value(one.kind, draft, speech),
            one.signals,
            speech.moment(one.at, now),
            one.evidence.index,
        )
        for one in vault.asked.muted_of(signal, ON_A_PAGE)
    )


def _words(notice: QueriedNotice, pair: AgreedPair, cover: PartyId | None, covenant: Covenant, speech: Speech) -> str:
    who = agency_said(notice.asker, covenant, speech)
    if cover is not None:
        return speech.gettext(_OF_CANARY) % {"who": who, "cover": agency_said(cover, covenant, speech)}
    return speech.gettext(_ABOUT[pair.mine]) % {"who": who}


def _sub(notice: QueriedNotice, pair: AgreedPair, covenant: Covenant, speech: Speech) -> Iterable[str]:
    kinds = joined(families(pair.kinds, speech.lang), speech.lang)
    yield speech.gettext("Agreement on %(kinds)s") % {"kinds": kinds}
    if pair.theirs == "associate":
        yield speech.gettext("they know this person as somebody around theirs")
    yield purpose_said(notice.purpose, covenant, speech)


def _value(kind: KeyKind, draft: Draft, speech: Speech) -> str:
    """Return what a muted key is; the value too where it is one that people write down themselves."""
    if kind not in KINDS:
        return str(kind)
    rule = KINDS[kind]
    name = rule.nl if speech.lang == "nl" else rule.en
    forms = [key.normal_form for key in draft.keys if key.kind == kind and key.normal_form]
    return f"{name} {', '.join(dict.fromkeys(forms))}".strip() if rule.tier is Tier.IDENTIFIER else name


# --- On Today ---------------------------------------------------------------------------------------------------------


def told_today(reading: Reading) -> Told:
    """Return what a coordinator should know, and need not act on: muted keys, and who asked in the last week."""
    vault, since = reading.vault, reading.now - WEEK
    muted, asked = vault.asked.muted(reading.now, LIMIT), vault.asked.since(since, LIMIT)
    drafts = _drafts(vault, [*(one.example for one in muted), *(one.my_signal for one in asked)])
    rows = [_muted_row(one, drafts.get(one.example), reading.speech) for one in muted]
    rows += [_asked_row(one, drafts.get(one.my_signal), reading) for one in asked]
    total = vault.asked.count_muted(reading.now) + vault.asked.count_since(since)
    shown = rows[:LIMIT]
    return Told(tuple(shown), total - len(shown))


def canary_questions(reading: Reading) -> list[RowShown]:
    """Return who asked about canaries, for a supervisor."""
    asked, speech = reading.vault.asked.since(reading.now - CANARIES_FOR, LIMIT, canaries=True), reading.speech
    covers = reading.vault.canaries.covers([one.my_signal for one in asked])
    return [
        RowShown(
            _words(one, pair_of(one), covers.get(one.my_signal), reading.covenant, speech),
            (speech.moment(one.at, reading.now), *_sub(one, pair_of(one), reading.covenant, speech)),
            f"/signals/{one.my_signal}",
            speech.gettext("Look"),
            tag=speech.gettext("look"),
            press="now",
        )
        for one in asked
    ]


def _asked_row(notice: QueriedNotice, draft: Draft | None, reading: Reading) -> RowShown:
    speech, pair = reading.speech, pair_of(notice)
    case = "" if draft is None else plain(draft.case_reference)
    said = {"who": agency_said(notice.asker, reading.covenant, speech), "case": case}
    return RowShown(
        speech.gettext(_ABOUT_CASE[pair.mine] if case else _ABOUT_A_SIGNAL) % said,
        (speech.moment(notice.at, reading.now), *_sub(notice, pair, reading.covenant, speech)),
        f"/signals/{notice.my_signal}",
        speech.gettext("Look"),
        tag=speech.gettext("to know"),
    )


def _muted_row(notice: MutedNotice, draft: Draft | None, speech: Speech) -> RowShown:
    case = "" if draft is None else plain(draft.case_reference)
    what = str(notice.kind) if draft is None else _value(notice.kind, draft, speech)
    text = speech.gettext("A value of yours stands on %(count)s of your signals, and is not compared any more.")
    sub = [what]
    if case:
        sub.append(speech.gettext("such as in your case %(case)s") % {"case": case})
    return RowShown(
        text % {"count": speech.number(notice.signals)},
        tuple(sub),
        f"/signals/{notice.example}",
        speech.gettext("Look"),
        tag=speech.gettext("look"),
        press="soon",
    )


def _drafts(vault: Vault, signals: Iterable[SignalId]) -> Mapping[SignalId, Draft]:
    found = vault.signals.with_keys(frozenset(signals))
    return {name: Draft.from_bytes(kept.draft) for name, (kept, _) in found.items()}
