# SPDX-License-Identifier: EUPL-1.2
"""The board's sheets as chapters of a page, and the marks that only its pages have.

Not here: the page itself (``edge/pages.py``), what it says (``matrix.py``, ``diff_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from board.sheets import Cell, Pairs, Said, Sheet
from board.wording import UNSURE
from edge import pages
from edge.languages import Lang, say
from edge.pages import Chapter, Node, Safe, el, facts, joined, table

_MARKS: Final = """.unsure { background: #fff3cd; color: #5c3c00; padding: 0 .25rem; }
.allowed { border-left: .4rem solid #14632c; } .forbidden { border-left: .4rem solid #a1162a; }
.rule { border-left: .4rem solid #6b4a00; }
li.allowed, li.forbidden, li.rule { padding-left: .6rem; margin: .35rem 0; list-style: none; }
"""


def page(title: Mapping[Lang, str], chapters: Mapping[Lang, Sequence[Chapter]]) -> str:
    """Return the page with the board's marks."""
    return pages.page(title, chapters, _MARKS)


def chapter_of(sheet: Sheet, lang: Lang) -> Chapter:
    """Return a sheet as a chapter."""
    parts = [
        facts((name, _cell(cell, lang)) for name, cell in part.rows)
        if isinstance(part, Pairs)
        else table(part.caption, part.heads, [[_cell(cell, lang) for cell in row] for row in part.rows])
        for part in sheet.parts
    ]
    return Chapter(sheet.name, sheet.title, joined(parts))


def _cell(cell: Cell, lang: Lang) -> Safe:
    lines = [_line(said, lang) for said in cell]
    return lines[0] if len(lines) == 1 else joined(el("div", line) for line in lines)


def _line(said: Said, lang: Lang) -> Safe:
    text: Node = el("span", said.text, lang=said.lang) if said.lang not in (None, lang) else said.text
    mark = el("span", f"[{say(UNSURE, lang)}]", class_="unsure") if said.unsure else ""
    return joined((text, " " if said.unsure else "", mark, " (" if said.code else "", _code(said.code)))


def _code(code: str) -> Safe:
    return joined((el("code", code), ")")) if code else Safe("")
