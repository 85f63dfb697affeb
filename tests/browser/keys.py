# SPDX-License-Identifier: EUPL-1.2
"""Somebody who has a keyboard only: Tab comes to everything, where it is can be seen, and Enter or Space does it.

Not here: what is done that way (``test_keys.py``).
"""

from typing import Final

from tests.fakes.browsing import Person

STOPS: Final = 150
"""More than any page has: who has not come somewhere by then never will."""
_FIELDS: Final = frozenset({"INPUT", "SELECT", "TEXTAREA"})
FOCUS: Final = """() => { const one = document.activeElement, look = getComputedStyle(one);
  return [one.tagName, one.getAttribute("href") ?? one.getAttribute("name") ?? "", one.textContent.trim().slice(0, 60),
    look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2]; }"""

CHOSEN: Final = """() => { const one = document.activeElement;
  return one.tagName === "SELECT" ? one.selectedOptions[0].text : one.checked; }"""


async def tab_to(one: Person, wanted: str) -> None:
    """Press Tab until the focus is on a field of this name, or on something else whose words begin so."""
    for _ in range(STOPS):
        await one.page.keyboard.press("Tab")
        tag, name, text, seen = await one.page.evaluate(FOCUS)
        if wanted == name if tag in _FIELDS else text.startswith(wanted):
            assert seen, f"the focus on {wanted} cannot be seen"
            return
    raise AssertionError(f"Tab never came to {wanted} on {one.page.url}: {await one.text()}")


async def type_into(one: Person, **fields: str) -> None:
    """Go to each field in turn, and type."""
    for name, typed in fields.items():
        await tab_to(one, name)
        await one.page.keyboard.type(typed)


async def choose(one: Person, name: str, words: str = "") -> None:
    """Go to a choice: what begins with these words in a list, and else this box."""
    await tab_to(one, name)
    await (one.page.keyboard.type(words) if words else one.page.keyboard.press("Space"))
    chosen = await one.page.evaluate(CHOSEN)
    assert chosen is True or (words and str(chosen).startswith(words)), f"{name} is at {chosen}"


async def unfold(one: Person, words: str) -> None:
    """Go to what hides something more, and open it."""
    await tab_to(one, words)
    await one.page.keyboard.press("Enter")


async def press(one: Person, words: str) -> None:
    """Go to a button or link, press Enter, and wait for the page that it leads to."""
    await tab_to(one, words)
    async with one.page.expect_navigation(wait_until="load"):
        await one.page.keyboard.press("Enter")
