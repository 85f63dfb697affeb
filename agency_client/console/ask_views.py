# SPDX-License-Identifier: EUPL-1.2
"""An answer to a question in words: who knows the person, on what, how sure, whom to call, and who hears that we asked.

Pure, over verified answers only; nothing of them is kept. Not here: the page (``ask.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.ask import Answered
from agency_client.ask_checking import KnownCase
from agency_client.budgets import KnownBudget
from agency_client.console.hit_words import agency_said, expected_said, purpose_said, sure_said
from agency_client.console.issue_words import field_of, words_of
from agency_client.console.languages import N_, Speech
from agency_client.console.released import Released, released_of
from agency_client.likeness import families, judged, twins_agree
from agency_client.wording import pair_of
from edge.languages import listed
from protocol.covenant import Covenant
from protocol.ids import KeyKind
from protocol.keys import KINDS
from protocol.messages import MAX_MATCHES, Budget, Quality, Role

_KNOWS: Final[Mapping[Quality, str]] = {
    "hit": N_("%(who)s knows %(whom)s."),
    "probable": N_("%(who)s probably knows %(whom)s."),
    "possible": N_("%(who)s possibly knows %(whom)s."),
}
_WHOM: Final[Mapping[tuple[Role, Role], str]] = {
    ("subject", "subject"): N_("this person"),
    ("subject", "associate"): N_("this person, as somebody around theirs"),
    ("associate", "subject"): N_("somebody around this person"),
    ("associate", "associate"): N_("somebody around this person, as somebody around theirs"),
}


@dataclass(frozen=True, slots=True)
class CaseView:
    """One agency that knows the person."""

    sentence: str
    press: str
    agreed: tuple[str, ...]
    sure: str
    expected: str
    twin: bool
    urgent: bool
    named: bool
    """Whether the covenant lets us hear which agency it is."""
    released: Released = field(repr=False)


@dataclass(frozen=True, slots=True)
class BudgetView:
    """How many questions and signals are left, as a key-holder said last."""

    used: int
    left: int
    renews: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """A whole answer."""

    purpose: str
    cases: tuple[CaseView, ...]
    more: bool
    """There may be more than were told."""
    unused: tuple[tuple[str, str], ...]
    """What was left out of the question, and why."""
    heard: str
    """Who hears that we asked, where they are named; empty when nobody is."""
    unnamed: int
    place: int
    budget: BudgetView | None


def answer_view(answered: Answered, covenant: Covenant, speech: Speech) -> AnswerView:
    """Return an answer for people."""
    named = {case.agency for case in answered.cases if case.agency is not None}
    least = min(answered.budgets.values(), key=lambda one: one.left, default=None)
    return AnswerView(
        purpose_said(answered.question.purpose, covenant, speech),
        tuple(_case(one, covenant, speech) for one in answered.cases),
        len(answered.cases) == MAX_MATCHES,
        tuple((_field(one.location, speech), words_of(one, speech)) for one in answered.question.unused),
        listed(sorted(agency_said(one, covenant, speech) for one in named), speech.lang),
        sum(case.agency is None for case in answered.cases),
        answered.place,
        None if least is None else budget_view(least, speech, answered.at),
    )


def _case(case: KnownCase, covenant: Covenant, speech: Speech) -> CaseView:
    pair = pair_of(case)
    who = agency_said(case.agency, covenant, speech)
    whom = speech.gettext(_WHOM[pair.mine, pair.theirs])
    return CaseView(
        speech.gettext(_KNOWS[pair.quality]) % {"who": who, "whom": whom},
        "good" if pair.quality == "hit" else "soon",
        tuple(families(pair.kinds, speech.lang)),
        sure_said(judged(pair.kinds, covenant.population, one_person=pair.one_person), speech),
        expected_said(pair.kinds, covenant.population, speech, one_person=pair.one_person),
        twins_agree(pair.kinds),
        case.urgent,
        case.agency is not None,
        released_of(case.parts, speech),
    )


def _field(location: str, speech: Speech) -> str:
    rule = KINDS.get(KeyKind(location))
    if rule is None:
        return field_of(location)
    return rule.nl if speech.lang == "nl" else rule.en


def budget_view(budget: Budget, speech: Speech, now: datetime) -> BudgetView:
    """Return a budget for people."""
    return BudgetView(budget.used, budget.left, speech.moment(budget.renews_at, now))


def budget_of_purpose(known: list[KnownBudget], purpose: str, speech: Speech, now: datetime) -> BudgetView | None:
    """Return what is left of a purpose's budget, by the key-holder with the least; None when none was told today."""
    found = [one.budget for one in known if one.purpose == purpose]
    return budget_view(min(found, key=lambda one: one.left), speech, now) if found else None
