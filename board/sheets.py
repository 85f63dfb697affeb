# SPDX-License-Identifier: EUPL-1.2
"""Simple parts that a terminal and a page show alike: names with what belongs to them, and tables.

Not here: what they say (``matrix.py``), HTML (``pages.py``), the terminal (``showing.py``).
"""

from dataclasses import dataclass
from typing import TypeAlias

from edge.languages import Lang


@dataclass(frozen=True, slots=True)
class Said:
    """A line of text. ``unsure``: the law it names is not settled; ``code``: the name that files know it by;
    ``lang`` when it is not in the sheet's language.
    """

    text: str
    unsure: bool = False
    code: str = ""
    lang: Lang | None = None


Cell: TypeAlias = tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what belongs to them."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first cell of a row heads it."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part of the covenant under a heading."""

    name: str
    title: str
    parts: tuple[Pairs | Grid, ...]
