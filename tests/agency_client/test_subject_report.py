# SPDX-License-Identifier: EUPL-1.2
"""The answer to a citizen: the full form for the file, and one that names no employee, no reference and nobody else."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agency_client.draft import Draft, DraftKey
from agency_client.subject_files import write_receipts, write_report
from agency_client.subject_json import report_json
from agency_client.subject_law import ANSWER_WITHIN, GROUNDS, Clock
from agency_client.subject_page import page_of
from agency_client.subject_person import sought_of
from agency_client.subject_report import SubjectReport, build, redact
from agency_client.subject_search import Collected
from agency_client.subject_wording import NOTICES_SAID, SAID
from agency_client.vault.adding import NewSignal
from edge.languages import LANGS, Lang
from protocol.covenant import Covenant
from protocol.encoding import canonical_json
from protocol.events import SubjectReported
from protocol.ids import HitId, KeyKind, PurposeId
from protocol.keys import KINDS
from protocol.messages import Role
from protocol.normalise import Person
from protocol.receipts import ReceiptTerms, verify_receipt
from protocol.record_fields import NOTICE_TYPE
from tests.agency_client.test_subject_search import ANNA, BSN, CARE, KEYS, POLICE, VICTIMS, WHO, WHY, searching
from tests.fakes.agency import Client, make_client, new_signal
from tests.fakes.small_world import NOW, PURPOSE, World
from tests.fakes.subject_desk import SubjectDesk

RECEIVED, TODAY = date(2026, 11, 2), date(2026, 11, 21)
CLOCK = Clock(RECEIVED, TODAY)
SECRETS = ("P-1", "P-2", "P-3", "case of", WHO)
"""What the form for the person never has: own references, cases, employees."""


async def made(
    folder: Path, world: World, refused: dict[PurposeId, str] | None = None, role: Role = "subject"
) -> tuple[Client, Collected, SubjectReport]:
    """Return what the police collect and report: Anna is known to care too, and stands around a victim's signal."""
    care = make_client(folder / "c", world, "care-linde")
    care.add(("C-1", KEYS), role=role)
    assert await care.send() is None
    desk = SubjectDesk(world.broker, POLICE)
    police = make_client(folder / "p", world, broker=desk)
    police.add(("P-1", KEYS))
    police.add(("P-3", KEYS), role="associate", purpose=VICTIMS)
    assert await police.send() is None
    await police.reading.read()
    (hit,) = police.vault.hits.all()
    await police.acts.open(hit.id, WHY, WHO)
    collected = await searching(police, world, desk).collect(sought_of(ANNA), WHY, WHO)
    report = build(
        collected,
        {HitId(kept.id): kept for kept in police.vault.hits.all()},
        agency=POLICE,
        case="I-1",
        clock=CLOCK,
        covenant_version="v",
        refused=refused or {},
    )
    return police, collected, report


def _signal_about(subject: str, associate: str) -> NewSignal:
    """Return a record about one person, with another one around."""
    made = new_signal("P-1", [("bsn", subject)])
    draft = Draft.from_bytes(made.draft)
    keys = (*draft.keys, DraftKey(KeyKind("bsn"), "associate", associate))
    return replace(made, draft=replace(draft, keys=keys).to_bytes())


def part(report: SubjectReport, purpose: PurposeId) -> Any:
    """Return what a report has of one purpose."""
    return next(one for one in report.purposes if one.purpose == purpose)


async def test_the_full_form_has_all_with_who_and_what_to_look_at(tmp_path: Path, world: World) -> None:
    """Dates, origin, recipients, law, categories, employees, own references, and what is not for the person."""
    _, _, report = await made(tmp_path, world)
    found = part(report, PURPOSE)
    assert [type(line.event).__name__ for line in found.lines] == ["SignalRegistered", "NoticeIssued", "HitOpened"]
    assert (found.recipients, found.sources, found.received) == ((CARE,), (CARE,), ("contact",))
    assert (found.bases, found.grounds) == (("legal-duty",), ("exploits-or-recruits",))
    assert found.categories == ("bsn",)
    assert {line.reference for line in found.lines} == {"P-1"}
    assert found.live_until is not None
    around = part(report, VICTIMS)
    assert [(line.role, line.for_person) for line in around.lines] == [("associate", False)]
    assert report.to_check == 1


