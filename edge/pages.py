# SPDX-License-Identifier: EUPL-1.2
"""One self-contained HTML page in Dutch and English: no script, nothing loaded, everything escaped.

Text becomes markup only through ``el``, which escapes it; ``Safe`` is what ``el`` made. Both languages stand in it, and
the address' fragment chooses which is shown; a browser that cannot do that shows both. Meets WCAG 2.2 AA by its
parts: landmarks, headings in order, captions and scopes of tables, languages marked, contrast above 4.5, a skip link.
Not here: what a page says (each role's own modules), languages (``languages.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias

from edge.languages import NAMES, Lang, say


@dataclass(frozen=True, slots=True)
class Safe:
    """Markup that ``el`` made."""

    html: str


Node: TypeAlias = str | Safe

_VOID: Final = frozenset({"meta", "br"})
_STYLE: Final = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; max-width: 72rem;
  padding: 1rem; }
a { color: #0b4f8a; } a:focus-visible { outline: 3px solid #0b4f8a; outline-offset: 2px; }
.skip { position: absolute; left: -100rem; } .skip:focus { position: static; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
nav a { display: inline-block; padding: .25rem 0; }
table { border-collapse: collapse; margin: .75rem 0; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .25rem 0; }
th, td { border: 1px solid #767676; padding: .35rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #e8eef4; }
.wide { overflow-x: auto; }
.why, .small { color: #4a4a4a; font-size: .9rem; }
code { overflow-wrap: anywhere; }
body:has(#en:target, #en :target) #nl { display: none; }
body:not(:has(#en:target, #en :target)) #en { display: none; }
@media print { nav, .skip { display: none; } body { max-width: none; font-size: 10pt; } tr, li { break-inside: avoid; }
  h2 { break-before: page; } h2:first-of-type { break-before: auto; } }
"""


def el(tag: str, /, *children: Node, **attributes: str) -> Safe:
    """Return an element. Attribute names end with ``_`` where Python needs it; ``aria_x`` becomes ``aria-x``."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if tag in _VOID:
        return Safe(f"<{tag}{written}>")
    return Safe(f"<{tag}{written}>{joined(children).html}</{tag}>")


def joined(nodes: Iterable[Node]) -> Safe:
    """Return nodes one after another."""
    return Safe("".join(node.html if isinstance(node, Safe) else escape(node, quote=True) for node in nodes))


def items(nodes: Iterable[Node]) -> Safe:
    """Return a list."""
    return el("ul", *(el("li", node) for node in nodes))


def facts(pairs: Iterable[tuple[Node, Node]]) -> Safe:
    """Return names and what belongs to them."""
    return el("dl", *(joined((el("dt", el("strong", name)), el("dd", value))) for name, value in pairs))


def table(caption: str, heads: Sequence[Node], rows: Iterable[Sequence[Node]]) -> Safe:
    """Return a table whose first column heads its rows; wide ones scroll by themselves, also by keyboard."""
    head = el("thead", el("tr", *(el("th", one, scope="col") for one in heads)))
    body = el(
        "tbody", *(el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows)
    )
    return el(
        "div",
        el("table", el("caption", caption), head, body),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the page under a heading of its own; ``name`` is its place in the page's address."""

    name: str
    title: str
    body: Safe


def page(title: Mapping[Lang, str], chapters: Mapping[Lang, Sequence[Chapter]], style: str = "") -> str:
    """Return the page with a section a language, at least one. ``style`` is added to the pages' own: never data."""
    langs = list(chapters)
    first = langs[0]
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Safe("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"),
        el("title", title[first]),
        Safe(f"<style>{_STYLE if len(langs) > 1 else _without_choice(_STYLE)}{style}</style>"),
    )
    skip = el("a", say(("Naar de inhoud", "Skip to content"), first), href="#content", class_="skip")
    choice = [el("a", NAMES[lang], href=f"#{lang}", lang=lang, hreflang=lang) for lang in langs]
    nav = el("nav", items(choice), aria_label="Taal / Language") if len(langs) > 1 else Safe("")
    sections = [_section(lang, title[lang], chapters[lang]) for lang in langs]
    body = el("body", skip, el("header", nav), el("main", *sections, id="content"))
    return f'<!doctype html>\n<html lang="{first}">{head.html}{body.html}</html>\n'


def _section(lang: Lang, title: str, chapters: Sequence[Chapter]) -> Safe:
    places = [el("a", chapter.title, href=f"#{lang}-{chapter.name}") for chapter in chapters]
    label = say(("Inhoud", "Contents"), lang)
    parts = [
        el("section", el("h2", chapter.title), chapter.body, id=f"{lang}-{chapter.name}", aria_label=chapter.title)
        for chapter in chapters
    ]
    return el("section", el("h1", title), el("nav", items(places), aria_label=label), *parts, id=lang, lang=lang)


def _without_choice(style: str) -> str:
    return "\n".join(line for line in style.splitlines() if not line.startswith("body:"))
