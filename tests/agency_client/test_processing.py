# SPDX-License-Identifier: EUPL-1.2
"""An agency's log of processing: one trace from pseudonyms to request, a line for each person, nobody's name."""

from pathlib import Path

import pytest

from agency_client.ask import question_of
from agency_client.doors import BrokerDoor
from edge.ldv import SpanLog, Works, service_of, span_files
from edge.tracing import current
from protocol.commitments import tag_digest
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.ids import PartyId
from protocol.ldv import Span, Work, activity_of, parse_line
from protocol.messages import Justification
from protocol.normalise import Person
from tests.fakes.agency import Client, clock, make_client
from tests.fakes.small_world import PURPOSE, AgencyDoor, World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
BRAM = [("bsn", "111222333"), ("sound-dob", "bram|berg|2001-01-31")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


class Listening(AgencyDoor):
    """A broker's door that notes which trace each request is part of."""

    def __init__(self, world: World, agency: PartyId) -> None:
        super().__init__(world.broker, agency)
        self.traces: list[str] = []
        self.broken = False

    async def post(self, path: str, body: bytes, **how: object) -> bytes:
        """Take a request."""
        work = current()
        assert work is not None
        self.traces.append(work.trace_id)
        if self.broken:
            raise UnavailableError(Code.UNAVAILABLE, "The connection broke.")
        return await super().post(path, body, **how)  # type: ignore[arg-type]


def logged(folder: Path, world: World, agency: str, door: BrokerDoor | None = None) -> Client:
    """Return a client that writes its log of processing."""
    log = SpanLog(folder / "ldv", service_of("sluis-agency", PartyId(agency)), clock)
    return make_client(folder, world, agency, broker=door, works=Works(log, world.kit.covenant))


def lines(folder: Path) -> list[Span]:
    """Return what the log of processing says."""
    return [span for path in span_files(folder / "ldv") for line in path.open("rb") for span in parse_line(line).spans]


async def test_a_push_is_one_trace_from_pseudonyms_to_request(tmp_path: Path, world: World) -> None:
    """Making pseudonyms and sending have one trace id, which the request carries; each person has a line."""
    door = Listening(world, PartyId("police-oost"))
    police = logged(tmp_path / "p", world, "police-oost", door)
    police.add(("P-1", ANNA), ("P-2", BRAM))
    assert await police.send() is None
    made, *each, sent = lines(tmp_path / "p")
    assert [made.name, sent.name] == [Work.TAGGING, Work.PUSH]
    assert {span.trace.trace_id for span in (made, *each, sent)} == set(door.traces)
    assert {span.parent for span in each} == {sent.trace.span_id}
    digests = {tag_digest(one.signal.keys[0].tag).hex() for one in world.broker.signals.values()}
    assert {span.subject.value for span in each if span.subject} == digests
    assert len(digests) == 2
    assert {span.activity for span in (made, *each, sent)} == {activity_of(world.kit.covenant, PURPOSE)}


async def test_a_request_that_is_repeated_keeps_its_trace(tmp_path: Path, world: World) -> None:
    """What waits in the outbox is sent under its trace by another start of the program too."""
    door = Listening(world, PartyId("police-oost"))
    police = logged(tmp_path / "p", world, "police-oost", door)
    police.add(("P-1", ANNA))
    door.broken = True
    assert await police.send() is not None
    police.vault.close()
    door.broken = False
    again = logged(tmp_path / "p", world, "police-oost", door)
    assert await again.send() is None
    assert len(door.traces) > 1
    assert len(set(door.traces)) == 1


async def test_every_act_of_a_person_has_its_line(tmp_path: Path, world: World) -> None:
    """Asking, reading notices, opening and taking back are each written, about one person each."""
    police, care = logged(tmp_path / "p", world, "police-oost"), logged(tmp_path / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    care.add(("C-1", ANNA[:1]))
    assert await care.send() is None
    assert await police.send() is None
    await police.reading.read()
    (hit,) = police.vault.hits.all()
    await police.acts.open(hit.id, WHY, "0" * 32)
    await police.acts.withdraw(police.acts.find_signal("P-1"), "case-closed", "0" * 32)
    said = lines(tmp_path / "p")
    about = {str(span.name): span.subject for span in said if span.subject is not None}
    assert set(about) == {Work.SIGNAL, Work.NOTICE, Work.OPENING, Work.WITHDRAWAL}
    assert about[Work.OPENING].value == str(hit.id)
    assert about[Work.NOTICE].value == about[Work.WITHDRAWAL].value == str(hit.notice.my_signal)
    text = b"".join(path.read_bytes() for path in span_files(tmp_path / "p" / "ldv")).decode()
    for secret in ("123456782", "anna", "vries", "0" * 32, "Zorgen", "Z-1", "P-1"):
        assert secret not in text


async def test_what_the_covenant_forbids_is_not_processed(tmp_path: Path, world: World) -> None:
    """A question that one's own rules refuse is asked of nobody, and no line says otherwise."""
    care = logged(tmp_path / "c", world, "care-linde")
    question = question_of(Person(bsn="123456782"), PURPOSE, WHY, world.kit.covenant)
    with pytest.raises(RefusedError):
        await care.asking.ask(question, "0" * 32)
    assert lines(tmp_path / "c") == []


async def test_a_question_is_about_one_person(tmp_path: Path, world: World) -> None:
    """A question's line names the digest of the pseudonym that was asked about."""
    police = logged(tmp_path / "p", world, "police-oost")
    await police.asking.ask(question_of(Person(bsn="123456782"), PURPOSE, WHY, world.kit.covenant), "0" * 32)
    (span,) = [one for one in lines(tmp_path / "p") if one.name == Work.QUESTION]
    assert span.subject is not None
    assert span.subject.kind == "urn:sluis:tag-digest"