async def test_the_form_for_the_person_tells_of_nobody_else(tmp_path: Path, world: World) -> None:
    """No employee, no reference, and no word of the victim's signal in which the person is somebody around the victim:
    the page of that purpose is the one of a purpose without anything.
    """
    _, _, full = await made(tmp_path, world)
    report = redact(full)
    covenant = world.kit.covenant
    assert part(report, VICTIMS).lines == ()
    assert [type(line.event).__name__ for line in part(report, PURPOSE).lines] == [
        "SignalRegistered",
        "NoticeIssued",
        "HitOpened",
    ]
    texts = [page_of(report, covenant, lang) for lang in LANGS] + [json.dumps(report_json(report, covenant))]
    for text in texts:
        assert not any(secret in text for secret in SECRETS)
    nothing = replace(part(report, VICTIMS), purpose=PurposeId("criminal-investigation"))
    assert nothing == part(report, PurposeId("criminal-investigation"))
    assert "Jeugdzorg De Linde" in texts[0]
    assert any(secret in page_of(full, covenant, "nl") for secret in SECRETS)


async def test_a_counterpart_around_whom_the_person_stands_is_not_named(tmp_path: Path, world: World) -> None:
    """Where the other agency's signal is about somebody else, naming that agency would tell of its subject."""
    _, _, full = await made(tmp_path, world, role="associate")
    report = redact(full)
    assert any(line.other == CARE and not line.other_about_person for line in part(full, PURPOSE).lines)
    hidden = [line for line in part(report, PURPOSE).lines if not line.other_about_person and line.event.TAG == 8]
    assert hidden
    assert all(line.other is None for line in hidden)


async def test_a_request_of_somebody_else_about_the_same_signal_is_not_told(tmp_path: Path, world: World) -> None:
    """The victim, around whom the person stands, asked before: neither form of the person's answer tells of that."""
    desk = SubjectDesk(world.broker, POLICE)
    police = make_client(tmp_path / "p", world, broker=desk)
    police.vault.signals.add([_signal_about("111222333", BSN)], NOW)
    assert await police.send() is None
    victim = sought_of(Person(bsn="111222333"))
    for sought in (victim, sought_of(ANNA), victim):
        collected = await searching(police, world, desk).collect(sought, WHY, WHO)
    hers, his = (
        build(one, {}, agency=POLICE, case="I", clock=CLOCK, covenant_version="v", refused={})
        for one in (collected, await searching(police, world, desk).collect(sought_of(ANNA), WHY, WHO))
    )
    for report, asked in ((hers, 1), (his, 1)):
        lines = [line for one in report.purposes for line in one.lines]
        assert sum(isinstance(line.event, SubjectReported) for line in [*lines, *report.requests]) == asked
    assert [line.role for line in part(hers, PURPOSE).lines] == ["subject"]
    assert [line.role for line in part(his, PURPOSE).lines] == ["associate"]


async def test_a_refused_purpose_says_neither_yes_nor_no(tmp_path: Path, world: World) -> None:
    """Of a purpose that is refused the form for the person has ground and law, the same whether there is something."""
    _, _, full = await made(tmp_path, world, {PURPOSE: "prejudices-investigation", VICTIMS: "prejudices-investigation"})
    report = redact(full)
    something, nothing = part(report, PURPOSE), part(report, VICTIMS)
    assert replace(something, purpose=VICTIMS) == nothing
    page = page_of(report, world.kit.covenant, "en")
    assert page.count("LED 15(1)(b)") == 2
    assert "not that there is nothing" in page
    # For the file everything stays.
    assert part(full, PURPOSE).lines


async def test_every_answer_has_clock_contact_rights_and_limits(tmp_path: Path, world: World) -> None:
    """Six weeks from receipt, the contact point of every purpose, the complaint, and what cannot be known."""
    _, _, full = await made(tmp_path, world)
    covenant = world.kit.covenant
    for lang, words in (("nl", ("Autoriteit Persoonsgegevens", "Dagen over: 23", "sleutels zijn vernietigd")),
                        ("en", ("Data Protection Authority", "Days left: 23", "keys are destroyed"))):  # fmt: skip
        page = page_of(redact(full), covenant, lang)  # type: ignore[arg-type]
        assert all(word in page for word in words)
        assert (RECEIVED + ANSWER_WITHIN).isoformat() in page
        for one in full.purposes:
            assert covenant.contact_point(covenant.purpose(one.purpose)).email in page


