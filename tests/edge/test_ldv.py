# SPDX-License-Identifier: EUPL-1.2
"""The log of processing on the disk, and its way to a collector over real HTTP."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from edge.ldv import SpanLog, Works, service_of, span_files
from edge.ldv_otlp import Forwarder, exporter_of
from edge.tracing import current, outgoing
from protocol.errors import Code, ConfigurationError, RefusedError, UnavailableError
from protocol.ids import PartyId, PurposeId
from protocol.ldv import DataSubject, Span, Status, Work, parse_line
from protocol.trace import Trace, new_trace, trace_of_key
from tests.fakes.collector import Collector
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
ACTIVITY = "https://sluis.example/verwerkingen/offender-prevention#2026.1"
PURPOSE = PurposeId("offender-prevention")


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now


def draw(size: int) -> bytes:
    """Return bytes that differ from call to call."""
    draw.count = getattr(draw, "count", 0) + 1  # type: ignore[attr-defined]
    return int(draw.count).to_bytes(size, "big")  # type: ignore[attr-defined]


def span(name: str = "signal registered") -> Span:
    """Return a span with ids of its own."""
    return Span(name=name, trace=new_trace(draw), started=NOW, ended=NOW, activity=ACTIVITY)


def open_log(folder: Path, clock: Clock | None = None) -> SpanLog:
    """Return a log in this folder."""
    return SpanLog(folder, service_of("sluis-broker", PartyId("broker")), clock or Clock())


def read(folder: Path) -> list[Span]:
    """Return all spans of a folder, in order."""
    return [one for path in span_files(folder) for line in path.open("rb") for one in parse_line(line).spans]


# --- On the disk ---


def test_what_is_written_is_on_the_disk_in_the_file_of_its_day(tmp_path: Path):
    """Spans are there when the call returns, in a file a day that only its owner reads."""
    clock = Clock()
    log = open_log(tmp_path / "ldv", clock)
    first, second, third = [span()], [span(), span()], [span()]
    log.write(first)
    log.write(second, durable=False)
    clock.now += timedelta(seconds=1)
    log.write(third)
    assert [path.name for path in span_files(tmp_path / "ldv")] == [
        "spans-2026-11-22.jsonl",
        "spans-2026-11-23.jsonl",
    ]
    assert read(tmp_path / "ldv") == [*first, *second, *third]
    assert (tmp_path / "ldv" / "spans-2026-11-22.jsonl").stat().st_mode & 0o777 == 0o600


def test_many_writers_lose_nothing(tmp_path: Path):
    """Threads that write at once wait for the disk together, and every line is whole."""
    log = open_log(tmp_path)
    batches = [[span() for _ in range(3)] for _ in range(64)]
    writers = [threading.Thread(target=log.write, args=(batch,)) for batch in batches]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {one.trace for one in read(tmp_path)} == {one.trace for batch in batches for one in batch}


def test_a_torn_line_spoils_no_other(tmp_path: Path):
    """After a power cut in the middle of a line the next one begins on a line of its own."""
    log = open_log(tmp_path)
    log.write([span()])
    log.close()
    (path,) = span_files(tmp_path)
    with path.open("ab") as stream:
        stream.write(b'{"resourceSpans":[{"torn')
    later = span()
    open_log(tmp_path).write([later])
    assert parse_line(path.read_bytes().splitlines()[-1]).spans == (later,)


def test_what_cannot_be_written_stops_the_act(tmp_path: Path):
    """When the disk refuses, the caller is told, and does not go on."""
    (tmp_path / "ldv").write_text("a file where the folder should be")
    with pytest.raises(UnavailableError) as caught:
        open_log(tmp_path / "ldv").write([span()])
    assert caught.value.code is Code.UNAVAILABLE


def test_old_months_are_forgotten(tmp_path: Path):
    """After retention the files of a month go, and nothing else."""
    clock = Clock()
    log = open_log(tmp_path, clock)
    log.write([span()])
    clock.now += timedelta(days=30)
    log.write([span()])
    clock.now = datetime(2028, 11, 30, tzinfo=UTC)
    assert log.forget_over(2) == 0
    clock.now = datetime(2028, 12, 1, tzinfo=UTC)
    assert log.forget_over(2) == 1
    assert [path.name for path in span_files(tmp_path)] == ["spans-2026-12-22.jsonl"]


def test_whom_a_line_was_about_can_be_struck(tmp_path: Path):
    """Of an erased entry's span the data subject is overwritten; every other byte stays, and its place too."""
    log = open_log(tmp_path)
    people = [DataSubject("urn:sluis:tag-digest", digit * 64) for digit in "ab"]
    hit = DataSubject("urn:sluis:hit", "0197a1f0-0000-7000-8000-000000000001")
    first, second = (replace(span(), subject=person) for person in people)
    third = replace(span(), subject=hit, cause=first.trace)
    log.write([first, second])
    log.write([third])
    (path,) = span_files(tmp_path)
    before = path.read_bytes()
    assert log.strike([second.trace, third.trace], [NOW.date()]) == 2
    after = path.read_bytes()
    assert len(after) == len(before)
    assert b"b" * 64 not in after
    kept, struck, struck_too = read(tmp_path)
    assert kept == first
    assert struck == replace(second, subject=DataSubject("urn:sluis:tag-digest", "0" * 64))
    assert struck_too.subject == DataSubject("urn:sluis:hit", "00000000-0000-0000-0000-000000000000")
    assert log.strike([first.trace], [date(2026, 11, 1)]) == 0


