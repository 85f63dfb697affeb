# SPDX-License-Identifier: EUPL-1.2
"""What the commands print for people: the opened contact, what became of a push, and what waits."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agency_client.acts import Opened
from agency_client.intake import Taken
from agency_client.post import Tally
from agency_client.showing import show_opened, show_taken, show_tally, show_waiting
from agency_client.vault.adding import Added
from agency_client.wording import words_of
from protocol.errors import Code, UnavailableError
from protocol.messages import PartName
from tests.fakes.agency import make_client
from tests.fakes.kept_hits import hit
from tests.fakes.small_world import NOW, World


def _console(width: int = 200) -> tuple[Console, StringIO]:
    written = StringIO()
    return Console(file=written, width=width), written


def _opened(world: World, parts: Mapping[PartName, Mapping[str, str]]) -> str:
    out, written = _console()
    kept = hit("hit", "phone")
    show_opened(out, Opened(kept, parts), words_of(kept, "D-17", world.kit.covenant, NOW))
    return written.getvalue()


def _in_order(text: str, *wanted: str) -> bool:
    places = [text.find(one) for one in wanted]
    return -1 not in places and places == sorted(places)


CARD = {
    "fax": "none",
    "reference": "OOST-26-1187",
    "when": "altijd",
    "email": "team@politie.example",
    "phone": "088 000 00 00",
    "function": "rechercheur",
    "unit": "Team Mensenhandel Oost",
}


def test_a_contact_is_in_the_order_of_need(world: World) -> None:
    """Unit, function, phone, e-mail, when and their reference come in this order with plain labels, then the rest."""
    text = _opened(world, {"contact": CARD})
    labels = ["Organisation or unit", "Function", "Phone", "E-mail", "When to call", "Their reference", "Fax"]
    assert _in_order(text, "Call", *labels)
    assert _in_order(text, "Team Mensenhandel Oost", "rechercheur", "088 000 00 00", "team@", "altijd", "OOST", "none")
    assert "unit " not in text.replace("or unit ", "")
    assert "safety" not in text


@pytest.mark.parametrize("field", ["danger", "danger_flags", "gevaar", "veiligheid"])
def test_danger_comes_first_and_apart(world: World, field: str) -> None:
    """Danger and how to make contact stand in a panel of their own, before whom to call; facts come last."""
    content = {"note": "Halen en brengen.", "contact-preference": "Niet thuis bellen", field: "Partner betrokken"}
    text = _opened(world, {"contact": CARD, "content": content})
    assert _in_order(text, "Mind the safety", "Partner betrokken", "Niet thuis bellen", "Call", "088", "What they say")
    assert text.count("Partner betrokken") == 1
    assert _in_order(text, "What they say", "Note", "Halen en brengen.")


def test_no_danger_makes_no_panel(world: World) -> None:
    """Without such a field there is no panel: its absence is not said, for the other agency may not know."""
    text = _opened(world, {"content": {"indicator-codes": "M1"}})
    assert "Mind the safety" not in text
    assert "Indicator codes" in text


def test_the_other_agency_writes_plain_text(world: World) -> None:
    """Markup and control characters in labels and values are shown, not obeyed."""
    text = _opened(world, {"contact": {"phone": "[bold]088\x1b[31m", "[red]x": "1"}})
    assert "[bold]088?[31m" in text
    assert "[red]x" in text


def test_what_became_of_one_is_singular() -> None:
    """One row and one signal are singular, two are plural."""
    out, written = _console()
    show_taken(out, "a.csv", Taken(rows=1, quarantined=1, added=Added(new=1)), "q.csv")
    show_tally(out, Tally(accepted=1))
    show_taken(out, "b.csv", Taken(rows=2, added=Added(new=2)), "q.csv")
    show_tally(out, Tally(accepted=2))
    assert written.getvalue().splitlines() == [
        "a.csv: 1 row; 1 new.",
        "  1 row not sent, 0 sent without some values: reasons in q.csv",
        "1 signal stands, proven in the log.",
        "b.csv: 2 rows; 2 new.",
        "2 signals stand, proven in the log.",
    ]


async def test_what_waits_says_why_and_what_sends_it(tmp_path: Path, world: World) -> None:
    """With one of three key-holders left, one line says how many signals wait, why, and what sends them."""
    for holder in world.holders[1:]:
        holder.down = True
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", [("bsn", "123456782")]))
    obstacle = await client.send()
    assert obstacle is not None
    out, written = _console(width=100)
    show_waiting(out, client.vault.pending.count(), obstacle)
    show_waiting(out, 2, UnavailableError(Code.UNAVAILABLE, "The service cannot be reached."))
    show_waiting(out, 0, obstacle)
    assert written.getvalue().splitlines() == [
        "1 signal waits in the outbox: two of three key-holders are needed and only one answers (not "
        f"{world.holders[1].party}, {world.holders[2].party}). It is sent by `sluis agency send` or the next push.",
        "2 signals wait in the outbox: the service cannot be reached. They are sent by `sluis agency send` or the next "
        "push.",
    ]
