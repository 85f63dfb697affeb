# SPDX-License-Identifier: EUPL-1.2
"""What people see of their own signals: a row in a list, and everything about one.

Not here: where it comes from (``signals.py``), who could be told (``previews.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from agency_client.console.error_words import rule_words
from agency_client.console.hit_words import agency_said
from agency_client.console.languages import N_, Speech, TimeLeft
from agency_client.console.previews import title_in
from agency_client.draft import Draft, DraftKey
from agency_client.vault.changes import Change, ChangeKind
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.proofs import ProvenEntry
from agency_client.vault.signal_lists import Listed, Standing, standing_of
from agency_client.vault.signals import Kept
from edge.code_words import code_said
from edge.event_words import EVENTS_SAID
from edge.languages import say
from protocol.commitments import parse_opening
from protocol.covenant import Covenant
from protocol.encoding import parse_time
from protocol.ids import KeyKind, PurposeId
from protocol.keys import KINDS, Tier
from protocol.messages import Role
from protocol.policy_text import Rule

STANDINGS_SAID: Final[Mapping[Standing, str]] = {
    Standing.LIVE: N_("compared now"),
    Standing.WAITING: N_("being sent"),
    Standing.REFUSED: N_("refused"),
    Standing.ENDED: N_("ended"),
}
_PRESS: Final[Mapping[Standing, str]] = {
    Standing.LIVE: "good",
    Standing.WAITING: "soon",
    Standing.REFUSED: "now",
    Standing.ENDED: "plain",
}
INFORMED_SAID: Final[Mapping[str, str]] = {
    "informed": N_("The person was informed."),
    "deferred": N_("Informing the person was put off."),
    "not-required": N_("The person need not be informed."),
}
CHANGES_SAID: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.WITHDRAWN: N_("Withdrawn"),
    ChangeKind.CORRECTED: N_("Corrected"),
    ChangeKind.RESTRICTED: N_("Restricted"),
    ChangeKind.LIFTED: N_("Restriction lifted"),
    ChangeKind.EXTENDED: N_("Extended"),
}
PARTS_SAID: Final[Mapping[str, str]] = {
    "unit": N_("Team or unit"),
    "name": N_("Name"),
    "function": N_("Function"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "when": N_("When to call"),
    "reference": N_("Reference"),
    "danger": N_("Danger"),
    "contact-preference": N_("How to make contact"),
    "note": N_("Note"),
}
OWN_PREFIX: Final = "sluis-"
"""Of the reference of a record that has no number of its own."""
_VEHICLE: Final = KeyKind("vehicle")
_NAME_AND_BIRTH: Final = KeyKind("name-dob")


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal in a list."""

    href: str
    case: str = field(repr=False)
    reference: str = field(repr=False)
    purpose: str
    standing: str
    press: str
    left: TimeLeft | None
    """How long it is compared yet; none of one that is not."""
    hits: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is compared of one kind, and whose it is."""

    label: str
    values: tuple[str, ...] = field(repr=False)
    around: bool
    """Of somebody around the person."""


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit with the signal."""

    href: str
    words: str
    at: str
    gone: bool


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of the signal, and who was told: an agency's name and when it said that it carried it out, or empty."""

    words: str
    at: str
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogRow:
    """What happened, with its place in the log."""

    at: datetime
    moment: str
    words: str
    place: int


@dataclass(frozen=True, slots=True)
class SignalView:
    """All about one signal."""

    row: SignalRow
    made: str
    until: str
    grounds: tuple[str, ...]
    basis: tuple[str, ...]
    urgent: bool
    informed: str
    review_on: str
    known: tuple[Known, ...]
    by_person: bool
    """Whether it is also compared by what is made of name, birth date and address."""
    contact: tuple[tuple[str, str], ...] = field(repr=False)
    content: tuple[tuple[str, str], ...] = field(repr=False)
    refusal: str
    erased: bool
    """Nothing of its content is kept any more."""


def row_of(listed: Listed, covenant: Covenant, speech: Speech, now: datetime) -> SignalRow:
    """Return a signal as a row."""
    draft = Draft.from_bytes(listed.kept.draft)
    return _row(listed.kept, listed.hits, draft, covenant, speech, now, restricted=listed.restricted)


def _row(
    kept: Kept, hits: int, draft: Draft, covenant: Covenant, speech: Speech, now: datetime, *, restricted: bool
) -> SignalRow:
    standing = standing_of(kept, now)
    held = restricted and standing is Standing.LIVE
    left = speech.left(parse_time(kept.expires_at), now) if standing is Standing.LIVE else None
    return SignalRow(
        f"/signals/{kept.id}",
        draft.case_reference,
        "" if draft.reference == draft.case_reference or draft.reference.startswith(OWN_PREFIX) else draft.reference,
        purpose_title(kept.purpose, covenant, speech),
        speech.gettext(N_("restricted") if held else STANDINGS_SAID[standing]),
        "soon" if held else _PRESS[standing],
        left,
        hits,
    )


