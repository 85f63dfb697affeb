# SPDX-License-Identifier: EUPL-1.2
"""Charts that everybody can read: bars in inline SVG, each with the table of the same numbers beside it.

A chart is an image with a title and a description for who does not see it; every bar has its number in words beside
it, and every part of a stacked bar its letter, so that no colour has to be told from another. No script, no reference
to anything, everything escaped. Not here: what is charted, the frame of the page (``pages.py``).
"""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Final

from edge.languages import Lang, Pair, say
from edge.pages import Safe, el, joined, table

CHART_STYLE: Final = """
figure { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; break-inside: avoid; }
figure > svg { flex: 1 1 22rem; max-width: 40rem; height: auto; } figure > div { flex: 1 1 16rem; }
figure svg text { font: 14px system-ui, sans-serif; fill: #1a1a1a; }
figure svg rect { stroke: #1a1a1a; stroke-width: 1; }
figure td { text-align: right; font-variant-numeric: tabular-nums; }
figure .key { list-style: none; padding: 0; margin: .25rem 0; display: flex; flex-wrap: wrap; gap: 0 1rem; }
@media print { figure svg { max-width: 55%; } figure { gap: .5rem 1rem; } }
"""
"""For ``page(style=)``."""

FILLS: Final = ("#9ec5e8", "#f6d58a", "#b7dfb0", "#e8b4b0", "#cfc3e6", "#e6e6e6", "#a8dbd9", "#f0f0c0")
"""Light ones: the letters in them are dark (contrast above 7), their borders are black."""
WIDTH: Final = 640
LABELS: Final = 220
"""Room for what a bar is of."""
NUMBERS: Final = 70
"""Room for its number."""
ROW: Final = 26
BAR: Final = 18
LETTER_NEEDS: Final = 14
"""Width of the narrowest part that has its letter in it; of a narrower one the table tells."""
CUT: Final = 30
"""Letters of a label that fit; the table has it whole."""

_BARS: Final[Pair] = (
    "Staafdiagram. Balken: {count}; de langste is {most}: {value}. De tabel ernaast heeft alle getallen.",
    "Bar chart. Bars: {count}; the longest is {most}: {value}. The table beside it has all numbers.",
)
_EMPTY: Final[Pair] = ("Er is niets te tekenen.", "There is nothing to draw.")
_LETTERS: Final[Pair] = ("De letters in de balken", "The letters in the bars")


def bar_chart(name: str, caption: str, heads: tuple[str, str], rows: Sequence[tuple[str, int]], lang: Lang) -> Safe:
    """Return a bar for each row, with its table. ``name`` is the chart's own in the page."""
    cells = [[label, number_of(count, lang)] for label, count in rows]
    drawn = [(label, [(0, count)] if count else []) for label, count in rows]
    return el("figure", _svg(name, caption, drawn, lang), table(caption, heads, cells))


def stacked_chart(
    name: str,
    caption: str,
    heads: tuple[str, str],
    parts: Sequence[str],
    rows: Sequence[tuple[str, Sequence[int]]],
    lang: Lang,
) -> Safe:
    """Return a bar in parts for each row, with its table; ``heads`` are of the rows and of their sums."""
    letters = [f"{ascii_uppercase[n]}: {part}" for n, part in enumerate(parts)]
    cells = [[label, *(number_of(one, lang) for one in (*counts, sum(counts)))] for label, counts in rows]
    drawn = [(label, [(n, count) for n, count in enumerate(counts) if count]) for label, counts in rows]
    key = el("ul", *(el("li", one) for one in letters), class_="key", aria_label=say(_LETTERS, lang))
    shown = table(caption, [heads[0], *letters, heads[1]], cells)
    return el("figure", _svg(name, caption, drawn, lang, lettered=True), el("div", key, shown))


def _svg(
    name: str,
    caption: str,
    rows: Sequence[tuple[str, Sequence[tuple[int, int]]]],
    lang: Lang,
    *,
    lettered: bool = False,
) -> Safe:
    sums = [sum(count for _, count in parts) for _, parts in rows]
    most = max(sums, default=0)
    described = say(_EMPTY, lang)
    if most:
        longest = rows[sums.index(most)][0]
        described = say(_BARS, lang).format(count=len(rows), most=longest, value=number_of(most, lang))
    drawn = [_bar(place, label, parts, most, lang, lettered=lettered) for place, (label, parts) in enumerate(rows)]
    return el(
        "svg",
        el("title", caption, id=f"{name}-title"),
        el("desc", described, id=f"{name}-desc"),
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {max(len(rows), 1) * ROW}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _bar(place: int, label: str, parts: Sequence[tuple[int, int]], most: int, lang: Lang, *, lettered: bool) -> Safe:
    top, left = place * ROW, LABELS
    room, drawn = WIDTH - LABELS - NUMBERS, []
    for n, count in parts:
        width = max(1, count * room // most)
        drawn.append(
            el(
                "rect",
                x=str(left),
                y=str(top + (ROW - BAR) // 2),
                width=str(width),
                height=str(BAR),
                fill=FILLS[n % len(FILLS)],
            )
        )
        if lettered and width >= LETTER_NEEDS:
            drawn.append(_text(ascii_uppercase[n], left + width // 2, top, "middle"))
        left += width
    shown = label if len(label) <= CUT else f"{label[: CUT - 1]}…"
    total = number_of(sum(count for _, count in parts), lang)
    return joined((_text(shown, LABELS - 8, top, "end"), *drawn, _text(total, left + 6, top, "start")))


def _text(said: str, left: int, top: int, anchor: str) -> Safe:
    return el("text", said, x=str(left), y=str(top + ROW - 8), text_anchor=anchor)


def number_of(count: int, lang: Lang) -> str:
    """Return a number with its thousands apart, as the language does."""
    return f"{count:,}".replace(",", "." if lang == "nl" else ",")
