# SPDX-License-Identifier: EUPL-1.2
"""My signals: finding, seeing and making them, in words, without anything of a person in an address or on the disk."""

import ast
import html
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agency_client.changing import Changing
from agency_client.console.issue_words import REASONS_SAID, field_of
from agency_client.console.signals import PAGE, SIGNALS
from agency_client.vault.tables import SettingRow
from protocol import birthdates, handles, identifiers, names
from protocol.ids import PartyId
from protocol.messages import Refusal
from tests.fakes.agency import clock, make_client, new_signal
from tests.fakes.change_desk import ChangeDesk
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import NOW, World

FILLED = {
    "purpose": "offender-prevention",
    "grounds": ["exploits-or-recruits"],
    "basis": "legal-duty",
    "urgency": "normal",
    "informed": "not-required",
    "case_reference": "2026-0481",
    "given_names": "Willem",
    "surname": "van den Berg",
    "birth_date": "31-01-2004",
    "phones": "06-12345678",
}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
PERSONAL = ("0481", "Willem", "willem", "berg", "12345678")


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with the screen of signals."""
    async with console_of(tmp_path / "home", world, screens=(SIGNALS,)) as found:
        yield found


def hidden(page: str, action: str) -> dict[str, str | list[str]]:
    """Return what a form on the page sends, as a browser would."""
    form = page.split(f'action="{action}"')[1].split("</form>")[0]
    found: dict[str, str | list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form):
        before = found.get(name)
        text = html.unescape(value)
        found[name] = text if before is None else [*([before] if isinstance(before, str) else before), text]
    return found


def links(page: str) -> list[str]:
    """Return the addresses of the signals on a page."""
    return re.findall(r'href="(/signals/[0-9a-f-]{36})"', page)


async def made(console: Console, **other: str) -> str:
    """Make a signal through the whole form and return its address."""
    preview = await console.post("/signals/preview", {**FILLED, **other})
    assert preview.status_code == HTTPStatus.OK, preview.text
    sent = await console.post("/signals/new", hidden(preview.text, "/signals/new"))
    assert sent.status_code == HTTPStatus.OK, sent.text
    return sent.url.path


async def test_a_signal_by_form_is_shown_before_it_is_sent(console: Console) -> None:
    """Who may learn what and until when is shown first; nothing is in the vault until it is confirmed."""
    page = await console.post("/signals/preview", FILLED)
    assert "Openbaar Ministerie Oost" in page.text
    assert "on a hit: which agency, whom to call, and the facts" in page.text
    assert not console.client.vault.pending.count()
    before = console.running.outbox.next()
    path = await made(console)
    assert console.client.vault.pending.count() == 1
    assert before.is_set()
    assert await console.client.send() is None
    shown = (await console.get(path, lang="nl")).text
    for text in ("Dossier 2026-0481", "Willem van den Berg, 31 januari 2004", "+31612345678", "wordt vergeleken"):
        assert text in shown
    assert "in het logboek, regel" in shown
    assert "bevestigd door 2 van 3" in shown


async def test_the_preview_speaks_dutch(console: Console) -> None:
    """The sentences are there in both languages."""
    page = (await console.post("/signals/preview", FILLED, lang="nl")).text
    assert "bij een treffer: welke organisatie, wie te bellen, en de feiten" in page
    assert "Verstuur dit signaal" in page


async def test_what_is_wrong_stands_beside_its_field(console: Console) -> None:
    """Each field has its own message, tied to it for who does not see the page; and what was typed is still there."""
    wrong = {**FILLED, "case_reference": "", "bsn": "123456789", "phones": "0612", "grounds": "nonsense"}
    page = await console.post("/signals/preview", wrong, lang="nl")
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    for name, said in {
        "case_reference": "Vul dit in.",
        "bsn": "De controlecijfers kloppen niet",
        "phones": "Dit is geen bestaand telefoonnummer",
        "grounds": "Kies ten minste een van deze redenen.",
    }.items():
        assert re.search(rf'id="{name}-error">{said}', page.text), name
        assert re.search(rf'aria-describedby="[^"]*{name}-error"', page.text), name
    assert 'value="123456789"' in page.text
    assert "4 dingen moeten nog worden aangepast" in page.text


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("handle1_platform", "friendster", "Choose one of the platforms."),
        ("handle1_name", "somebody", "Fill this in."),
        ("document1_kind", "<b>", "Fill this in."),
        ("review_on", "soon", "Write the date as 31-01-2004"),
        ("associate1.phones", "1", "This is no existing phone number"),
        ("birth_date", "31-02-2004", "There is no such day."),
    ],
)
async def test_no_field_can_break_the_form(console: Console, field: str, text: str, said: str) -> None:
    """Whatever is sent comes back as a message, never as an error of ours."""
    wrong = {**FILLED, field: text} | ({"handle1_name": "x.y"} if field == "handle1_platform" else {})
    page = await console.post("/signals/preview", wrong)
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert said in html.unescape(page.text)


async def test_nothing_that_points_at_nobody_is_sent(console: Console) -> None:
    """A record without a person says so in words."""
    bare = {name: text for name, text in FILLED.items() if name not in ("given_names", "surname", "phones")}
    assert "Nothing here points at a person." in (await console.post("/signals/preview", bare)).text


async def test_a_live_check_tells_only_of_what_was_filled_in(console: Console) -> None:
    """While somebody types, what is missing is not wrong yet; each message replaces the one in its place."""
    fragment = (await console.post("/signals/check", {"purpose": "offender-prevention", "bsn": "12"})).text
    assert re.search(r'id="bsn-error" hx-swap-oob="true">This number has too few', fragment)
    assert re.search(r'id="phones-error" hx-swap-oob="true"></div>', fragment)
    assert "<html" not in fragment


async def test_the_same_record_is_not_signalled_twice(console: Console) -> None:
    """A record number that has a signal already leads to correcting that one."""
    await made(console, reference="R-7")
    page = await console.post("/signals/preview", {**FILLED, "reference": "R-7"})
    assert "correct that one" in page.text


async def test_a_correction_takes_the_place_of_the_signal(console: Console) -> None:
    """What was typed is there to correct; the new signal supersedes the old one and keeps its record."""
    path = await made(console)
    await console.client.send()
    form = (await console.get(f"{path}/correct")).text
    assert 'value="van den Berg"' in form
    page = await console.post(
        "/signals/preview", {**FILLED, "phones": "06-87654321", "correcting": path.rpartition("/")[2]}
    )
    sent = await console.post("/signals/new", hidden(page.text, "/signals/new"))
    assert sent.url.path != path
    await console.client.send()
    old = (await console.get(path)).text
    assert "A corrected signal took this one" in old
    assert sent.url.path in old
    assert "+31687654321" in (await console.get(sent.url.path)).text


async def test_what_came_from_a_system_is_corrected_there(console: Console) -> None:
    """A signal that was not typed here has no form to correct it."""
    console.client.add(("R-1", [("phone", "+31612345678")]))
    await console.client.send()
    (path,) = links((await console.get("/signals")).text)
    assert "Correct it there" in (await console.get(path)).text
    assert (await console.get(f"{path}/correct")).status_code == HTTPStatus.NOT_FOUND


async def test_a_signal_is_withdrawn_with_a_reason(console: Console) -> None:
    """Without a reason nothing happens; with one the log proves it, under the person's opaque reference."""
    path = await made(console)
    await console.client.send()
    assert "Choose one of these." in (await console.post(f"{path}/withdraw")).text
    page = (await console.post(f"{path}/withdraw", {"reason": "mistake"}, lang="nl")).text
    assert "Het signaal is ingetrokken" in page
    assert "Signaal ingetrokken" in page
    entries = [entry.opening.record for entry in console.running.session.vault.proofs.about([path[9:]], 9)]
    person = console.running.session.person("anna")
    assert person in {entry.get("person") for entry in entries}


