# SPDX-License-Identifier: EUPL-1.2
"""The board's pages: one file, both languages, nothing loaded, nothing unescaped, and marked up for everybody."""

from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from board import diff_page, matrix
from board.pages import Chapter, Safe, chapter_of, el, page
from board.sheets import Pairs, Said, Sheet
from board.wording import LANGS, Lang
from protocol.covenant import Covenant
from tests.fakes.covenants import policy_files
from tests.fakes.small_covenants import KINDS, Small

COVENANT = Covenant.parse(policy_files())


class Reader(HTMLParser):
    """Reads a page strictly: every element that opens closes in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def read(text: str) -> Reader:
    """Read a page whole."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@cache
def sheets(lang: Lang) -> list[Sheet]:
    """Return the repository's covenant as sheets."""
    return matrix.sheets(COVENANT, lang)


@cache
def matrix_page() -> str:
    """Return the repository's covenant as a page."""
    chapters = {lang: [chapter_of(sheet, lang) for sheet in sheets(lang)] for lang in LANGS}
    return page({lang: matrix.title(lang) for lang in LANGS}, chapters)


@cache
def difference_page() -> str:
    """Return the difference between two small covenants as a page."""
    small = Small()
    old, new = small.engine(), Small(retention=400, without=frozenset({"guard.agency-suspended"})).engine()
    found = diff_page.compare(old, new, diff_page.changes(old, new, KINDS))
    return page(
        {lang: diff_page.title(lang) for lang in LANGS}, {lang: diff_page.chapters(found, lang) for lang in LANGS}
    )


@pytest.mark.parametrize("text", [matrix_page, difference_page])
def test_a_page_is_one_file_that_loads_and_runs_nothing(text):
    """No script, image, style sheet, form or link to elsewhere; and a policy that forbids them all."""
    reader = read(text())
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "video", "audio", "source"}
    for _, attributes in reader.elements:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text()
    assert "@import" not in text()
    policies = [
        one.get("content") for one in reader.named("meta") if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


@pytest.mark.parametrize("text", [matrix_page, difference_page])
def test_a_page_is_marked_up_for_everybody(text):
    """Languages, landmarks, headings without a leap, captions, scopes; and every link leads somewhere."""
    reader = read(text())
    assert reader.named("html") == [{"lang": "nl"}]
    assert len(reader.named("main")) == len(reader.named("header")) == 1
    assert [one["lang"] for one in reader.named("section") if "lang" in one] == ["nl", "en"]
    levels = [int(tag[1]) for tag, _ in reader.elements if tag in ("h1", "h2", "h3")]
    assert levels.count(1) == len(LANGS)
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len(reader.named("table")) == len(reader.named("caption"))
    assert all(head.get("scope") in ("col", "row") for head in reader.named("th"))
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {(link["href"] or "")[1:] for link in reader.named("a")} <= set(ids)
    assert all(
        one.get("tabindex") == "0" and one.get("aria-label")
        for one in reader.named("div")
        if one.get("class") == "wide"
    )


def test_both_languages_say_the_same_things():
    """Each language has the same chapters, tables and rows, and its own words."""
    dutch, english = (sheets(lang) for lang in LANGS)
    assert [sheet.name for sheet in dutch] == [sheet.name for sheet in english]
    for one, other in zip(dutch, english, strict=True):
        assert [len(part.rows) for part in one.parts] == [len(part.rows) for part in other.parts]
        assert one.title != other.title


def test_every_purpose_tells_all_that_a_board_asks():
    """Of each purpose: what for, assessment, advice, contact, whom it is hidden from, who takes part and the bounds."""
    for name, purpose in COVENANT.purposes.items():
        sheet = next(sheet for sheet in sheets("en") if sheet.name == name)
        pairs = next(part for part in sheet.parts if isinstance(part, Pairs))
        said = {head: " ".join(one.text for one in cell) for head, cell in pairs.rows}
        assert said["What for"] == purpose.explanation.en
        assert said["Impact assessment (DPIA)"] == purpose.dpia
        assert said["Advice of the lawfulness committee"] == purpose.advice
        assert "@" in said["Contact point for citizens"]
        if purpose.kinds_that("send"):
            assert said["Retention"] == f"{purpose.retention_days} days"
            counted = [one.title.en for one in COVENANT.purposes.values() if name in one.counts_of]
            assert said["Counts are read under"].startswith(counted[0] if counted else "no purpose")
            assert str(purpose.urgent_follow_up_hours) in said["Follow up within"]
            assert said["Pseudonyms an agency and day"] == str(purpose.budget_per_day)
            assert str(purpose.informing and purpose.informing.deferral_days) in said["Informing the person"]
        assert ("Awaited counterpart" in said) is (purpose.awaited is not None)
        assert ("Counts the signals of" in said) is bool(purpose.counts_of)


def test_an_article_that_is_unsure_is_marked():
    """Whatever rests on law that nobody has checked says so; what is checked does not."""
    laws = {basis.title.en: basis.certainty for basis in COVENANT.legal_bases.values()}
    seen = set()
    for sheet in sheets("en"):
        for part in sheet.parts:
            for row in part.rows:
                for said in [one for cell in row if isinstance(cell, tuple) for one in cell]:
                    if said.text in laws:
                        assert said.unsure is (laws[said.text] == "unsure")
                        seen.add(said.unsure)
    assert seen == {True, False}
    assert "[unsure: the board decides]" in matrix_page()


@pytest.mark.parametrize("lang", LANGS)
def test_nothing_that_a_covenant_says_becomes_markup(lang: Lang):
    """Text with angle brackets and quotes stands in the page as text, wherever it comes from."""
    evil = "</td><script>alert('x')</script>\"&"
    sheet = Sheet("evil", evil, (Pairs(((evil, (Said(evil, code=evil, lang="en"),)),)),))
    reader = read(
        page({lang: evil}, {lang: [chapter_of(sheet, lang), Chapter("more", "more", el("p", evil, title=evil))]})
    )
    assert not reader.named("script")
    assert "".join(reader.text).count(evil) >= 5
    assert {"title": evil} in reader.named("p")


def test_only_made_markup_is_not_escaped():
    """An element's children are escaped unless they are elements themselves."""
    assert el("p", "a<b", Safe("<br>")).html == "<p>a&lt;b<br></p>"


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours ``#rrggbb`` (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("#1a1a1a", "#ffffff"),
        ("#0b4f8a", "#ffffff"),
        ("#4a4a4a", "#ffffff"),
        ("#5c3c00", "#fff3cd"),
        ("#1a1a1a", "#e8eef4"),
    ],
)
def test_colours_can_be_read(text: str, back: str):
    """Each colour of text on its background has the contrast that WCAG AA asks, and stands in the style."""
    assert contrast(text, back) >= 4.5
    assert text in matrix_page()