async def test_the_full_form_says_on_every_part_that_it_stays_in_the_file(tmp_path: Path, world: World) -> None:
    """Each section of the full page has the mark; the other form has none."""
    _, _, full = await made(tmp_path, world)
    page = page_of(full, world.kit.covenant, "en")
    sections = page.count("<h2>")
    assert page.count('class="watermark"') == sections
    assert 'class="watermark"' not in page_of(redact(full), world.kit.covenant, "en")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("lang", LANGS)
async def test_a_page_loads_nothing_and_escapes_everything(tmp_path: Path, world: World, lang: Lang) -> None:
    """No script, no address, one language that is marked, headings in order, and a case with markup is text."""
    _, _, full = await made(tmp_path, world)
    report = replace(full, case='<script src="https://x.example">')
    for one in (report, redact(report)):
        page = page_of(one, world.kit.covenant, lang)
        reader = _Reader()
        reader.feed(page)
        tags = [tag for tag, _ in reader.tags]
        assert not {"script", "img", "link", "iframe", "object", "form"} & set(tags)
        assert not any({"src", "onload", "style"} & set(attributes) for _, attributes in reader.tags)
        assert page.startswith(f'<!doctype html>\n<html lang="{lang}">')
        assert tags.count("h1") == 1
        assert tags.count("th") > 0
        assert "&lt;script" in page


async def test_the_files_are_private_and_name_nobody(tmp_path: Path, world: World) -> None:
    """A page a language, JSON a form, and receipts that hold offline; only their owner can read them."""
    police, collected, full = await made(tmp_path, world)
    covenant = world.kit.covenant
    out = tmp_path / "out"
    written = [
        *write_report(full, covenant, LANGS, out),
        *write_report(redact(full), covenant, LANGS, out),
        *write_receipts(collected.checked, out),
    ]
    names = {path.relative_to(out).as_posix() for path in written}
    assert {"report.full.nl.html", "report.redacted.en.html", "report.full.json", "report.redacted.json"} <= names
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    terms = ReceiptTerms.of(covenant)
    receipts = [path for path in written if path.parent.name == "receipts"]
    checked = [verify_receipt(path.read_bytes(), [terms]) for path in receipts]
    assert [type(one.event).__name__ for one in checked][-1] == "SubjectReported"
    assert len(checked) == len(collected.checked.entries) + 1
    document = json.loads((out / "report.redacted.json").read_text())
    assert canonical_json(document)
    assert document["answerBefore"] == "2026-12-14"
    assert not any(secret in json.dumps(document) for secret in SECRETS)
    assert police.vault.evidence.findings() == []


def test_the_clock_counts_days_and_an_extension(world: World) -> None:
    """Six weeks from the day of receipt, below zero when late, and a later day once the person was told."""
    assert (CLOCK.answer_before, CLOCK.days_left) == (date(2026, 12, 14), 23)
    assert Clock(RECEIVED, date(2026, 12, 15)).days_left == -1
    assert Clock(RECEIVED, TODAY, date(2027, 1, 11)).answer_before == date(2027, 1, 11)
    assert CLOCK.gdpr_before == RECEIVED + timedelta(days=30)


def test_every_text_is_there_in_both_languages() -> None:
    """No text is empty or the same in both, each ground has law, and each type of notice has words."""
    for pair in (*SAID.values(), *NOTICES_SAID.values(), *(ground.said for ground in GROUNDS.values())):
        assert all(pair)
        assert sorted(re.findall(r"{\w+}", pair[0])) == sorted(re.findall(r"{\w+}", pair[1]))
    assert all(re.search(r"\d", ground.law) for ground in GROUNDS.values())
    for notice in NOTICES_SAID:
        assert NOTICE_TYPE.write(notice) == notice
    assert all(rule.nl and rule.en for rule in KINDS.values())


def test_a_covenant_without_a_recipient_still_names_it(world: World) -> None:
    """An agency that left the covenant is named by its own word for itself."""
    from agency_client.subject_wording import party_said

    covenant: Covenant = world.kit.covenant
    assert party_said(CARE, covenant, "en") != CARE
    assert party_said(None, covenant, "en") == "another organisation"
