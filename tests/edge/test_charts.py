# SPDX-License-Identifier: EUPL-1.2
"""Charts: well-formed, without anything that runs or is loaded, and saying just what the table beside them says."""

import re
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.charts import CHART_STYLE, FILLS, bar_chart, number_of, stacked_chart
from edge.languages import LANGS, Lang
from edge.pages import Chapter, Safe, page
from tests.fakes.page_reader import READABLE, check_marked_up, check_self_contained, contrast

SVG = "{http://www.w3.org/2000/svg}"
LABELS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1, max_size=60)
ROWS = st.lists(st.tuples(LABELS, st.integers(0, 10**9)), max_size=8)


def parsed(chart: Safe) -> Tree.Element:
    """Read a chart as strict XML."""
    return Tree.fromstring(chart.html)  # noqa: S314 - our own chart


def drawn(chart: Safe) -> list[str]:
    """Return the texts of the image."""
    return ["".join(one.itertext()) for one in parsed(chart).iter(f"{SVG}text")]


def cells(chart: Safe) -> list[list[str]]:
    """Return the rows of the table."""
    body = parsed(chart).find(".//tbody")
    assert body is not None
    return [["".join(cell.itertext()) for cell in row] for row in body]


@given(ROWS, st.sampled_from(LANGS))
def test_a_chart_says_what_its_table_says(rows: list[tuple[str, int]], lang: Lang) -> None:
    """Whatever the words are, the chart is well-formed and has every number of the table at its bar."""
    chart = bar_chart("c", "Caption", ("What", "Count"), rows, lang)
    said, table = drawn(chart), cells(chart)
    assert [row[1] for row in table] == said[1::2] == [number_of(count, lang) for _, count in rows]
    assert [row[0] for row in table] == [label for label, _ in rows]
    assert all(row[0].startswith(short.rstrip("…")) for row, short in zip(table, said[::2], strict=True))


@given(ROWS)
def test_bars_are_as_long_as_their_numbers(rows: list[tuple[str, int]]) -> None:
    """A larger number never has a shorter bar, and nothing stands outside the picture."""
    chart = parsed(bar_chart("c", "Caption", ("What", "Count"), rows, "en"))
    widths = [int(one.get("width", "0")) for one in chart.iter(f"{SVG}rect")]
    counts = [count for _, count in rows if count]
    assert len(widths) == len(counts)
    assert [w for _, w in sorted(zip(counts, widths, strict=True))] == sorted(widths)
    assert all(int(one.get("x", "0")) + int(one.get("width", "0")) <= 640 for one in chart.iter(f"{SVG}rect"))


def test_parts_of_a_bar_have_letters() -> None:
    """Each part is told by its letter, which the key and the table's head explain: not by its colour."""
    rows = [("2026-01", [3, 0, 4]), ("2026-02", [0, 0, 0])]
    chart = stacked_chart("c", "Caption", ("Month", "Total"), ("x", "y", "z"), rows, "en")
    assert drawn(chart) == ["2026-01", "A", "C", "7", "2026-02", "0"]
    assert cells(chart) == [["2026-01", "3", "0", "4", "7"], ["2026-02", "0", "0", "0", "0"]]
    heads = ["".join(one.itertext()) for one in parsed(chart).iter("th")]
    assert heads[:5] == ["Month", "A: x", "B: y", "C: z", "Total"]


def test_a_chart_is_an_image_with_a_title_and_a_description() -> None:
    """Who does not see it hears what it is of and where the numbers are."""
    chart = parsed(bar_chart("c", "Signals", ("What", "Count"), [("a", 1), ("b", 1234)], "en"))
    (image,) = chart.iter(f"{SVG}svg")
    assert image.get("role") == "img"
    named = {one.get("id"): "".join(one.itertext()) for one in image if one.get("id")}
    assert list(named) == (image.get("aria-labelledby") or "").split()
    assert named["c-title"] == "Signals"
    assert "b: 1,234" in named["c-desc"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_page_of_charts_loads_and_runs_nothing(lang: Lang) -> None:
    """Charts stand in a page that is self-contained and marked up as every page of ours."""
    evil = "</svg><script>alert(1)</script>"
    chart = bar_chart("c", evil, (evil, evil), [(evil, 1)], lang)
    text = page({lang: "t"}, {lang: [Chapter("part", "Part", chart)]}, CHART_STYLE)
    check_self_contained(text)
    check_marked_up(text, (lang,))


@pytest.mark.parametrize("fill", FILLS)
def test_letters_can_be_read_on_every_fill(fill: str) -> None:
    """A letter has far more than the contrast that WCAG AA asks on each colour of a part."""
    assert contrast("#1a1a1a", fill) >= READABLE
    assert re.fullmatch(r"#[0-9a-f]{6}", fill)
