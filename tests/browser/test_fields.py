# SPDX-License-Identifier: EUPL-1.2
"""Every field of every form that people can come to takes a hostile text, and every page after it shows it as text.

Forms are found by following links, as people find them: one that is added is tried without anybody thinking of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from random import randrange
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit

import pytest

from tests.browser import story
from tests.browser.conftest import CARE, POLICE, Town
from tests.browser.story import Sight
from tests.fakes.browsing import Person

HOSTILE: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
RAW: Final = re.compile(r"<script>alert|<img src=x|onerror=alert\(2\)>(?!&)", re.IGNORECASE)
TRIED: Final = {
    "/ask",
    "/hits/N/more",
    "/hits/N/opening",
    "/logbook/entries",
    "/logbook/export",
    "/logbook/requests/new",
    "/logbook/unusual",
    "/requests/N/grant",
    "/requests/N/refuse",
    "/signals/N/extend",
    "/signals/find",
    "/signals/preview",
}
"""Forms with texts that must have been come to, or this looked at less than it says."""
NEVER: Final = ("/logout", "/language", "/account")
"""Who logs out, or asks for another factor, sees no more pages; these forms have tests of their own."""
MOST_PAGES: Final = 150


@dataclass(slots=True)
class Form:
    """A form as it stands on a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    """Names of fields that take any text."""


class Forms(HTMLParser):
    """Reads forms and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._open: Form | None = None
        self._choosing: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link, a form or a field."""
        said = {name: value or "" for name, value in attrs}
        if tag == "a" and said.get("href", "").startswith("/"):
            self.links.append(said["href"].partition("#")[0])
        elif tag == "form":
            self._open = Form(said.get("action", ""))
            if said.get("method", "get").lower() == "post":
                self.forms.append(self._open)
        elif self._open is not None and (name := said.get("name", "")):
            self._field(self._open, tag, name, said)
        if tag == "option" and self._open is not None and self._choosing and said.get("value"):
            self._open.fields.setdefault(self._choosing, said["value"])
        if tag == "button" and self._open is not None and "formaction" in said:
            self.forms.append(Form(said["formaction"], self._open.fields, self._open.typed))

    def handle_endtag(self, tag: str) -> None:
        """Close a form or a choice."""
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._choosing = None

    def _field(self, form: Form, tag: str, name: str, said: dict[str, str]) -> None:
        kind = said.get("type", "text") if tag == "input" else tag
        if tag == "select":
            self._choosing = name
        elif kind in ("hidden", "radio", "checkbox"):
            form.fields.setdefault(name, said.get("value", "on"))
        elif kind in ("text", "search", "tel", "email", "url", "textarea", "date", "number"):
            form.fields[name] = HOSTILE
            form.typed.add(name)


def read(page: str) -> Forms:
    """Read a page."""
    found = Forms()
    found.feed(page)
    return found


@dataclass
class Visitor:
    """Somebody who comes to every page and fills in every form, by the session of a browser."""

    one: Person
    seen: dict[str, str] = field(default_factory=dict)
    """What stood on each page that was looked at, by its address without numbers."""
    tried: set[str] = field(default_factory=set)
    raw: list[str] = field(default_factory=list)

    async def everywhere(self) -> list[Form]:
        """Look at all pages that links lead to; return their forms that take texts."""
        waiting, met, forms = ["/today", "/signals/new?purpose=offender-prevention"], set[str](), dict[str, Form]()
        while waiting and len(met) < MOST_PAGES:
            path = waiting.pop(0)
            kind = _numberless(path)
            if kind in met or path.startswith(("/static", *NEVER)):
                continue
            met.add(kind)
            page = await self.get(path)
            waiting += page.links
            for form in page.forms:
                action = urlsplit(urljoin(path, form.action)).path
                if form.typed and not action.startswith(NEVER):
                    forms.setdefault(
                        f"{_numberless(action)} {sorted(form.typed)}", Form(action, form.fields, form.typed)
                    )
        return list(forms.values())

    async def get(self, path: str) -> Forms:
        """Look at one page."""
        answer = await self.one.context.request.get(self.one.origin + path)
        return self._looked(f"GET {_numberless(path)}", await answer.text() if _is_page(answer) else "")

    async def fill_in(self, form: Form) -> None:
        """Send a form with a hostile text in each of its fields."""
        headers = {"origin": self.one.origin, "sec-fetch-site": "same-origin"}
        answer = await self.one.context.request.post(
            self.one.origin + form.action, form=cast(Any, form.fields), headers=headers
        )
        assert answer.status < 500, (form.action, answer.status)
        self.tried.add(_numberless(form.action))
        page = self._looked(f"POST {_numberless(form.action)}", await answer.text() if _is_page(answer) else "")
        # Some forms lead to a second step with the same texts.
        for after in page.forms:
            action = urlsplit(after.action).path
            if _numberless(action) not in self.tried and HOSTILE in after.fields.values():
                await self.fill_in(Form(action, after.fields, after.typed))

    def _looked(self, what: str, text: str) -> Forms:
        self.seen[what] = text
        self.raw += [f"{what}: {text[max(0, found.start() - 60) : found.end()]}" for found in RAW.finditer(text)]
        return read(text)


def _is_page(answer: Any) -> bool:
    return str(answer.headers.get("content-type", "")).startswith("text/html")


def _numberless(path: str) -> str:
    """Return an address in which what names one thing is left out, so that pages of a kind are one."""
    parts = urlsplit(path).path.split("/")
    return "/".join("N" if re.fullmatch(r"[0-9a-f-]{20,}|\d+|[0-9a-f]{16,}", part) else part for part in parts)


async def _asked_for_more(care: Person, police: Person) -> Iterator[str]:
    """Let care ask the police for more about a person whom both know; return care's hit."""
    number = f"{randrange(10**6):06}"
    sight, phone = Sight(), f"06 12{number}"
    await story.signal(police, sight, "legal-duty", case_reference=f"OOST-{number}", phones=phone)
    await story.signal(care, sight, "reporting-right", case_reference=f"JZ-{number}", phones=phone)
    hit = await story.hit(care, f"JZ-{number}")
    await story.ask_more(care, sight, hit, "Wie begeleidt?")
    await story.hit(police, f"OOST-{number}")
    await story.request(police, "decide")
    return iter((hit,))


@pytest.mark.timeout(600)
async def test_a_hostile_text_in_any_field_is_shown_as_text(town: Town) -> None:
    """Nobody can put anything into a page by filling in a form, whoever of whichever agency then reads it."""
    async with (
        town.at(CARE, "chief") as care,
        town.at(POLICE, "chief") as police,
        town.at(POLICE, "officer") as officer,
    ):
        await _asked_for_more(care, police)
        visitors = [Visitor(police), Visitor(officer), Visitor(care)]
        for visitor in visitors:
            for form in await visitor.everywhere():
                await visitor.fill_in(form)
        # What was written stands on pages now, of who wrote it and of who was told.
        for visitor in visitors:
            await visitor.everywhere()
        assert not [raw for visitor in visitors for raw in visitor.raw]
        assert set().union(*(visitor.tried for visitor in visitors)) >= TRIED
        shown = [text for visitor in visitors for text in visitor.seen.values() if "&lt;script&gt;alert(1)" in text]
        assert len(shown) > len(visitors), "hostile texts come back as text, or nothing was tried"
