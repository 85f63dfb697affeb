# SPDX-License-Identifier: EUPL-1.2
"""What the probes of an agency came to, for people in Dutch or English and for programs: counts, chances, costs.

For who runs the agency's client, not for coordinators. Not here: the numbers themselves (``probe_answers.py``,
``protocol/probe_chances.py``).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.table import Table

from agency_client.probing import Prober
from agency_client.vault.probes import ProbeState
from edge.languages import Lang, Pair, say
from protocol.encoding import Json
from protocol.ids import PartyId
from protocol.probe_chances import SHARES, WEEKS, chance_to_catch, cost, weeks_until

_MONTH: Final = timedelta(days=28)
"""Over which the agency's own signals a week are counted: whole weeks, so that weekends count alike."""
_SETTLED_FROM: Final = 10
"""Probes that came to an end from which their working share is counted and no more assumed."""
_PERIODS: Final[tuple[Pair, ...]] = (("1 maand", "1 month"), ("3 maanden", "3 months"), ("1 jaar", "1 year"))
_WORDS: Final[dict[ProbeState, Pair]] = {
    ProbeState.PUSHED: ("onderweg", "under way"),
    ProbeState.ANSWERED: ("beantwoord", "answered"),
    ProbeState.UNANSWERED: ("geen treffer; vraag het de ander", "no hit; ask the other side"),
    ProbeState.LATE: ("te laat beantwoord", "answered late"),
    ProbeState.MISSING: ("ACHTERGEHOUDEN", "WITHHELD"),
    ProbeState.PASSED: ("hier niet verstuurd", "not sent here"),
    ProbeState.VOID: ("niets te verwachten", "nothing to expect"),
}


@dataclass(frozen=True, slots=True)
class ProbeFigures:
    """What is shown of one agency's probes."""

    rate: int
    answer_hours: int
    pairs: int
    counts: Counter[ProbeState]
    ask: tuple[PartyId, ...]
    """Agencies to ask for their statement."""
    working: float
    """Share of the probes that both pushed and that made a hit; 1 until there are enough to count."""
    share: float
    """Of this agency's own signals that are probes."""
    keys: int
    """Of the key-holders' budgets, used in the last four weeks."""

    @property
    def chances(self) -> list[tuple[float, list[float]]]:
        """Return for each share that is withheld from this agency the chance to notice, a period each."""
        return [
            (share, [chance_to_catch(share, self.rate, self.pairs, weeks, self.working) for weeks in WEEKS])
            for share in SHARES
        ]


def figures_of(prober: Prober) -> ProbeFigures:
    """Return the figures of now."""
    vault, now = prober.vault, prober.clock()
    probes, pairs = vault.probes.all(), len(list(prober.pairs()))
    counts = Counter(one.state for one in probes)
    good = counts[ProbeState.ANSWERED] + counts[ProbeState.LATE] + counts[ProbeState.MISSING]
    settled = good + counts[ProbeState.PASSED] + counts[ProbeState.VOID]
    own = vault.probes.real_since(now - _MONTH) / (_MONTH / timedelta(days=7))
    terms = prober.engine.covenant.terms.probes
    return ProbeFigures(
        rate=terms.per_pair_per_week,
        answer_hours=terms.answer_hours,
        pairs=pairs,
        counts=counts,
        ask=tuple(sorted({one.counterpart for one in probes if one.state is ProbeState.UNANSWERED})),
        working=good / settled if settled >= _SETTLED_FROM else 1.0,
        share=cost(prober.rate, pairs, own),
        keys=sum(one.keys for one in probes if one.signal is not None and one.their_due > now - _MONTH),
    )


def figures_json(figures: ProbeFigures) -> dict[str, Json]:
    """Return the figures for programs; chances in parts per million, since JSON here has no fractions."""
    states: dict[str, Json] = {str(state): figures.counts[state] for state in ProbeState}
    chances: list[Json] = [
        {"withheldPerMillion": round(share * 1e6), "caughtPerMillion": [round(chance * 1e6) for chance in row]}
        for share, row in figures.chances
    ]
    return {
        "perPairPerWeek": figures.rate,
        "answerHours": figures.answer_hours,
        "pairs": figures.pairs,
        "probes": states,
        "ask": [*figures.ask],
        "workingPerMillion": round(figures.working * 1e6),
        "ofOwnSignalsPerMillion": round(figures.share * 1e6),
        "keysInFourWeeks": figures.keys,
        "chances": chances,
    }


def show_figures(out: Console, figures: ProbeFigures, lang: Lang) -> None:
    """Print the figures: how often, what came of them, what is to be done, what chance they give, what they cost."""
    if not figures.rate or not figures.pairs:
        out.print(
            say(
                (
                    "Deze organisatie stuurt geen proeven: het convenant wil er geen, of niemand doet met haar mee.",
                    "This agency sends no probes: the covenant wants none, or there is nobody to do them with.",
                ),
                lang,
            )
        )
        return
    rate, pairs, hours = figures.rate, figures.pairs, figures.answer_hours
    often = (
        f"Gemiddeld {rate} per week met elk van {pairs} organisaties; antwoord binnen {hours} uur.",
        f"On average {rate} a week with each of {pairs} agencies; answered within {hours} hours.",
    )
    out.print(say(often, lang), highlight=False)
    for state, words in _WORDS.items():
        if figures.counts[state]:
            style = "bold red" if state in (ProbeState.MISSING, ProbeState.LATE) else ""
            out.print(f"  {figures.counts[state]:>5}  {say(words, lang)}", style=style, highlight=False)
    if figures.ask:
        named = ", ".join(figures.ask)
        ask = (f"Vraag een verklaring aan: {named}.", f"Ask these for their statement: {named}.")
        out.print(say(ask, lang), style="yellow", highlight=False)
    _show_chances(out, figures, lang)
    spent = (
        f"Kosten: {figures.share:.1%} van de eigen signalen; {figures.keys:,} pseudoniemen in vier weken.",
        f"Cost: {figures.share:.1%} of the own signals; {figures.keys:,} pseudonyms in four weeks.",
    )
    out.print(say(spent, lang), highlight=False)


def _show_chances(out: Console, figures: ProbeFigures, lang: Lang) -> None:
    head = ("Kans om het te merken als de makelaar achterhoudt:", "Chance to notice when the broker withholds:")
    out.print(say(head, lang), highlight=False)
    table = Table(say(("van de treffers", "of the hits"), lang), *(say(one, lang) for one in _PERIODS), box=None)
    for share, row in figures.chances:
        table.add_row(f"{share:.0%}", *(f"{chance:.1%}" for chance in row))
    out.print(table)
    weeks = weeks_until(0.5, figures.rate * figures.working, 1)
    one = (
        f"Houdt hij van één paar de helft achter, dan is dat na {weeks:.0f} weken met 95% gemerkt.",
        f"When it withholds half of one pair's, that is noticed after {weeks:.0f} weeks with 95%.",
    )
    out.print(say(one, lang), highlight=False)