# --- Work ---


@pytest.fixture
def works(tmp_path: Path) -> Works:
    """Return the works of an agency."""
    return Works(open_log(tmp_path), make_covenant(now=NOW).covenant)


def test_work_within_work_is_a_part_of_it(works: Works, tmp_path: Path):
    """Inner work has the outer's trace and names it as its parent; requests carry the innermost."""
    with works.do(Work.QUESTION, PURPOSE) as outer:
        assert outgoing() == outer.trace
        with works.do(Work.TAGGING, PURPOSE) as inner:
            assert current() == inner.trace
    inside, outside = read(tmp_path)
    assert (inside.trace.trace_id, inside.parent) == (outside.trace.trace_id, outside.trace.span_id)
    assert outside.parent is None
    assert current() is None


def test_work_about_several_people_has_a_line_for_each(works: Works, tmp_path: Path):
    """Every person has a span of his or her own below the work's, which names nobody."""
    people = [DataSubject("urn:sluis:tag-digest", digit * 64) for digit in "ab"]
    with works.do(Work.PUSH, PURPOSE, trace_of_key("k" * 20, draw)) as work:
        work.subjects = [(Work.SIGNAL, one) for one in people]
    *each, whole = read(tmp_path)
    assert [one.subject for one in each] == people
    assert {one.parent for one in each} == {whole.trace.span_id}
    assert {one.trace.trace_id for one in each} == {trace_of_key("k" * 20, draw).trace_id}
    assert whole.subject is None


def test_an_act_that_takes_up_its_own_trace_leaves_the_outer_one(works: Works, tmp_path: Path):
    """A request that goes on after a restart keeps its trace, whatever command it is sent by."""
    with works.do(Work.QUESTION, PURPOSE), works.do(Work.PUSH, PURPOSE, trace_of_key("k" * 20, draw)):
        pass
    pushed, _ = read(tmp_path)
    assert pushed.trace.trace_id == trace_of_key("k" * 20, draw).trace_id
    assert pushed.parent is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RefusedError(Code.POLICY_REFUSED, "No."), Status.UNSET),
        (UnavailableError(Code.UNAVAILABLE, "No."), Status.ERROR),
    ],
)
def test_only_a_fault_is_an_error(works: Works, tmp_path: Path, error: Exception, status: Status):
    """A refusal was decided as it should be; what failed is marked as failed, and both are written."""
    with pytest.raises(type(error)), works.do(Work.QUESTION, PURPOSE):
        raise error
    assert [one.status for one in read(tmp_path)] == [status]


