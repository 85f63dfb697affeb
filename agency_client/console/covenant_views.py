# SPDX-License-Identifier: EUPL-1.2
"""The covenant in plain words: each purpose, who takes part, who is told what of whom, and what every rule says.

Who is told what is asked of the rules themselves, so that it cannot differ from what is done. Not here: the page
(``covenant.py``), what changed (``covenant_changes.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from agency_client.console.languages import N_, Speech
from agency_client.console.previews import LEVELS_SAID, laws_said, title_in
from agency_client.preview import QUALITIES
from edge.languages import listed
from protocol.covenant import Covenant
from protocol.covenant_parts import Act, AgencyKind
from protocol.covenant_purposes import PERSON_KINDS, Purpose
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.keys import KINDS
from protocol.messages import Level
from protocol.policy import PolicyEngine
from protocol.policy_text import Rule

ACTS_SAID: Final[Mapping[Act, str]] = {
    "send": N_("signals"),
    "receive": N_("is told of hits"),
    "query": N_("asks without signalling"),
    "plant": N_("plants test signals about nobody"),
    "count": N_("reads counts"),
}


class Edge(NamedTuple):
    """Who could be told of whose signals, by kind of agency, for a purpose."""

    purpose: PurposeId
    receiver: AgencyKind
    sender: AgencyKind


Levels = tuple[Level | None, ...]
"""The most that is told on each quality of hit, the surest first; None is nothing."""
Matrix = Mapping[Edge, Levels]


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of agency that takes part, and which agencies those are."""

    kind: str
    acts: str
    agencies: str
    laws: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToldRow:
    """Who is told the same of the same senders."""

    receiver: str
    senders: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule. ``says`` is English: the board writes it so."""

    id: str
    says: str
    laws: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PurposeView:
    """A purpose."""

    name: str
    title: str
    explanation: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    told: tuple[ToldRow, ...]
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True)
class CovenantView:
    """All of it."""

    name: str
    version: str
    begins: str
    ends: str
    facts: tuple[tuple[str, str], ...]
    purposes: tuple[PurposeView, ...]
    guards: tuple[RuleView, ...]
    parties: tuple[tuple[str, str], ...]
    """Title and kind."""


def matrix_of(engine: PolicyEngine, now: datetime) -> Matrix:
    """Return who is told what of whom, as the rules decide it for the agencies that take part."""
    covenant = engine.covenant
    of_kind: dict[AgencyKind, list[PartyId]] = {}
    for agency in covenant.agencies:
        if agency.state == "active":
            of_kind.setdefault(covenant.kind_of(agency.id), []).append(agency.id)
    found: dict[Edge, Levels] = {}
    for name, purpose in covenant.purposes.items():
        askers = purpose.kinds_that("send") | purpose.kinds_that("query")
        for receiver in sorted(purpose.kinds_that("receive") & of_kind.keys()):
            for sender in sorted(askers & of_kind.keys()):
                pair = _pair(of_kind[sender], of_kind[receiver])
                if pair is not None:
                    levels = (engine.highest_level(*pair, name, quality, now)[0] for quality in QUALITIES)
                    found[Edge(name, receiver, sender)] = tuple(levels)
    return found


def _pair(senders: Iterable[PartyId], receivers: Iterable[PartyId]) -> tuple[PartyId, PartyId] | None:
    # Rules speak of kinds, so that one pair of different agencies stands for all of theirs.
    pairs = ((one, other) for one in senders for other in receivers if one != other)
    return next(pairs, None)


def covenant_view(engine: PolicyEngine, matrix: Matrix, speech: Speech) -> CovenantView:
    """Return the covenant for people."""
    covenant = engine.covenant
    rules = list(engine.rules.values())
    return CovenantView(
        covenant.name,
        covenant.version,
        speech.day(covenant.valid_from),
        speech.day(covenant.valid_until),
        tuple(_facts(covenant, speech)),
        tuple(_purpose(name, one, covenant, rules, matrix, speech) for name, one in covenant.purposes.items()),
        tuple(_rule(one, covenant, speech) for one in rules if one.purpose not in covenant.purposes),
        tuple((title_in(one.title, speech), kind_title(one.kind, covenant, speech)) for one in covenant.agencies),
    )


def _facts(covenant: Covenant, speech: Speech) -> Iterator[tuple[str, str]]:
    sharing, point = covenant.sharing, covenant.contact_point()
    made = speech.gettext("%(threshold)d of %(holders)d key-holders make a pseudonym together")
    yield speech.gettext("Pseudonyms"), made % {"threshold": sharing.threshold, "holders": sharing.holders}
    renewed = speech.gettext("made anew every %(days)d days; then the old ones become meaningless")
    yield speech.gettext("Renewal"), renewed % {"days": covenant.epoch_days}
    witnesses = speech.gettext("at least %(quorum)d of %(holders)d witnesses have seen every entry of the log")
    yield speech.gettext("Proof"), witnesses % {"quorum": covenant.witness_quorum, "holders": sharing.holders}
    kept = speech.gettext("%(years)d years, then entries are forgotten")
    yield speech.gettext("The log is kept"), kept % {"years": covenant.log_retention_years}
    yield speech.gettext("A citizen can turn to"), f"{title_in(point.title, speech)}, {point.email}"


def _purpose(
    name: PurposeId, purpose: Purpose, covenant: Covenant, rules: Iterable[Rule], matrix: Matrix, speech: Speech
) -> PurposeView:
    return PurposeView(
        name,
        title_in(purpose.title, speech),
        title_in(purpose.explanation, speech),
        tuple((label, text) for label, text in _bounds(purpose, covenant, speech) if text),
        tuple(_parts(purpose, covenant, speech)),
        tuple(_told(name, covenant, matrix, speech)),
        tuple(_rule(one, covenant, speech) for one in rules if one.purpose == name),
    )


def _bounds(purpose: Purpose, covenant: Covenant, speech: Speech) -> Iterator[tuple[str, str]]:
    hidden = [kind_title(kind, covenant, speech) for kind in purpose.hidden_from]
    yield speech.gettext("Never told anything"), listed(hidden, speech.lang)
    if not purpose.kinds_that("send") | purpose.kinds_that("query"):
        return
    yield speech.gettext("When to signal"), "; ".join(title_in(one, speech) for one in purpose.grounds.values())
    yield speech.gettext("What is compared"), listed(kinds_said(purpose.key_kinds, speech), speech.lang)
    days = speech.gettext("at most %(days)d days, extended at most %(times)d times")
    yield (
        speech.gettext("How long a signal is kept"),
        days % {"days": purpose.retention_days, "times": purpose.max_extensions},
    )
    hours = speech.gettext("within %(hours)d hours; when urgent within %(urgent)d hours")
    yield (
        speech.gettext("Following up a hit"),
        hours % {"hours": purpose.follow_up_hours, "urgent": purpose.urgent_follow_up_hours},
    )
    more = speech.gettext("decided within %(hours)d hours; what is given can be fetched for %(days)d days")
    more %= {"hours": purpose.disclosure_hours, "days": purpose.disclosure_days}
    if purpose.disclosure_approvals > 1:
        more += f"; {speech.gettext('two people decide together')}"
    yield speech.gettext("Asking for more"), more
    if (duty := purpose.informing) is not None:
        put_off = speech.gettext(
            "can be put off for at most %(days)s days; from %(consult)s years the person is told too, "
            "from %(own)s alone"
        )
        said = {"days": duty.deferral_days, "consult": duty.consult_from, "own": duty.own_from}
        yield speech.gettext("Informing the person"), put_off % said
    if (wait := purpose.awaited) is not None:
        awaited = speech.gettext(
            "a signal by %(sender)s finds one by %(other)s within %(days)d days; else that is told"
        )
        kinds = {
            "sender": kind_title(wait.sender, covenant, speech),
            "other": kind_title(wait.counterpart, covenant, speech),
        }
        yield speech.gettext("Awaited counterpart"), awaited % {**kinds, "days": wait.days}
    point = covenant.contact_point(purpose)
    yield speech.gettext("A citizen can turn to"), f"{title_in(point.title, speech)}, {point.email}"


def _parts(purpose: Purpose, covenant: Covenant, speech: Speech) -> Iterator[Part]:
    for kind, part in purpose.participants.items():
        names = [title_in(one.title, speech) for one in covenant.agencies if covenant.kind_of(one.id) == kind]
        acts = listed([speech.gettext(ACTS_SAID[act]) for act in ACTS_SAID if act in part.acts], speech.lang)
        laws = laws_said((covenant.legal_bases[code] for code in part.bases), speech)
        yield Part(kind_title(kind, covenant, speech), acts, listed(names, speech.lang), laws)


def _told(name: PurposeId, covenant: Covenant, matrix: Matrix, speech: Speech) -> Iterator[ToldRow]:
    merged: dict[tuple[AgencyKind, Levels], list[AgencyKind]] = {}
    for edge, levels in matrix.items():
        if edge.purpose == name and any(levels):
            merged.setdefault((edge.receiver, levels), []).append(edge.sender)
    for (receiver, levels), senders in merged.items():
        names = [kind_title(kind, covenant, speech) for kind in senders]
        yield ToldRow(
            kind_title(receiver, covenant, speech),
            listed(names, speech.lang),
            tuple(level_said(level, speech) for level in levels),
        )


def level_said(level: Level | None, speech: Speech) -> str:
    """Return how much is told."""
    return speech.gettext(N_("nothing")) if level is None else speech.gettext(LEVELS_SAID[level])


def kinds_said(kinds: Iterable[KeyKind], speech: Speech) -> list[str]:
    """Return kinds of key in words; what is made of name, birth date and address is said once."""
    chosen = frozenset(kinds)
    own = [rule.nl if speech.lang == "nl" else rule.en for kind, rule in KINDS.items() if kind in chosen - PERSON_KINDS]
    return [*own, speech.gettext("name, birth date and address")] if chosen & PERSON_KINDS else own


def _rule(rule: Rule, covenant: Covenant, speech: Speech) -> RuleView:
    law = covenant.legal_bases.get(rule.legal_basis)
    return RuleView(rule.id, rule.says, (rule.legal_basis,) if law is None else laws_said([law], speech))


def kind_title(kind: str, covenant: Covenant, speech: Speech) -> str:
    """Return what people call a kind of agency."""
    found = next((entry for name, entry in covenant.agency_kinds.items() if name == kind), None)
    return kind if found is None else title_in(found.title, speech)
