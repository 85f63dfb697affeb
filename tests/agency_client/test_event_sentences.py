# SPDX-License-Identifier: EUPL-1.2
"""What an entry of the log says to people: all of it in words, in Dutch and in English, and no code of ours."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agency_client.event_sentences import entry_json, headline, lines_of
from agency_client.searching import SeenEntry, SeenPage
from edge.languages import LANGS
from protocol import events as e
from protocol.ids import HitId, KeyKind
from tests.agency_client.test_searching import CARE, POLICE, PURPOSE, SUPERVISOR, inquiry_of, log, reader_of
from tests.fakes.searched_log import SearchedLog
from tests.fakes.small_world import agreed_of

__all__ = ["log"]

HIT = HitId(UUID(int=77))
WHY = e.Words(text="overleg", case_reference="Z-1")


async def test_an_entry_is_told_in_plain_words_in_both_languages(tmp_path: Path, log: SearchedLog) -> None:
    """Who, when, what, why, which rule and law, and how it is proven, in Dutch and English."""
    _, reading, _ = reader_of(tmp_path, log)
    page = await reading.page(inquiry_of(), None, 100)
    rules = agreed_of(log.covenant).engine.rules
    told = {
        lang: {
            entry.event.TAG: dict(lines_of(entry, page.cosigned, log.covenant, rules, {"p-1": "jan"}.get, lang))
            for entry in page.entries
        }
        for lang in LANGS
    }
    english, dutch = told["en"], told["nl"]
    assert english[3]["What"] == "Signal registered (collection)."
    assert dutch[3]["Wat"] == "Signaal geregistreerd (verzamelen)."
    assert english[3]["Proof"].startswith("in the log, confirmed by 2 of 3: ")
    assert dutch[3]["Bewijs"].startswith("in het logboek, bevestigd door 2 van 3: ")
    assert english[9]["About"] == "not for your agency"
    assert english[3]["Shown because"] == "your agency did this"
    assert english[8]["What"].startswith("Notice issued (disclosure). An agency is told that another knows the person")
    own = dict(lines_of(page.entries[2], page.cosigned, log.covenant, rules, {"p-1": "jan"}.get, "en"))
    assert own["Why"] == "I work on this person's case, overleg [bold]x[/], case Z-1"
    assert own["Who"].endswith(", jan")


async def test_every_kind_of_entry_can_be_told(tmp_path: Path, log: SearchedLog) -> None:
    """A row and a document exist for everything that a supervisor finds."""
    _, reading, _ = reader_of(tmp_path, log, SUPERVISOR)
    page = await reading.page(inquiry_of("supervisor"), None, 100)
    for entry in page.entries:
        row = headline(entry, log.covenant, "en")
        assert row[0] == f"{entry.index:,}"
        assert ("→" in row[2]) == (entry.event.act.recipient is not None)
        document = entry_json(entry)
        assert document["index"] == entry.index
        assert document["record"] == entry.opening.record


SAID: list[tuple[type[e.Event], dict[str, Any], str, str]] = [
    (
        e.SignalsMatched,
        {"quality": "probable", "kinds": (KeyKind("phone"),), "agencies": (POLICE, CARE)},
        "Linde: waarschijnlijk.",
        "Linde: probable.",
    ),
    (e.RequestRefused, {"code": "malformed"}, "opgegeven, kan niet worden gelezen of gebruikt.", "read or used."),
    (e.RequestRefused, {"code": "of-tomorrow"}, "waarvoor Sluis nog geen woorden heeft.", "has no words for yet."),
    (
        e.UnusualUse,
        {"reason": "burst", "count": 90, "limit": 60},
        "één uur: 90, de grens is 60.",
        "hour: 90, the limit is 60.",
    ),
    (
        e.StatisticsRead,
        {"about": PURPOSE, "cells": 4},
        "Over Daderschap voorkomen, 4 getallen",
        "About Preventing offending, 4 numbers",
    ),
    (
        e.EventsErased,
        {"ground": "court-order", "indexes": (1,), "entries": 1},
        "Grond: rechterlijk bevel. 1 regel.",
        "Ground: court order. 1 entry.",
    ),
    (
        e.DisclosureDecided,
        {"request": "ab" * 32, "outcome": "refused", "reason": "not-necessary"},
        "geweigerd. Reden: Niet nodig voor wat wordt gevraagd.",
        "refused. Reason: Not necessary for what is asked.",
    ),
]


@pytest.mark.parametrize(("kind", "facts", "dutch", "english"), SAID, ids=lambda one: getattr(one, "__name__", ""))
async def test_no_code_is_shown_where_there_are_words(
    tmp_path: Path, log: SearchedLog, kind: type[e.Event], facts: dict[str, Any], dutch: str, english: str
) -> None:
    """How sure a match is, why something was refused, erased, or worth a look: a reader is not taught our codes."""
    made = log.add(kind(act=log.act(agency=POLICE, person="p-1", purpose=PURPOSE), **facts))
    entry, page = await _found(tmp_path, log, made.index)
    for lang, words in (("nl", dutch), ("en", english)):
        told = dict(lines_of(entry, page.cosigned, log.covenant, {}, {}.get, lang))
        assert words in told["Wat" if lang == "nl" else "What"]


REASONS = {
    "own-case": ("Ik werk aan het dossier van deze persoon", "I work on this person's case"),
    "still-needed": ("nog nodig", "still needed"),
    "informing-review": ("opnieuw bekeken of de persoon het kan weten", "informing looked at again"),
    "access-request": ("verzoek van een burger", "a citizen's request"),
    "of-another-version": ("of-another-version", "of-another-version"),
}


@pytest.mark.parametrize("code", REASONS)
async def test_the_reason_of_an_act_is_told_in_words(tmp_path: Path, log: SearchedLog, code: str) -> None:
    """The covenant's reasons to look, and those of acts that have one; what nobody knows is shown as it stands."""
    act = log.act(agency=POLICE, person="p-1", purpose=PURPOSE, justification=code)
    made = log.add(e.HitOpened(act=act, subject=e.Subject(hit_id=HIT, words=WHY)))
    entry, page = await _found(tmp_path, log, made.index)
    said = [dict(lines_of(entry, page.cosigned, log.covenant, {}, {}.get, lang)) for lang in LANGS]
    assert (said[0]["Waarom"], said[1]["Why"]) == tuple(
        f"{reason}, overleg, {case} Z-1" for reason, case in zip(REASONS[code], ("zaak", "case"), strict=True)
    )


async def _found(folder: Path, log: SearchedLog, index: int) -> tuple[SeenEntry, SeenPage]:
    _, reading, _ = reader_of(folder, log, SUPERVISOR)
    page = await reading.page(inquiry_of("supervisor", index=index), None, 1)
    return page.entries[0], page