def view_of(
    kept: Kept,
    hits: int,
    covenant: Covenant,
    rules: Mapping[str, Rule],
    speech: Speech,
    now: datetime,
    name: str = "",
    *,
    restricted: bool = False,
) -> SignalView:
    """Return all about one signal; ``name`` is the person's as it was typed, when it was."""
    draft = Draft.from_bytes(kept.draft)
    purpose = covenant.purposes.get(kept.purpose)
    grounds = {} if purpose is None else purpose.grounds
    basis = covenant.legal_bases.get(draft.basis)
    return SignalView(
        _row(kept, hits, draft, covenant, speech, now, restricted=restricted),
        speech.moment(parse_time(kept.created_at), now),
        speech.day(parse_time(kept.expires_at)),
        tuple(title_in(grounds[code], speech) if code in grounds else code for code in draft.grounds),
        (draft.basis,) if basis is None else (title_in(basis.title, speech),),
        draft.urgency == "urgent",
        speech.gettext(INFORMED_SAID[draft.informed]),
        "" if draft.review_on is None else speech.day(draft.review_on),
        tuple(_known(draft.keys, speech, name)),
        any(not _identifies(key.kind) for key in draft.keys),
        part_rows(draft.parts.get("contact", {}), speech),
        part_rows(draft.parts.get("content", {}), speech),
        _refusal(kept, rules, speech),
        not draft.reference,
    )


def _refusal(kept: Kept, rules: Mapping[str, Rule], speech: Speech) -> str:
    if kept.code is None:
        return ""
    rule = rules.get(kept.rule or "")
    why = code_said(kept.code, speech.lang) if rule is None else rule_words(rule.id, rule.says, speech)
    return speech.gettext("It was refused, and nobody was told of it: %(why)s") % {"why": why}


def _identifies(kind: KeyKind) -> bool:
    return kind == _VEHICLE or (kind in KINDS and KINDS[kind].tier is Tier.IDENTIFIER)


def _known(keys: Sequence[DraftKey], speech: Speech, name: str) -> Iterable[Known]:
    found: dict[tuple[Role, KeyKind], list[str]] = {}
    for key in keys:
        if key.normal_form and (_identifies(key.kind) or key.kind == _NAME_AND_BIRTH):
            found.setdefault((key.role, key.kind), []).append(
                _shown(key, speech, name if key.role == "subject" else "")
            )
    for (role, kind), values in sorted(found.items(), key=lambda one: (one[0][0] != "subject", one[0][1])):
        rule = KINDS[kind]
        label = rule.nl if speech.lang == "nl" else rule.en
        yield Known(label[:1].upper() + label[1:], tuple(dict.fromkeys(values)), role != "subject")


def _shown(key: DraftKey, speech: Speech, name: str) -> str:
    if key.kind != _NAME_AND_BIRTH:
        return key.normal_form
    *names, born = key.normal_form.split("|")
    try:
        day = speech.day(date.fromisoformat(born))
    except ValueError:
        day = born
    return f"{name or ' '.join(names).title()}, {day}"


def part_rows(fields: Mapping[str, str], speech: Speech) -> tuple[tuple[str, str], ...]:
    """Return a sealed part as labels and texts, what must be known first on top."""
    order = list(PARTS_SAID)
    names = sorted(fields, key=lambda name: (order.index(name) if name in order else len(order), name))
    return tuple((speech.gettext(PARTS_SAID[name]) if name in PARTS_SAID else name, fields[name]) for name in names)


def hit_rows(hits: Iterable[KeptHit], covenant: Covenant, speech: Speech, now: datetime) -> tuple[HitRow, ...]:
    """Return the hits with a signal, newest first."""
    return tuple(_hit_row(kept, covenant, speech, now) for kept in reversed(list(hits)))


def _hit_row(kept: KeptHit, covenant: Covenant, speech: Speech, now: datetime) -> HitRow:
    notice = kept.notice
    who = agency_said(None if notice.counterpart is None else notice.counterpart.agency, covenant, speech)
    gone = kept.state is HitState.WITHDRAWN
    words = {
        True: speech.gettext("%(agency)s withdrew its signal."),
        False: speech.gettext("%(agency)s knows the same person."),
    }[gone]
    return HitRow(f"/hits/{kept.id}", words % {"agency": who}, speech.moment(notice.at, now), gone)


def change_rows(changes: Iterable[Change], covenant: Covenant, speech: Speech, now: datetime) -> tuple[ChangeRow, ...]:
    """Return what was changed of a signal, newest first, and who carried it out."""
    return tuple(
        ChangeRow(
            speech.gettext(CHANGES_SAID[one.kind]),
            speech.moment(one.at, now),
            tuple(
                (
                    agency_said(other.agency, covenant, speech),
                    "" if other.acknowledged_at is None else speech.moment(other.acknowledged_at, now),
                )
                for other in one.recipients
            ),
        )
        for one in changes
    )


def log_rows(found: Iterable[ProvenEntry], speech: Speech, now: datetime) -> tuple[LogRow, ...]:
    """Return what the log proves about a signal, newest first."""
    rows = []
    for one in found:
        event = parse_opening(one.opening)
        rows.append(
            LogRow(
                event.act.time, speech.moment(event.act.time, now), say(EVENTS_SAID[event.TAG], speech.lang), one.place
            )
        )
    return tuple(rows)


def purpose_title(purpose: PurposeId, covenant: Covenant, speech: Speech) -> str:
    """Return what people call a purpose."""
    found = covenant.purposes.get(purpose)
    return purpose if found is None else title_in(found.title, speech)
