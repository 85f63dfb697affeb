# SPDX-License-Identifier: EUPL-1.2
"""What `ask` prints: who knows the person, how sure, whom to call, what chance alone gives, and what is left to ask.

Only what was verified; the other agency's texts are shown as plain text. Not here: the sentences (``wording.py``).
"""

from collections.abc import Collection, Iterable
from itertools import product
from math import ceil
from typing import Final

from rich.console import Console
from rich.markup import escape

from agency_client.ask import Answered, Question
from agency_client.ask_checking import KnownCase
from agency_client.likeness import one_in
from agency_client.showing import show_parts
from agency_client.wording import Words, case_words
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.errors import Issue
from protocol.ids import KeyKind
from protocol.keys import KINDS, Tier, expected_strangers, quality_of
from protocol.messages import MAX_MATCHES, Budget, Quality

_QUALITIES: Final[tuple[Quality, ...]] = ("probable", "possible")


def show_unused(out: Console, unused: Iterable[Issue]) -> None:
    """Print which values are left out of the question, and why; never the values."""
    for issue in unused:
        out.print(f"Not asked, {plain(issue.location)}: {plain(issue.message)}", style="yellow", markup=False)


def show_answer(out: Console, answered: Answered, covenant: Covenant) -> None:
    """Print the answer for people."""
    if not answered.cases:
        out.print(
            "No other agency that may tell you so has a signal about this person now. It may know the person all the "
            "same, without a signal.",
            highlight=False,
        )
    for case in answered.cases:
        _show_case(out, case, _words(case, covenant))
    if len(answered.cases) == MAX_MATCHES:
        out.print(
            f"There may be more than these {MAX_MATCHES}: ask with fewer values.", style="yellow", highlight=False
        )
    if answered.cases and (chances := _chances(answered.question, covenant)):
        out.print(f"By chance alone, such a question finds a stranger {chances}.", style="dim", highlight=False)
    out.print(
        f"Your question stands in the log (entry {answered.place:,}), and who knows the person sees that it was asked.",
        style="dim",
        highlight=False,
    )
    if (budget := _least(answered.budgets.values())) is not None:
        out.print(
            f"Budget of this purpose today: used {budget.used:,}, left {budget.left:,}, renews at "
            f"{budget.renews_at:%a %d %b %H:%M} UTC.",
            style="dim",
            highlight=False,
        )


def answer_json(answered: Answered, covenant: Covenant) -> dict[str, Json]:
    """Return the answer for programs."""
    budget = _least(answered.budgets.values())
    chances = by_chance((key.kind for key in answered.question.keys), covenant.population)
    matches: list[Json] = [_case_json(case, covenant) for case in answered.cases]
    unused: list[Json] = [
        {"field": issue.location, "code": issue.code, "message": issue.message} for issue in answered.question.unused
    ]
    return {
        "purpose": answered.question.purpose,
        "askedAt": format_time(answered.at),
        "logIndex": answered.place,
        "matches": matches,
        "mayBeMore": len(answered.cases) == MAX_MATCHES,
        "notAsked": unused,
        "strangersPerMillionQuestions": {str(quality): per_million(found) for quality, found in chances.items()},
        "budget": None
        if budget is None
        else {"used": budget.used, "left": budget.left, "renewsAt": format_time(budget.renews_at)},
    }


def by_chance(kinds: Iterable[KeyKind], population: int) -> dict[Quality, float]:
    """Return how many strangers a question with these kinds finds by chance, per quality: by the least that is told.

    Of names and birth dates only: who shares a phone or an account is no stranger, so no figure says how often.
    """
    asked = [KINDS[kind] for kind in frozenset(kinds) if kind in KINDS and KINDS[kind].tier is not Tier.IDENTIFIER]
    expected: dict[Quality, float] = {}
    for one, other in product(asked, asked):
        pair = {one.kind, other.kind}
        quality = quality_of(pair)
        if quality is not None:
            expected[quality] = max(expected.get(quality, 0.0), expected_strangers(pair, population))
    return {quality: expected[quality] for quality in _QUALITIES if quality in expected}


def per_million(expected: float) -> int:
    """Return how many strangers a million questions find at most: whole numbers, since the chances are no finer."""
    return ceil(expected * 1_000_000)


def _chances(question: Question, covenant: Covenant) -> str:
    chances = by_chance((key.kind for key in question.keys), covenant.population)
    return ", and ".join(f"as {quality} in about 1 of {one_in(found):,}" for quality, found in chances.items())


def _show_case(out: Console, case: KnownCase, words: Words) -> None:
    out.print(escape(words.sentence), style="bold", highlight=False)
    out.print(f"  {escape(words.sure)}", style="dim", highlight=False)
    if case.agency is None:
        out.print("  The covenant does not let you hear which agency it is.", style="dim", highlight=False)
    elif not case.parts:
        out.print("  No contact is released for it; the agency's own contact point can help.", style="dim")
    show_parts(out, case.parts)


def _case_json(case: KnownCase, covenant: Covenant) -> dict[str, Json]:
    words = _words(case, covenant)
    kinds: Collection[KeyKind] = tuple(dict.fromkeys(one.kind for one in case.agreed))
    parts: dict[str, Json] = {name: dict(fields) for name, fields in case.parts.items()}
    return {
        "agency": case.agency,
        "quality": case.quality,
        "level": case.level,
        "urgency": "urgent" if case.urgent else "normal",
        "kinds": [*kinds],
        "couldBeTwin": words.twin,
        "strangersPerMillionQuestions": per_million(expected_strangers(kinds, covenant.population)),
        "sentence": words.sentence,
        "sure": words.sure,
        "parts": parts,
    }


def _words(case: KnownCase, covenant: Covenant) -> Words:
    return case_words(case, case.agency, covenant, urgent=case.urgent)


def _least(budgets: Iterable[Budget]) -> Budget | None:
    """Return the budget that ends first: a question needs all key-holders that it asks."""
    return min(budgets, key=lambda budget: budget.left, default=None)
