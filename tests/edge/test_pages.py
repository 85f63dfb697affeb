# SPDX-License-Identifier: EUPL-1.2
"""Pages: one file, nothing loaded, nothing unescaped, marked up for everybody, in one language or in both."""

import pytest

from edge.languages import LANGS, Lang, either, listed
from edge.pages import Chapter, Safe, el, facts, items, page, table
from tests.fakes.page_reader import READABLE, check_marked_up, check_self_contained, contrast, read


def written(langs: tuple[Lang, ...], said: str = "said") -> str:
    """Return a page with every part in these languages."""
    body = el("div", items([said]), facts([(said, said)]), table(said, [said, said], [[said, said]]))
    return page(dict.fromkeys(langs, said), {lang: [Chapter("part", said, body)] for lang in langs})


@pytest.mark.parametrize("langs", [LANGS, ("en",), ("nl",)])
def test_a_page_is_self_contained_and_marked_up_in_each_choice_of_languages(langs: tuple[Lang, ...]):
    """It loads nothing, and has its landmarks, headings, captions, scopes and places."""
    check_self_contained(written(langs))
    check_marked_up(written(langs), langs)


def test_a_page_in_one_language_is_always_shown():
    """The style that hides what is not chosen is there only where there is a choice."""
    assert "display: none; }\n@media" not in written(("en",))
    assert "#nl { display: none; }" in written(LANGS)


def test_no_text_becomes_markup():
    """Whatever a part is given stands in the page as text."""
    evil = "</td><script>alert('x')</script>\"&"
    reader = read(written(("en",), evil))
    assert not reader.named("script")
    assert "".join(reader.text).count(evil) >= 9


def test_only_made_markup_is_not_escaped():
    """An element's children are escaped unless they are elements themselves."""
    assert el("p", "a<b", Safe("<br>")).html == "<p>a&lt;b<br></p>"


def test_lists_are_sentences():
    """Words are joined as people write them."""
    assert [listed(["a", "b", "c"][:count], "nl") for count in (0, 1, 2, 3)] == ["", "a", "a en b", "a, b en c"]
    assert either(["a", "b", "c"], "en") == "a, b or c"


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("#1a1a1a", "#ffffff"),
        ("#0b4f8a", "#ffffff"),
        ("#4a4a4a", "#ffffff"),
        ("#1a1a1a", "#e8eef4"),
    ],
)
def test_colours_can_be_read(text: str, back: str):
    """Each colour of text on its background has the contrast that WCAG AA asks, and stands in the style."""
    assert contrast(text, back) >= READABLE
    assert text in written(LANGS)
