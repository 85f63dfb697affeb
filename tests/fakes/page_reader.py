# SPDX-License-Identifier: EUPL-1.2
"""Reads a page strictly, and checks what every page of ours must be: self-contained, and marked up for everybody."""

from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from typing import Final

READABLE: Final = 4.5
"""Contrast that WCAG 2.2 AA asks of text."""


class Reader(HTMLParser):
    """Reads a page: every element that opens closes in its turn."""

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


def check_self_contained(text: str) -> None:
    """See that a page loads, runs and sends nothing, and forbids that too."""
    reader = read(text)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "video", "audio", "source"}
    for _, attributes in reader.elements:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    policies = [
        one.get("content") for one in reader.named("meta") if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def check_marked_up(text: str, langs: Sequence[str]) -> None:
    """See that languages, landmarks, headings, captions and scopes are there and every link leads somewhere."""
    reader = read(text)
    assert reader.named("html") == [{"lang": langs[0]}]
    assert len(reader.named("main")) == len(reader.named("header")) == 1
    assert [one["lang"] for one in reader.named("section") if "lang" in one] == list(langs)
    levels = [int(tag[1]) for tag, _ in reader.elements if tag in ("h1", "h2", "h3")]
    assert levels.count(1) == len(langs)
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


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours ``#rrggbb`` (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
