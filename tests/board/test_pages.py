# SPDX-License-Identifier: EUPL-1.2
"""The board's pages: one file, both languages, nothing loaded, nothing unescaped, and marked up for everybody."""

from functools import cache

import pytest

from board import diff_page, matrix
from board.pages import chapter_of, page
from board.sheets import Pairs, Said, Sheet
from edge.languages import LANGS, Lang
from edge.pages import Chapter, el
from protocol.covenant import Covenant
from tests.fakes.covenants import policy_files
from tests.fakes.page_reader import READABLE, check_marked_up, check_self_contained, contrast, read
from tests.fakes.small_covenants import KINDS, Small

COVENANT = Covenant.parse(policy_files())


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
    check_self_contained(text())


@pytest.mark.parametrize("text", [matrix_page, difference_page])
def test_a_page_is_marked_up_for_everybody(text):
    """Languages, landmarks, headings without a leap, captions, scopes; and every link leads somewhere."""
    check_marked_up(text(), LANGS)


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


def test_the_mark_of_what_is_unsure_can_be_read():
    """Its colours have the contrast that WCAG AA asks, and stand in the style."""
    assert contrast("#5c3c00", "#fff3cd") >= READABLE
    assert "#5c3c00; " in matrix_page()
    assert "#fff3cd; " in matrix_page()
