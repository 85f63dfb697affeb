# SPDX-License-Identifier: EUPL-1.2
"""Ask: who knows this person, in words, with a reason, once; and nothing of it kept or standing in an address."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agency_client.console.ask import ASK
from agency_client.console.signals import SIGNALS
from protocol.errors import Code, RefusedError
from tests.fakes.agency import make_client
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import PURPOSE, World

BSN = "123456782"
ASKED = {"purpose": PURPOSE, "reason": "own-case", "case": "2026-0481", "words": "", "bsn": BSN}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return the police's console; care and prosecution know somebody."""
    for name in ("care-linde", "prosecution-oost"):
        other = make_client(tmp_path / name, world, name)
        other.add((f"{name} 1", [("bsn", BSN)]))
        assert await other.send() is None
        other.vault.close()
    async with console_of(tmp_path / "home", world, screens=(SIGNALS, ASK)) as found:
        yield found


async def form(console: Console, **other: str) -> dict[str, str]:
    """Return a filled-in form, as it was just opened."""
    page = (await console.get(f"/ask?purpose={PURPOSE}")).text
    once = re.search(r'name="once" value="([0-9a-f]+)"', page)
    assert once is not None
    return {**ASKED, "once": once[1], **other}


async def test_an_answer_says_who_knows_whom_to_call_and_who_heard(console: Console) -> None:
    """Each agency in one sentence with its contact, the place in the log, and that it was told."""
    page = (await console.post("/ask", await form(console), lang="nl")).text
    for text in (
        "2 organisaties kennen deze persoon",
        "Jeugdzorg De Linde kent deze persoon.",
        "088 000 00 00",
        "Dat uw organisatie dit vroeg, is te zien voor: Jeugdzorg De Linde en Openbaar Ministerie Oost.",
        "bevestigd door 2 van 3",
    ):
        assert text in page
    assert "Openbaar Ministerie Oost knows this person." in (await console.post("/ask", await form(console))).text


async def test_nothing_of_a_question_is_kept(console: Console, tmp_path: Path) -> None:
    """Neither log line, address nor vault has the person, the case or the answer; the log has the reason."""
    with capture_logs() as lines:
        answer = await console.post("/ask", await form(console))
    assert answer.url.query == b""
    assert answer.headers["cache-control"] == "no-store"
    assert not [text for text in (BSN, "0481") if any(text in str(line) for line in lines)]
    disk = b"".join(one.read_bytes() for one in (tmp_path / "home").iterdir() if one.is_file())
    assert BSN.encode() not in disk
    assert b"0481" not in disk
    assert console.client.vault.hits.all() == []


async def test_a_form_that_is_sent_twice_asks_once(console: Console, world: World) -> None:
    """Loading the answer again is no second question; the page says that it was sent before."""
    sent = await form(console)
    await console.post("/ask", sent)
    asked = [path for path, _ in world.broker.posts].count("/v1/queries")
    again = await console.post("/ask", sent)
    assert "This question was sent before." in again.text
    assert [path for path, _ in world.broker.posts].count("/v1/queries") == asked == 1


async def test_a_stranger_is_known_to_nobody(console: Console) -> None:
    """No answer is told as what it is: nobody that may say so, and nobody heard of it."""
    page = (await console.post("/ask", await form(console, bsn="111222333"), lang="nl")).text
    assert "Niemand die u dat mag laten weten" in page
    assert "Niemand heeft gehoord dat u dit vroeg." in page


@pytest.mark.parametrize(
    ("other", "name", "said"),
    [
        ({"bsn": "12"}, "bsn", "This number has too few or too many characters."),
        ({"case": ""}, "case", "Give your own case"),
        ({"reason": "curious"}, "reason", "Choose a reason."),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    console: Console, world: World, other: dict[str, str], name: str, said: str
) -> None:
    """Nothing is asked before the form is right, and what was typed is still there."""
    page = await console.post("/ask", await form(console, **other))
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert re.search(rf'id="{name}-error">{said}', page.text)
    assert re.search(rf'aria-describedby="[^"]*{name}-error"', page.text)
    assert not world.broker.posts or "/v1/queries" not in {path for path, _ in world.broker.posts}


async def test_nobody_to_compare_is_told(console: Console) -> None:
    """Without anything that points at a person nothing is asked."""
    page = await console.post("/ask", await form(console, bsn="", surname="Jansen"))
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Nothing that you filled in is compared" in page.text


async def test_without_a_connection_it_says_what_may_have_happened(console: Console, world: World) -> None:
    """The broker is away: no answer, and asking again is another question."""
    world.broker.down = True
    page = await console.post("/ask", await form(console), lang="nl")
    assert "Er is geen antwoord" in page.text
    assert "nog een vraag" in page.text


async def test_the_budget_is_shown_and_its_end_told(console: Console, world: World) -> None:
    """Before asking stands what is left; when it is used up nothing is asked."""
    assert "Your agency has 100,000 comparisons a day" in (await console.get(f"/ask?purpose={PURPOSE}")).text
    for holder in world.holders:
        holder.refuses[PURPOSE] = RefusedError(Code.BUDGET_EXHAUSTED, "Used up.")
    page = await console.post("/ask", await form(console), lang="nl")
    assert "het budget van vandaag voor dit doel is op" in page.text


async def test_who_may_not_ask_hears_what_to_do_instead(tmp_path: Path, world: World) -> None:
    """A municipality signals, and does not look people up."""
    async with console_of(tmp_path / "home", world, "municipality-dalen", screens=(SIGNALS, ASK)) as found:
        assert "mag niet vragen zonder te signaleren" in (await found.get("/ask", lang="nl")).text
        assert (await found.post("/ask", ASKED)).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("role", ["supervisor", "privacy-officer", "operator"])
async def test_only_coordinators_ask(console: Console, role: str) -> None:
    """Looking somebody up is a coordinator's act."""
    assert (await console.get("/ask", role=role)).status_code == HTTPStatus.FORBIDDEN
    assert (await console.post("/ask", ASKED, role=role)).status_code == HTTPStatus.FORBIDDEN


async def test_hostile_text_is_shown_as_text(console: Console) -> None:
    """Whatever is typed, it comes back as text."""
    hostile = dict.fromkeys(("case", "words", "surname", "phones", "handle1_name", "document1_kind", "reason"), HOSTILE)
    page = await console.post("/ask", await form(console, **hostile))
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    answer = await console.post("/ask", await form(console, case=HOSTILE))
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<img" not in answer.text
