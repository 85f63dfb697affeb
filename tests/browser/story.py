# SPDX-License-Identifier: EUPL-1.2
"""What two coordinators and a privacy officer do on one day, step by step, by clicking: from a worry to its proof.

By addresses and names of fields, so that the same story is told in each language, with JavaScript and without.
Not here: who plays it (``test_day.py``), the demonstration's own story (``deploy/demo``).
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]

from tests.fakes.browsing import Person, saved

PURPOSE = "offender-prevention"
_REQUEST: Final = re.compile(r'href="/requests/[0-9a-f-]{36}"')
PICTURES = os.environ.get("SLUIS_PICTURES")
"""Where ``make screenshots`` wants pictures of some screens."""
EVIL = "" if PICTURES else '<script>document.title="x"</script><img src=x onerror=alert(1)>'
"""Put into every text that others see: it has to be shown as what it is. Pictures do without."""
_PICTURE: Final = {"width": 1100, "height": 720}
"""Of a screen in the README: its text can be read there, and the file stays below 150 kB."""


@dataclass
class Sight:
    """How a story is looked at: with the checker, and by whom pictures are wanted; without it is only told."""

    axe: Axe | None = None
    pictures: Path | None = None
    seen: set[str] = field(default_factory=set)

    async def at(self, one: Person, place: str) -> None:
        """Look at the page that somebody is on now; once at each place, whoever comes there."""
        if self.axe is not None and place not in self.seen:
            self.seen.add(place)
            await one.look(self.axe, place)

    async def picture(self, one: Person, name: str) -> None:
        """Take a picture of it for the README."""
        if self.pictures is not None:
            before = one.page.viewport_size
            await one.page.set_viewport_size(cast(Any, _PICTURE))
            await one.page.screenshot(path=self.pictures / f"{name}.png")
            await one.page.set_viewport_size(cast(Any, before))


async def signal(one: Person, sight: Sight, basis: str, **fields: str | Sequence[str]) -> str:
    """Send a signal by the form, after a look at who may learn what; return the address of its page."""
    await one.open(f"/signals/new?purpose={PURPOSE}")
    await sight.at(one, "new signal")
    await one.fill({"grounds": "exploits-or-recruits", "basis": basis, **fields})
    await one.send("/signals/preview")
    await sight.at(one, "preview of a signal")
    await one.send("/signals/new")
    assert "/signals/" in one.page.url, await one.text()
    await sight.at(one, "signal")
    return one.page.url.removeprefix(one.origin).partition("?")[0]


async def hit(one: Person, case: str) -> str:
    """Wait until a hit on a case of one's own is there; open its page, and return its address."""
    row = one.page.locator("main .rows > li", has_text=case).first
    await one.come("/hits", case)
    link = row.locator('a[href^="/hits/"]').first
    path = await link.get_attribute("href")
    assert path is not None
    await one.open(path)
    return path


async def open_contact(one: Person, sight: Sight, path: str, case: str) -> str:
    """Open a hit's contact with a reason, and return what the page then says."""
    await one.open(path)
    await sight.at(one, "hit")
    await one.fill({"reason": "own-case", "case": case})
    await one.send("/opening")
    await sight.at(one, "hit, opened")
    return await one.text()


async def ask_more(one: Person, sight: Sight, path: str, wanted: str) -> None:
    """Ask the other side for more about a hit."""
    await one.open(f"{path}/more")
    await sight.at(one, "asking for more")
    await one.fill({"wanted": wanted, "reason": "own-case"})
    await one.send("/more")


async def answer(one: Person, sight: Sight, path: str, text: str, file: Path) -> None:
    """Decide on a request: give an answer with a file."""
    await sight.at(one, "request to decide")
    await sight.picture(one, "console-request")
    await one.fill({"text": text, "file": [str(file)]})
    await one.send(f"{path}/grant")


async def read_answer(one: Person, sight: Sight, path: str) -> str:
    """Read the answer to a request of one's own, as soon as it is given; return what the page says."""
    await one.come(path, f'action="{path}/answer"')
    await one.send(f"{path}/answer")
    await sight.at(one, "answer")
    return await one.text()


async def request(one: Person, which: str) -> str:
    """Wait until a request is on a list (``decide``, ``mine``), and open the newest; return its address."""
    row = one.page.locator('main .rows > li a[href^="/requests/"]').first
    await one.come(f"/requests/list/{which}", _REQUEST)
    path = await row.get_attribute("href")
    assert path is not None
    await one.open(path)
    return path


async def read_log(one: Person, sight: Sight, filters: Mapping[str, str]) -> str:
    """Read the log with a reason; return what it shows."""
    await one.open("/logbook")
    await sight.at(one, "logbook")
    await one.fill({"why": "lawfulness-check", **filters})
    await one.send("/logbook/entries")
    await sight.at(one, "entries of the log")
    return await one.text()


async def take_out(one: Person, since: str, until: str) -> bytes:
    """Take entries of a period out as evidence; return the pack."""
    await one.open("/logbook")
    await one.fill({"why": "lawfulness-check", "since": since, "until": until})
    async with one.page.expect_download() as waiting:
        await one.page.locator('button[formaction="/logbook/export"]').click()
    return await saved(waiting)
