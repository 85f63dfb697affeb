# SPDX-License-Identifier: EUPL-1.2
"""One line of the log of processing: closed names, forms for everything else, OTLP/JSON both ways."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from protocol.errors import InputError
from protocol.events import Act, CovenantRef, HitOpened, NoticeIssued, QueryAnswered, SignalRegistered, Subject, Words
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.ldv import (
    EVENT_NAMES,
    DataSubject,
    Service,
    Span,
    Status,
    Work,
    activity_of,
    name_of,
    parse_line,
    party_uri,
    subject_of,
    to_line,
)
from protocol.trace import Trace
from tests.fakes.covenants import make_covenant

SPEC = Path(__file__).parents[2] / "protocol" / "spec" / "ldv.md"
NOW = datetime(2026, 11, 22, 3, 0, 0, 250_000, tzinfo=UTC)
TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
SERVICE = Service("sluis-broker", PartyId("broker"), "1.0.0", "0011223344556677")
SPAN = Span(
    name=name_of(SignalRegistered),
    trace=TRACE,
    started=NOW,
    ended=NOW + timedelta(milliseconds=5),
    activity="https://sluis.example/verwerkingen/offender-prevention#2026.1",
)
FULL = replace(
    SPAN,
    parent="1122334455667788",
    cause=Trace("0" * 31 + "1", "0" * 15 + "2"),
    subject=DataSubject("urn:sluis:tag-digest", "ab" * 32),
    processor="urn:sluis:party:police-oost",
    status=Status.ERROR,
)


@pytest.mark.parametrize("spans", [[SPAN], [FULL], [SPAN, FULL] * 3])
def test_a_line_is_read_as_it_was_written(spans: list[Span]):
    """What is written of spans, and which program wrote it, is read back whole."""
    batch = parse_line(to_line(spans, SERVICE))
    assert batch.service == SERVICE
    assert list(batch.spans) == spans


def test_a_line_has_the_standards_names():
    """The attributes, resource and fields have exactly the names that standard and OTLP/JSON give them."""
    line = to_line([FULL], SERVICE)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    (resource,) = json.loads(line)["resourceSpans"]
    said = {pair["key"]: pair["value"] for pair in resource["resource"]["attributes"]}
    assert said["service.name"] == {"stringValue": "sluis-broker"}
    (span,) = resource["scopeSpans"][0]["spans"]
    assert {pair["key"]: pair["value"]["stringValue"] for pair in span.pop("attributes")} == {
        "dpl.core.processing_activity_id": "https://sluis.example/verwerkingen/offender-prevention#2026.1",
        "dpl.core.data_subject_id": "ab" * 32,
        "dpl.core.data_subject_id_type": "urn:sluis:tag-digest",
        "dpl.core.foreign_operation.processor": "urn:sluis:party:police-oost",
    }
    assert span == {
        "traceId": TRACE.trace_id,
        "spanId": TRACE.span_id,
        "parentSpanId": "1122334455667788",
        "name": "signal registered",
        "kind": 2,
        "startTimeUnixNano": "1795316400250000000",
        "endTimeUnixNano": "1795316400255000000",
        "links": [{"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "2"}],
        "status": {"code": 2},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Jan Jansen"},
        {"activity": "Jan Jansen"},
        {"activity": "https://sluis.example/x#y#z"},
        {"processor": "medewerker 17"},
        {"parent": "jan"},
    ],
)
def test_a_span_has_no_place_for_words(change: dict[str, str]):
    """A name outside the list, or a value without the form of its field, cannot be put in a span."""
    with pytest.raises(ValueError, match="not a"):
        replace(SPAN, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["999993653", "0612345678", "ab" * 31, "AB" * 32, "jan@example.nl"])
def test_a_data_subject_is_a_digest(value: str):
    """An identifier does not have the form of a digest, and is refused."""
    with pytest.raises(ValueError, match="not a data subject"):
        DataSubject("urn:sluis:tag-digest", value)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]",
        b"{}",
        to_line([SPAN], SERVICE)[:-20],
        to_line([SPAN], SERVICE).replace(b"signal registered", b"signal invented"),
        to_line([SPAN], SERVICE).replace(b"dpl.core.processing_activity_id", b"dpl.core.user"),
        to_line([FULL], SERVICE).replace(b'"code":2', b'"code":7'),
        to_line([SPAN], SERVICE).replace(TRACE.trace_id.encode(), b"0" * 32),
        to_line([SPAN], SERVICE).replace(b'"1795316400250000000"', b'"9e99"'),
    ],
)
def test_another_line_is_refused(line: bytes):
    """Torn, foreign and changed lines are not read as spans."""
    with pytest.raises(InputError):
        parse_line(line)


def test_every_event_has_a_name_of_its_own():
    """No event's span has the name of another, or of work that is no event."""
    assert not EVENT_NAMES & set(Work)
    assert name_of(HitOpened) == "hit opened"


def test_an_activity_names_its_version():
    """Each purpose has its entry in the register, and a new covenant version gives a new id."""
    covenant = make_covenant(now=NOW).covenant
    said = {activity_of(covenant, purpose) for purpose in covenant.purposes}
    assert len(said) == len(covenant.purposes)
    assert all(one.endswith(f"#{covenant.version}") for one in said)
    assert activity_of(covenant, None) not in said
    assert activity_of(covenant, PurposeId("gone")) == activity_of(covenant, None)


def test_a_party_is_named_by_its_address_or_its_urn():
    """Key-holders and the broker have an address; an agency has none."""
    covenant = make_covenant(now=NOW).covenant
    assert party_uri(covenant, covenant.broker.id) == covenant.broker.url
    assert party_uri(covenant, covenant.key_holders[0].id) == covenant.key_holders[0].url
    assert party_uri(covenant, PartyId("police-oost")) == "urn:sluis:party:police-oost"


def test_a_line_is_about_one_person():
    """Of an event about tags the first digest, of one about two signals their hit, of one about a signal its id."""
    act = Act(time=NOW, covenant=CovenantRef(version="1", sha256="c0" * 32), person="p-1", justification="case-work")
    one, two, hit = UUID(int=1), UUID(int=2), UUID(int=3)
    notice = NoticeIssued(act=act, notice_seq=1, notice_type="withdrawn")
    words = Words(text="why", case_reference="Z-1")
    asked = QueryAnswered(
        act=act,
        subject=Subject(tag_digests=(b"\xaa" * 32, b"\xbb" * 32), words=words),
        epoch=0,  # type: ignore[arg-type]
        key_kinds=("phone",),  # type: ignore[arg-type]
        matches=0,
    )
    both = Subject(signal_ids=(SignalId(one), SignalId(two)), hit_id=HitId(hit))
    mine = Subject(signal_ids=(SignalId(one),), hit_id=HitId(hit))
    assert subject_of(asked) == DataSubject("urn:sluis:tag-digest", "aa" * 32)
    assert subject_of(replace(notice, subject=both)) == DataSubject("urn:sluis:hit", str(hit))
    assert subject_of(replace(notice, subject=mine)) == DataSubject("urn:sluis:signal", str(one))
    assert subject_of(notice) is None


def test_the_page_lists_every_name():
    """Who reads the page knows every name that a line can have."""
    page = SPEC.read_text()
    assert not [name for name in Work if f"`{name}`" not in page]