async def test_without_a_connection_the_withdrawal_waits(console: Console, world: World) -> None:
    """The act is kept, and the screen says that it will be sent."""
    path = await made(console)
    await console.client.send()
    world.broker.down = True
    page = (await console.post(f"{path}/withdraw", {"reason": "ended"})).text
    assert "is sent as soon as the connection is back" in page
    assert console.client.vault.outbox.count_open() == 1
    world.broker.down = False
    assert await console.client.send() is None
    assert console.client.vault.outbox.count_open() == 0


@pytest.fixture
def changing(console: Console, world: World) -> None:
    """Give the console's client the desk where signals are changed, and a broker that takes that."""
    client, party = console.client, PartyId("police-oost")
    client.post._broker = ChangeDesk(world.broker, party)
    desk = Changing(client.vault, client.post, client.acts, world.kit.covenant, clock)
    console.running.online.changing = desk  # type: ignore[misc]


@pytest.mark.usefixtures("changing")
async def test_a_restricted_signal_is_kept_until_that_is_lifted(console: Console) -> None:
    """It says so on its page and in the list, and only then it can be lifted."""
    path = await made(console)
    await console.client.send()
    assert "Choose one of these." in (await console.post(f"{path}/restrict")).text
    page = (await console.post(f"{path}/restrict", {"restriction": "contested"}, lang="nl")).text
    assert "wordt bewaard, en met niemand vergeleken" in page
    assert "Beperking opheffen" in page
    assert "beperkt</span>" in (await console.get("/signals", lang="nl")).text
    again = await console.post(f"{path}/restrict", {"restriction": "contested"})
    assert again.status_code == HTTPStatus.CONFLICT
    lifted = (await console.post(f"{path}/lift")).text
    assert "The restriction was lifted" in lifted
    assert "Restriction lifted" in lifted


