# SPDX-License-Identifier: EUPL-1.2
"""One person at one browser: nothing may leave the console's origin, and no page may meet its policy's refusal.

``Person`` clicks and types as people do; ``check`` looks at a page as somebody with another way of looking would.
Not here: the console and what is in it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Download, Locator, Page, Request, Route
from pyotp import TOTP

WAIT: Final = 60_000
"""Milliseconds for anything a page does: a machine that also runs three other rounds of tests is slow."""
AXE: Final = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    "resultTypes": ["violations"],
}
_COLOURLESS: Final = {**AXE, "rules": {"color-contrast": {"enabled": False}}}
_WIDE: Final = {"width": 1280, "height": 900}
NARROW: Final = {"width": 320, "height": 640}
"""WCAG 1.4.10: nothing may need scrolling in two directions at this width."""
_ADDED: Final = re.compile(r"^Failed to load resource: the server responded with a status of (40[01349]|422|429|503)")
"""What Chromium says of a page that is itself an answer such as "not found" or "not now"; those have words too."""
_LISTEN: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI);
});
"""
_OVERFLOW: Final = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > wide + 1)
    .slice(0, 5).map((one) => one.tagName + "." + one.className + " " + Math.round(one.getBoundingClientRect().right));
}"""
_CUT: Final = """() => [...document.querySelectorAll("main button, main a, main label, main p, h1, h2, nav a")]
  .filter((one) => !one.closest(".hidden, .skip") && getComputedStyle(one).overflow !== "visible" && one.clientWidth
    && (one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2))
  .slice(0, 5).map((one) => one.outerHTML.slice(0, 120))"""
_WAYS: Final = """() => {
  const mixed = (text, seed) => { let sum = seed; for (let at = 0; at < text.length; at++)
    sum = (Math.imul(sum, 31) + text.charCodeAt(at)) | 0; return sum; };
  const found = new Set(), walk = (one, above) => {
    const said = [...one.attributes].filter((at) => /^(class|style|type|role|open|disabled|aria-.*)$/.test(at.name)
      && !/^aria-(label|labelledby|describedby|controls)$/.test(at.name)).map((at) => at.name + "=" + at.value);
    const mine = mixed(one.tagName + said.join(" "), above);
    found.add(mine);
    for (const child of one.children) walk(child, mine);
  };
  walk(document.body, 7);
  return [...found];
}"""
"""Each element as a number, which follows from it and from all that it stands in."""
_FONT: Final = 16
PAUSE: Final = 200
"""Milliseconds between looks at whether something has come: each look costs the server a page."""
_CODES: Final = 5
"""Tries of a code, ten seconds apart: enough for the next one to come."""


@dataclass
class Person:
    """One browser context with one page; ``faults`` are things that no page may do."""

    context: BrowserContext
    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Go to a page of the console."""
        await self.page.goto(self.origin + path, wait_until="load")

    async def fill(self, fields: Mapping[str, str | Sequence[str]]) -> None:
        """Fill in fields of the page's main part by their names, whatever kind they are; several boxes by a list."""
        for name, value in fields.items():
            one = self.page.locator(f'main [name="{name}"]:not(button, [type="hidden"])').first
            await self._unfold(one)
            kind = await one.evaluate("(e) => e.tagName === 'SELECT' ? 'select' : e.type")
            if kind in ("radio", "checkbox"):
                for chosen in [value] if isinstance(value, str) else value:
                    await self.page.locator(f'main [name="{name}"][value="{chosen}"]').first.check()
            elif kind == "select":
                await one.select_option(value)
            elif kind == "file":
                await one.set_input_files(list(value))
            else:
                await one.fill(str(value))

    async def send(self, action: str, value: str | None = None) -> None:
        """Press the button of the form that goes to an address that ends so, and wait for the page it leads to."""
        form = self.page.locator(f'form[action$="{action}"]').first
        button = form.locator("button" if value is None else f'button[value="{value}"]').first
        await self._unfold(button)
        async with self.page.expect_navigation(wait_until="load"):
            await button.click()

    async def speak(self, lang: str) -> None:
        """Have the console speak a language, by its own button."""
        if await self.page.locator("html").get_attribute("lang") != lang:
            await self.send("/language", lang)

    async def _unfold(self, one: Locator) -> None:
        """Open what hides this, as somebody would who looks for it."""
        folded = one.locator("xpath=ancestor::details[not(@open)]/summary")
        for n in range(await folded.count()):
            await folded.nth(n).click()

    async def look(self, axe: Axe | None, place: str) -> None:
        """Note what is wrong with this page, for whoever uses it in another way; without the checker by size alone."""
        self.faults += [f"{place} ({self.page.url}): {one}" for one in await check(self.page, axe)]

    async def follow(self, words: str | re.Pattern[str]) -> None:
        """Follow a link by its words."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.page.get_by_role("link", name=words).first.click()

    async def text(self) -> str:
        """Return what the page says."""
        return await self.page.locator("main").inner_text()

    async def come(self, path: str, words: str | re.Pattern[str], seconds: float = 90) -> None:
        """Go to a page as soon as there is something in it; it is fetched again and again, which costs no browser."""
        for _ in range(int(seconds * 1_000 / PAUSE)):
            answer = await self.context.request.get(self.origin + path)
            if re.search(words if isinstance(words, re.Pattern) else re.escape(words), await answer.text()):
                return await self.open(path)
            await asyncio.sleep(PAUSE / 1_000)
        await self.open(path)
        raise AssertionError(f"{path} never had {words!r}, but: {(await self.text())[:2_000]}")

    async def until(self, words: str, path: str | None = None, seconds: float = 90) -> None:
        """Wait until the page says something; opened again and again, as somebody without JavaScript would."""
        for _ in range(int(seconds * 1_000 / PAUSE)):
            if words in await self.text():
                return
            await self.page.wait_for_timeout(PAUSE)
            if path is not None:
                await self.open(path)
        raise AssertionError(f"The page never said {words!r}, but: {(await self.text())[:2_000]}")

    def require_clean(self) -> None:
        """Pass when no page did what none may do."""
        assert not self.faults, self.faults


@asynccontextmanager
async def person(
    browser: Browser,
    origin: str,
    *,
    lang: str = "en",
    script: bool = True,
    headers: dict[str, str] | None = None,
    state: Any = None,
) -> AsyncIterator[Person]:
    """Return somebody with a browser of their own; at the end, pass only when nothing left the console's origin."""
    context = await browser.new_context(
        locale={"nl": "nl-NL", "en": "en-GB"}[lang],
        java_script_enabled=script,
        viewport=cast(Any, _WIDE),
        extra_http_headers=headers or {},
        accept_downloads=True,
        reduced_motion="reduce",
        storage_state=state,
    )
    context.set_default_timeout(WAIT)
    context.set_default_navigation_timeout(WAIT)
    if script:
        await context.add_init_script(_LISTEN)
    page = await context.new_page()
    found = Person(context, page, origin)

    async def guard(route: Route, request: Request) -> None:
        found.faults.append(f"a request to {urlsplit(request.url).netloc}")
        await route.abort()

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _ADDED.match(message.text):
            found.faults.append(f"{message.type} on {page.url}: {message.text}")

    # A pattern and no function: what stays at the origin goes on without coming by here.
    await context.route(re.compile(rf"^(?!{re.escape(origin)}/|data:|blob:)"), guard)
    page.on("console", said)
    page.on("pageerror", lambda error: found.faults.append(f"script error: {error}"))
    try:
        yield found
        found.require_clean()
    finally:
        await context.close()


