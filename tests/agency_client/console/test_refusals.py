# SPDX-License-Identifier: EUPL-1.2
"""Refusals in the reader's language, wherever in the client, the broker or the covenant they were made."""

import ast
import html
import re
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import pytest
from fastapi import Depends, FastAPI, Response

from agency_client.console.issue_words import words_of
from agency_client.console.languages import Languages
from agency_client.console.refusals import FORMED, REFUSALS, detail_said, hint_said
from agency_client.console.screen import Screen
from agency_client.console.visits import House, Visit
from edge.code_words import code_said
from protocol.errors import Code, InputError, Issue, NotFoundError, RefusedError, SluisError
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


def test_what_is_not_known_is_shown_as_it_came_in_english_only() -> None:
    """Another party's sentence is not changed, and what looks like a place in a text is none; Dutch says its code."""
    hostile = '<b onclick="x">%(who)s 100%</b>'
    error = InputError(Code.MALFORMED, hostile, hint=hostile, issues=[Issue("<i>", "odd", hostile)])
    assert (detail_said(error, ENGLISH), hint_said(error, ENGLISH)) == (hostile, hostile)
    assert detail_said(error, DUTCH) == "Iets in wat is opgegeven, kan niet worden gelezen of gebruikt."
    assert hint_said(error, DUTCH) == ""
    assert words_of(error.issues[0], ENGLISH) == hostile
    assert words_of(error.issues[0], DUTCH) == "Dit kan zo niet worden gebruikt (odd)."


def test_every_guard_of_every_covenant_has_its_dutch() -> None:
    """The rules that stand in each covenant refuse in the reader's language."""
    guards = (ROOT / "policies" / "base" / "00-guards.cedar").read_text(encoding="utf-8")
    says = re.findall(r'@says\("(.*)"\)', guards)
    assert len(says) > 20
    assert set(says) <= set(REFUSALS)


def test_a_rule_of_the_board_is_named() -> None:
    """What a covenant added of its own is English, so that a Dutch page names the rule that stands in the covenant."""
    issue = Issue("record", "board.no-minors", "No signals about children under twelve.")
    assert words_of(issue, ENGLISH) == issue.message
    assert words_of(issue, DUTCH) == "Een regel van het convenant staat dit niet toe: board.no-minors."


ENGLISH_DETAIL: Final = "The frobnicator of table 12 said something odd."
ENGLISH_HINT: Final = "Ask the frobnicator."


def _add_failing(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit())]

    @app.get("/failing", include_in_schema=False)
    async def failing(visit: enter) -> Response:
        code = Code(visit.request.query_params["code"])
        raise SluisError(code, ENGLISH_DETAIL, hint=ENGLISH_HINT, issues=[Issue("record", "odd.rule", ENGLISH_DETAIL)])


FAILING: Final = Screen("today", "Today", frozenset({"coordinator"}), _add_failing)


async def test_no_error_is_english_on_a_dutch_page(tmp_path: Path, world: World) -> None:
    """Each code's page has its Dutch sentence, and nothing of the error's own words; the English page has those."""
    async with console_of(tmp_path / "failing", world, screens=(FAILING,)) as found:
        for code in Code:
            dutch = await found.get(f"/failing?code={code}", lang="nl")
            assert dutch.status_code >= HTTPStatus.BAD_REQUEST
            text = html.unescape(dutch.text)
            assert code_said(code, "nl") in text
            assert "frobnicator" not in text
            assert f"noem dan deze code: {code}" in text
        english = (await found.get(f"/failing?code={Code.CONFLICT}")).text
        assert ENGLISH_DETAIL in english
        assert ENGLISH_HINT in english


async def test_why_all_has_stopped_is_dutch_on_a_dutch_page(console: Console) -> None:
    """Each screen says why nothing is sent any more, in the reader's language."""
    console.running.note(stopped=ENGLISH_DETAIL, stopped_code="log_rolled_back")
    dutch = (await console.get("/signals", lang="nl")).text
    assert "Het logboek ging terug" in dutch
    assert "frobnicator" not in dutch
    assert ENGLISH_DETAIL in (await console.get("/signals")).text


async def test_what_does_not_hold_is_dutch_on_a_dutch_page(console: Console) -> None:
    """The privacy officer reads what was found in the reader's language, with its code."""
    console.client.vault.evidence.report(Code.ENTRY_WITHHELD, "answer search", ENGLISH_DETAIL, console.running.clock())
    dutch = (await console.get("/logbook", role="privacy-officer", lang="nl")).text
    assert "is achtergehouden" in dutch
    assert "entry_withheld" in dutch
    assert "frobnicator" not in dutch
    assert ENGLISH_DETAIL in (await console.get("/logbook", role="privacy-officer")).text


async def test_a_person_that_cannot_be_used_is_explained_in_dutch(console: Console) -> None:
    """Who answers a citizen reads beside which field what is wrong with it."""
    wrong = {"case": "A-1", "reason": "Verzoek om inzage", "received": "2026-11-01", "bsn": "123456789"}
    page = await console.post("/logbook/requests/new", wrong, role="privacy-officer", lang="nl")
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    text = html.unescape(page.text)
    assert "Wat naar iemand wijst, ontbreekt of is niet goed geschreven." in text
    assert "BSN: De controlecijfers kloppen niet" in text
    assert "subject." not in text


_OWN_WORDS: Final = {"detail", "hint", "message", "says"}
_MAY: Final = {"error_words.py", "refusals.py", "issue_words.py", "covenant_views.py"}
"""``covenant_views.py`` shows the covenant itself, with its language."""
_TRANSLATORS: Final = {"trouble_words", "rule_words", "Issue"}


def test_nobody_shows_an_error_s_own_words() -> None:
    """Only the modules that translate them read the words of an error, and no template writes them out by itself."""
    console = ROOT / "agency_client" / "console"
    found = []
    for module in console.glob("*.py"):
        if module.name in _MAY:
            continue
        nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
        calls = [one for one in nodes if isinstance(one, ast.Call) and getattr(one.func, "id", "") in _TRANSLATORS]
        handed = {arg for call in calls for arg in call.args}
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr in _OWN_WORDS and node not in handed:
                found.append(f"{module.name}:{node.lineno} .{node.attr}")
    assert not found
    written = re.compile(r"\{\{ *\w+(\.\w+)*\.(detail|hint|message|stopped) *\}\}")
    for template in (console / "templates").glob("*.html"):
        assert not written.search(template.read_text(encoding="utf-8")), template.name


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
    sources = [ROOT / "agency_client" / name for name in ("requesting.py", "deciding.py", "disclosure_desk.py")]
    for node in chain.from_iterable(ast.walk(ast.parse(source.read_text(encoding="utf-8"))) for source in sources):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("RefusedError", "InputError"):
            detail = node.args[1]
            if isinstance(detail, ast.Constant):
                assert detail.value in REFUSALS, detail.value
