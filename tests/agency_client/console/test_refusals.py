# SPDX-License-Identifier: EUPL-1.2
"""Refusals in the reader's language, wherever in the client, the broker or the covenant they were made."""

import ast
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import pytest

from agency_client.console.languages import Languages
from agency_client.console.refusals import FORMED, REFUSALS, detail_said, hint_said
from protocol.errors import Code, InputError, Issue, NotFoundError, RefusedError
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import World

ROOT = Path(__file__).parents[3]
LANGUAGES = Languages("Europe/Amsterdam")
DUTCH, ENGLISH = LANGUAGES.of("nl"), LANGUAGES.of("en")


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console."""
    async with console_of(tmp_path / "home", world) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/hits/{uuid4()}", "Deze treffer is er niet."),
        ("/hits/nonsense", "Deze treffer is er niet."),
        (f"/requests/{uuid4()}", "Dit verzoek is er niet."),
        (f"/signals/{uuid4()}", "Dit signaal is hier niet."),
        ("/signals/nonsense", "Dit signaal is er niet."),
    ],
)
async def test_a_refusal_is_dutch_on_a_dutch_page(console: Console, path: str, said: str) -> None:
    """What is not there is said in the reader's language, without a command of a terminal to type."""
    page = await console.get(path, lang="nl")
    assert page.status_code == HTTPStatus.NOT_FOUND
    assert said in page.text
    assert "There is no such" not in page.text
    assert "sluis agency" not in page.text
    assert "There is no such" in (await console.get(path)).text


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("For this purpose two persons decide what is given, and none has approved it yet.", "beslissen twee personen"),
        ("The other agency has no disclosure key in the covenant, so nothing can be sealed to it.", "geen sleutel"),
        ("No rule of the covenant allows this.", "Geen regel van het convenant staat dit toe."),
        ("A signal can be extended at most 2 times under this purpose.", "hooguit 2 keer worden verlengd"),
        ("A signal is extended to a later day, at most 90 days from now.", "hooguit 90 dagen vanaf nu"),
        ("The period has more than 50,000 entries, which is more than one pack holds.", "meer dan 50.000 regels"),
    ],
)
def test_common_refusals_have_their_dutch(detail: str, said: str) -> None:
    """Whole sentences, and those with numbers in them."""
    error = RefusedError(Code.POLICY_REFUSED, detail)
    assert said in detail_said(error, DUTCH)
    assert detail_said(error, ENGLISH) == detail


def test_what_is_not_known_is_shown_as_it_came() -> None:
    """Another party's sentence is not changed, and what looks like a place in a text is none."""
    hostile = '<b onclick="x">%(who)s 100%</b>'
    error = InputError(Code.MALFORMED, hostile, hint=hostile, issues=[Issue("<i>", "odd", hostile)])
    assert detail_said(error, DUTCH) == hostile
    assert hint_said(error, DUTCH) == hostile


def test_a_hint_for_a_terminal_is_left_out() -> None:
    """Who sits at a screen is not told which command to type."""
    shown = RefusedError(Code.CONFLICT, "x", hint="You are told when it may be shown again.")
    typed = NotFoundError(Code.NOT_FOUND, "x", hint="See `sluis agency requests`.")
    bare = NotFoundError(Code.NOT_FOUND, "x", hint="sluis agency inbox lists them.")
    assert hint_said(shown, DUTCH) == "U hoort het als het weer getoond mag worden."
    assert [hint_said(one, DUTCH) for one in (typed, bare)] == ["", ""]


def _said() -> Iterator[str]:
    for package in ("agency_client", "broker", "edge", "protocol"):
        for module in (ROOT / package).rglob("*.py"):
            if module.name == "refusals.py":
                continue
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                elif isinstance(node, ast.JoinedStr):
                    yield "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)


def test_nothing_is_translated_that_nobody_says_any_more() -> None:
    """Each sentence stands word for word where it is made: else its Dutch would silently be lost."""
    said = frozenset(_said())
    guards = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "policies").rglob("*.cedar"))
    assert not [text for text in REFUSALS if text not in said and f'@says("{text}")' not in guards]
    places = ("%(times)s", "%(days)s", "%(entries)s")
    for text in FORMED:
        bare = text
        for place in places:
            bare = bare.replace(place, "{}")
        assert bare in said, text


def test_what_somebody_who_decides_is_refused_with_is_known() -> None:
    """Every refusal of asking and deciding that a page may show has its Dutch."""
    source = ast.parse((ROOT / "agency_client" / "disclosing.py").read_text(encoding="utf-8"))
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("RefusedError", "InputError"):
            detail = node.args[1]
            if isinstance(detail, ast.Constant):
                assert detail.value in REFUSALS, detail.value