@pytest.mark.usefixtures("changing")
async def test_a_signal_is_extended_for_a_reason_and_not_for_ever(console: Console) -> None:
    """Why it is still needed is asked, and stands in the log; after the last time the button is gone."""
    console.client.add(("R-1", [("phone", "+31612345678")]))
    await console.client.send()
    (path,) = links((await console.get("/signals")).text)
    assert "Say in a sentence why" in (await console.post(f"{path}/extend", {"why": " "})).text
    page = (await console.post(f"{path}/extend", {"why": "De zorg is er nog."}, lang="nl")).text
    assert "Het signaal is verlengd." in page
    assert "21 november 2027" in page
    again = await console.post(f"{path}/extend", {"why": "Nog eens."})
    assert again.status_code == HTTPStatus.CONFLICT


@pytest.mark.usefixtures("changing")
async def test_who_was_told_of_a_change_and_answered_is_shown(console: Console, world: World, tmp_path: Path) -> None:
    """An agency that knew of the signal stands beside the change until it says that it carried it out."""
    path = await made(console)
    other = make_client(tmp_path / "care", world, "care-linde")
    other.add(("C-1", [("phone", "+31612345678")]))
    assert await console.client.send() is None
    assert await other.send() is None
    await console.client.reading.read()
    assert "Jeugdzorg De Linde knows the same person." in (await console.get(path)).text
    page = (await console.post(f"{path}/restrict", {"restriction": "checking"}, lang="nl")).text
    assert "Jeugdzorg De Linde heeft het gehoord en nog niet geantwoord" in page
    other.vault.close()


# --- Finding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sought",
    [
        {"reference": " 2026-0481 "},
        {"phones": "+31 6 1234 5678"},
        {"given_names": "willem", "surname": "Berg, van den", "birth_date": "2004-01-31"},
        {"given_names": "Wilem", "surname": "van den Bergh", "birth_date": "31-1-2004"},
    ],
)
async def test_a_signal_is_found_by_case_or_person(console: Console, sought: dict[str, str]) -> None:
    """As matching forgives how something is written, so does a search."""
    path = await made(console)
    console.client.add(("R-1", [("phone", "+31699999999")]))
    page = await console.post("/signals/find", sought)
    assert links(page.text) == [path]
    assert page.url.query == b""


async def test_who_is_not_there_is_not_found(console: Console) -> None:
    """Another person, a part of a number, and nothing at all find nothing, and say so."""
    await made(console)
    for sought, said in (
        ({"given_names": "Jan", "surname": "Jansen", "birth_date": "31-01-2004"}, "None of your signals has this."),
        ({"reference": "2026"}, "None of your signals has this."),
        ({"surname": "van den Berg"}, "Give a name with a birth date"),
        ({}, "Fill in what you look for."),
    ):
        page = await console.post("/signals/find", sought)
        assert links(page.text) == []
        assert said in page.text