# --- To a collector ---


def ids(spans: list[Span]) -> list[tuple[str, str]]:
    """Return the ids of spans."""
    return [(one.trace.trace_id, one.trace.span_id) for one in spans]


def test_a_collector_gets_every_span_once(tmp_path: Path):
    """The protobuf that arrives has the standard's attributes, the resource, parent, link and times."""
    clock = Clock()
    log = open_log(tmp_path, clock)
    about = DataSubject("urn:sluis:tag-digest", "ab" * 32)
    cause = new_trace(draw)
    whole = Span(
        name="signal registered",
        trace=Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
        started=NOW,
        ended=NOW + timedelta(milliseconds=3),
        activity=ACTIVITY,
        parent="1122334455667788",
        cause=cause,
        subject=about,
        processor="urn:sluis:party:police-oost",
        status=Status.ERROR,
    )
    others = [span(), span()]
    log.write([whole])
    clock.now += timedelta(seconds=1)
    log.write(others)
    collector = Collector()
    with collector.serve() as address:
        sender = Forwarder(tmp_path, exporter_of(address))
        assert sender.forward_all() == 3
        assert sender.forward_all() == 0
    assert collector.spans() == ids([whole, *others])
    assert set(collector.paths) == {"/v1/traces"}
    resource = collector.requests[0].resource_spans[0]
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "sluis-broker"
    (got,) = resource.scope_spans[0].spans
    assert {one.key: one.value.string_value for one in got.attributes} == {
        "dpl.core.processing_activity_id": ACTIVITY,
        "dpl.core.data_subject_id": "ab" * 32,
        "dpl.core.data_subject_id_type": "urn:sluis:tag-digest",
        "dpl.core.foreign_operation.processor": "urn:sluis:party:police-oost",
    }
    assert got.parent_span_id.hex() == "1122334455667788"
    assert got.links[0].trace_id.hex() == cause.trace_id
    assert got.end_time_unix_nano - got.start_time_unix_nano == 3_000_000
    assert got.status.code == 2


def test_what_a_collector_did_not_take_comes_again(tmp_path: Path):
    """A collector that refuses gets the same spans the next time, also from another start of the program."""
    log = open_log(tmp_path)
    spans = [span(), span()]
    log.write(spans)
    collector = Collector(status=400)
    with collector.serve() as address:
        assert Forwarder(tmp_path, exporter_of(address)).forward_all() == 0
        collector.status = 200
        assert Forwarder(tmp_path, exporter_of(address)).forward_all() == 2
        later = span()
        log.write([later])
        assert Forwarder(tmp_path, exporter_of(address)).forward_all() == 1
    assert collector.spans() == ids([*spans, later])


def test_a_torn_line_is_passed_over(tmp_path: Path):
    """A line that a power cut tore does not hold up the ones behind it."""
    log = open_log(tmp_path)
    log.write([span()])
    log.close()
    (path,) = span_files(tmp_path)
    with path.open("ab") as stream:
        stream.write(b"torn")
    later = span()
    open_log(tmp_path).write([later])
    collector = Collector()
    with collector.serve() as address:
        assert Forwarder(tmp_path, exporter_of(address)).forward_all() == 2
    assert collector.spans()[-1:] == ids([later])


@pytest.mark.parametrize("endpoint", ["http://collector.example:4318", "ftp://localhost", "localhost:4318", "https://"])
def test_a_collector_elsewhere_is_reached_by_tls_only(endpoint: str):
    """Lines of processing do not cross a network in the clear."""
    with pytest.raises(ConfigurationError):
        exporter_of(endpoint)