async def log_in(one: Person, name: str, password: str, keys: dict[str, str]) -> None:
    """Log in with password and code; the first time the authenticator app is linked. ``keys`` are its keys by name."""
    await one.open("/login")
    await one.fill({"name": name, "password": password})
    await one.send("/login")
    if name not in keys:
        keys[name] = "".join((await one.page.locator("code.key").first.inner_text()).split())
        await one.fill({"code": TOTP(keys[name]).now()})
        await one.send("/welcome/totp")
        await one.open("/")
        return
    for _ in range(_CODES):
        await one.fill({"code": TOTP(keys[name]).now()})
        await one.send("/login/totp")
        if "/login" not in one.page.url:
            return
        # One code counts once: whoever logs in twice within its half a minute waits for the next.
        await one.page.wait_for_timeout(10_000)
    raise AssertionError(f"{name} could not log in: {await one.text()}")


async def saved(waiting: Any) -> bytes:
    """Return what a browser saved."""
    download: Download = await waiting.value
    path = await download.path()
    return await asyncio.to_thread(path.read_bytes)


# --- Looking at a page ------------------------------------------------------------------------------------------------


async def check(page: Page, axe: Axe | None) -> list[str]:
    """Return what is wrong with a page: for screen readers and other tools, at 320 pixels, and at twice the text."""
    found = [] if axe is None else await violations(page, axe)
    return [*found, *await _narrow(page), *await _large_text(page)]


_coloured: set[int] = set()
"""Elements whose contrast was found good, by their own attributes and those of all that they stand in."""


async def violations(page: Page, axe: Axe) -> list[str]:
    """Return what axe finds against WCAG 2.0 to 2.2, A and AA.

    Contrast takes most of its time, and follows from classes: the policy of these pages allows no other style. So it is
    measured on each page that has an element which did not stand in the same surroundings on a page before.
    """
    ways = set(await page.evaluate(_WAYS))
    found = await axe.run(page, options=cast(Any, _COLOURLESS if ways <= _coloured else AXE))
    said = list(_said(found.response["violations"]))
    if not said:
        _coloured.update(ways)
    return said


def _said(violations: Sequence[dict[str, Any]]) -> Iterator[str]:
    for one in violations:
        nodes = "; ".join(
            f"{node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}" for node in one["nodes"][:3]
        )
        yield f"{one['id']}: {one['help']}: {nodes}"


async def _narrow(page: Page) -> list[str]:
    before = page.viewport_size
    await page.set_viewport_size(cast(Any, NARROW))
    wide = await page.evaluate(_OVERFLOW)
    await page.set_viewport_size(cast(Any, before))
    return [f"wider than 320 pixels: {wide}"] if wide else []


async def _large_text(page: Page) -> list[str]:
    """Text at twice its size (WCAG 1.4.4), as by the browser's own setting."""
    tools = await page.context.new_cdp_session(page)
    await tools.send("Page.setFontSizes", cast(Any, {"fontSizes": {"standard": 2 * _FONT, "fixed": 2 * _FONT}}))
    wide, cut = await page.evaluate(f"() => [({_OVERFLOW})(), ({_CUT})()]")
    await tools.send("Page.setFontSizes", cast(Any, {"fontSizes": {"standard": _FONT, "fixed": _FONT}}))
    await tools.detach()
    return [
        *([f"wider than the window with large text: {wide}"] if wide else []),
        *(f"cut off with large text: {one}" for one in cut),
    ]