async def test_nothing_sought_or_typed_stands_in_a_log_line_or_on_the_disk(console: Console, tmp_path: Path) -> None:
    """Neither an address, nor a log line, nor a byte of the vault has anything of a person or case."""
    with capture_logs() as lines:
        path = await made(console)
        await console.post("/signals/find", {"reference": "2026-0481"})
        await console.post("/signals/find", {"given_names": "Willem", "surname": "Berg", "birth_date": "31-01-2004"})
        await console.get(path)
    assert not [text for text in PERSONAL if any(text in str(line) for line in lines)]
    disk = b"".join(one.read_bytes() for one in (tmp_path / "home").iterdir() if one.is_file())
    assert not [text for text in PERSONAL if text.encode() in disk]
    assert len(disk) > 10_000


async def test_an_older_vault_is_made_findable_once(console: Console) -> None:
    """Signals that came before there were searches are found as well; a probe never is."""
    vault = console.client.vault
    signal = new_signal("R-1", [("phone", "+31612345678")])
    bare = type(signal)(signal.id, signal.purpose, signal.reference, signal.draft, signal.expires_at)
    vault.signals.add([bare], NOW)
    with vault._database.writing() as session:
        session.delete(session.get_one(SettingRow, "search-terms"))
    page = await console.post("/signals/find", {"phones": "0612345678"})
    assert links(page.text) == [f"/signals/{signal.id}"]
    with vault._database.reading() as session:
        assert session.get(SettingRow, "search-terms") is not None


async def test_what_is_erased_is_not_found_any_more(console: Console) -> None:
    """Retention takes the terms and what was typed along; the page says that nothing is kept."""
    path = await made(console)
    await console.client.send()
    await console.post(f"{path}/withdraw", {"reason": "mistake"})
    vault = console.client.vault
    vault.retention.note_ended(NOW)
    vault.retention.erase([path[9:]], NOW)
    assert links((await console.post("/signals/find", {"reference": "2026-0481"})).text) == []
    page = (await console.get(path)).text
    assert "nothing is kept any more" in page
    assert "Willem" not in page
    with vault._database.reading() as session:
        assert session.connection().exec_driver_sql("select count(*) from typed_record").scalar() == 0
        assert session.connection().exec_driver_sql("select count(*) from search_term").scalar() == 0


# --- The list ---------------------------------------------------------------------------------------------------------


async def test_the_list_is_paged_and_filtered(console: Console) -> None:
    """The newest come first, a page at a time; nothing is on two pages; states are counted and chosen."""
    console.client.add(*[(f"R-{n:03}", [("phone", f"+316{n:08}")]) for n in range(PAGE + 3)])
    first = (await console.get("/signals")).text
    assert len(links(first)) == PAGE
    assert "case of R-027" in first
    older = re.search(r'href="(/signals\?before=\d+)" rel="next"', first)
    assert older is not None
    second = (await console.get(older[1])).text
    assert len(links(second)) == 3
    assert not set(links(first)) & set(links(second))
    await console.client.send()
    assert len(links((await console.get("/signals?show=live")).text)) == PAGE
    assert "There are none here." in (await console.get("/signals?show=refused")).text
    assert (await console.get("/signals?show=nonsense&before=x&purpose=<b>")).status_code == HTTPStatus.OK


async def test_an_empty_list_says_how_signals_come(console: Console) -> None:
    """Nothing is there yet, and the page says what to do."""
    assert "Uw organisatie heeft nog geen signalen." in (await console.get("/signals", lang="nl")).text


# --- For whom, and what never ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "sees", "makes"),
    [
        ("coordinator", True, True),
        ("supervisor", True, False),
        ("privacy-officer", True, False),
        ("operator", False, False),
    ],
)
async def test_who_may_what(console: Console, role: str, sees: bool, makes: bool) -> None:
    """Coordinators make signals; supervisors and privacy officers look; an operator sees nothing of people."""
    path = await made(console)
    allowed = {True: HTTPStatus.OK, False: HTTPStatus.FORBIDDEN}
    for address in ("/signals", path):
        assert (await console.get(address, role=role)).status_code == allowed[sees]
    assert (await console.get("/signals/new", role=role)).status_code == allowed[makes]
    for address in ("/signals/preview", "/signals/new", "/signals/check"):
        assert (await console.post(address, FILLED, role=role)).status_code == allowed[makes]
    acted = await console.post(f"{path}/withdraw", {"reason": "mistake"}, role=role)
    assert acted.status_code == allowed[makes]
    assert ("Withdraw</summary>" in (await console.get(path, role="coordinator")).text) is not makes


async def test_hostile_text_is_shown_as_text(console: Console) -> None:
    """Every field of the form, and every page that repeats it, shows markup as text."""
    fields = dict.fromkeys(("case_reference", "reference", "content.danger", "content.note"), HOSTILE)
    fields |= {f"contact.{name}": HOSTILE for name in ("unit", "name", "function", "phone", "email", "when")}
    pages = [await console.post("/signals/preview", {**FILLED, **fields, "surname": HOSTILE})]
    path = await made(console, **fields)
    pages += [await console.get(path), await console.get("/signals"), await console.get(f"{path}/correct")]
    pages += [await console.post("/signals/find", {"reference": HOSTILE, "surname": HOSTILE})]
    pages += [await console.post("/signals/check", {**FILLED, "bsn": HOSTILE})]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
    assert "&lt;script&gt;alert(1)" in pages[1].text


@pytest.mark.parametrize(
    ("rule", "said", "english"),
    [
        (
            "guard.not-a-sender",
            "Uw soort organisatie geeft voor dit doel geen signalen af.",
            "This kind of agency does",
        ),
        ("rule.of-tomorrow", "Dit is niet toegestaan.", "This is not allowed."),
    ],
)
async def test_why_a_signal_was_refused_is_said_in_words(
    console: Console, world: World, rule: str, said: str, english: str
) -> None:
    """By the rule's sentence, or by the code when the covenant of today has no such rule; never the code itself."""
    path = await made(console)
    world.broker.refuse = Refusal(code="policy_refused", rule=rule, detail="No.")
    await console.client.send()
    dutch = (await console.get(path, lang="nl")).text
    assert f"niemand heeft ervan gehoord: {said}" in dutch
    assert "policy_refused" not in dutch
    assert english in (await console.get(path)).text


async def test_no_pseudonym_or_hash_stands_on_a_page(console: Console) -> None:
    """What people read are words: no long hexadecimal or base64 text."""
    path = await made(console)
    await console.client.send()
    for address in ("/signals", path, "/signals/new?purpose=offender-prevention"):
        text = re.sub(r"<[^>]*>", " ", (await console.get(address)).text)
        assert not re.findall(r"\b[0-9a-f]{16,}\b|\b[A-Za-z0-9_-]{30,}\b", text)


@pytest.mark.parametrize("address", ["/signals/not-a-uuid", "/signals/01a1ffb1-ba00-7106-8ec5-292171ead04f"])
async def test_a_signal_that_is_not_there_is_no_error_of_ours(console: Console, address: str) -> None:
    """An address that leads to nothing says so."""
    assert (await console.get(address)).status_code == HTTPStatus.NOT_FOUND


def test_every_reason_of_a_check_has_words() -> None:
    """Each reason for which a value cannot be used is explained in both languages, not in the code's own English."""
    reasons = set()
    for module in (identifiers, handles, names, birthdates):
        assert module.__file__ is not None
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UnusableError":
                assert isinstance(node.args[0], ast.Constant)
                reasons.add(node.args[0].value)
    assert len(reasons) > 20
    assert reasons <= set(REASONS_SAID)


@pytest.mark.parametrize(
    ("location", "field"),
    [
        ("subject.phones[0]", "phones"),
        ("associates[1].birth_date", "associate2.birth_date"),
        ("record", "whole"),
        ("review_on", "review_on"),
        ("content.danger", "content.danger"),
    ],
)
def test_an_issue_finds_its_field(location: str, field: str) -> None:
    """The place that a check names is the field that people see."""
    assert field_of(location) == field
