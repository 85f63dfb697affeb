# SPDX-License-Identifier: EUPL-1.2
"""The broker's log of processing: every event has its span, of the caller's trace only where the caller may see it."""

import ast
import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from broker.erasing import carry_out, plan_signal
from broker.facts import Outcome, Recorded
from broker.ldv import Cause, LoggedAct
from broker.ldv_check import Join, Report
from broker.matching import hit_id
from broker.postgres.entries import log_entries
from broker.timers import expire
from broker.web import make_broker_app
from edge.ldv import SpanLog, service_of, span_files
from edge.ldv_otlp import forwarder_of
from edge.tracing import working
from protocol.commitments import tag_digest
from protocol.errors import RefusedError, UnavailableError
from protocol.events import Act, CovenantRef, Event, NoticeIssued, SignalRegistered, SignalWithdrawn
from protocol.ids import KeyId
from protocol.ldv import Span, Status, activity_of, parse_line
from protocol.signing import Verified
from protocol.trace import Trace
from tests.fakes.broker_world import CARE, POLICE, PURPOSE, BrokerWorld, broker_world
from tests.fakes.collector import Collector
from tests.fakes.covenants import make_covenant
from tests.fakes.data_keys import keys_of

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
COVENANT = make_covenant(now=NOW).covenant
REF = CovenantRef(version=COVENANT.version, sha256=COVENANT.sha256)
CALL = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
PHONE = "+31612340950"


def verified(trace: Trace | None = CALL) -> Verified:
    """Return a request of the police."""
    later = NOW + timedelta(minutes=1)
    return Verified(POLICE, KeyId("police-oost:1"), "n" * 22, NOW, later, None, None, None, b"", b"", b"", trace=trace)


def event(kind: type[Event] = SignalWithdrawn, **act: object) -> Recorded:
    """Return an event without a place in a trace."""
    given = Act(time=NOW, covenant=REF, purpose=PURPOSE, **act)  # type: ignore[arg-type]
    if kind is NoticeIssued:
        return Recorded(uuid4(), NoticeIssued(act=given, notice_seq=1, notice_type="withdrawn"))
    return Recorded(uuid4(), SignalWithdrawn(act=given, reason="case-closed"))


def stamped(by: Verified | None, *events: Recorded) -> tuple[LoggedAct, tuple[Recorded, ...]]:
    """Return an act and its events with their places."""
    logged = LoggedAct(Cause(COVENANT, lambda: NOW, by), os.urandom)
    return logged, logged.stamp(Outcome((), events)).events


# --- Which trace ---


def test_the_callers_own_entry_is_in_the_callers_trace():
    """What an agency did is one trace from its client to the event; the act names who called."""
    logged, (own,) = stamped(verified(), event(agency=POLICE))
    assert own.event.act.trace_id == CALL.trace_id
    (span,) = logged.of_events()
    act = logged.of_act(span.status)
    assert (act.trace.trace_id, act.parent) == (CALL.trace_id, CALL.span_id)
    assert (act.processor, span.processor) == ("urn:sluis:party:police-oost", None)
    assert (span.parent, span.trace.span_id) == (act.trace.span_id, own.event.act.span_id)


@pytest.mark.parametrize(
    "told",
    [
        event(NoticeIssued, recipient=CARE),
        event(NoticeIssued, agency=POLICE, recipient=CARE),
        event(agency=CARE),
        event(),
    ],
)
def test_what_others_may_see_has_a_trace_of_its_own(told: Recorded):
    """A sender's ids never reach a receiver, and two notices of one act cannot be joined by their receiver."""
    logged, events = stamped(verified(), told, replace(told, id=uuid4()))
    traces = {one.event.act.trace_id for one in events}
    assert len(traces) == 2
    assert CALL.trace_id not in traces
    assert {span.cause for span in logged.of_events()} == {logged.trace}
    assert {span.parent for span in logged.of_events()} == {None}


def test_without_a_trace_the_broker_begins_one():
    """A request without traceparent, and the broker's own work, are traces of their own without a parent."""
    for by in (verified(None), None):
        logged, (one,) = stamped(by, event(agency=POLICE))
        act = logged.of_act(logged.of_events()[0].status)
        assert (act.parent, act.processor) == (None, None)
        assert one.event.act.trace_id is not None


def test_every_act_is_begun_with_its_cause():
    """Nothing in the broker opens a transaction past ``Broker.act``: its events would have no span."""
    folder = Path(__file__).parents[2] / "broker"
    found = [
        f"{path.name}:{node.lineno}"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "act"
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "store"
    ]
    assert [place.split(":")[0] for place in found] == ["service.py"], found


def test_every_command_that_acts_writes_lines():
    """No command opens a broker without its log of processing: its events would have no lines."""
    tree = ast.parse((Path(__file__).parents[2] / "broker" / "main.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    opening = [node for node in calls if node.func.id in {"running", "make_broker_app"}]  # type: ignore[attr-defined]
    assert len(opening) >= 2
    for node in opening:
        assert "spans" in ast.unparse(node), ast.unparse(node)


# --- On a real database ---


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[BrokerWorld]:
    """A running broker that writes its log of processing."""
    async with broker_world(database, ldv=tmp_path / "ldv") as made:
        yield made


def lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all lines."""
    for path in span_files(folder):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            yield f"{path.name}, line {number}", line


def spans(folder: Path) -> list[Span]:
    """Return all spans."""
    return [span for _, line in lines(folder) for span in parse_line(line).spans]


def check(world: BrokerWorld, folder: Path, drop: str = "") -> Report:
    """Join both logs, without lines that hold some text."""
    with closing(Join()) as join:
        join.add_lines((place, line) for place, line in lines(folder) if not drop or drop.encode() not in line)
        join.add_events(log_entries(world.database, keys_of(world.database)))
        return join.report()


async def test_both_logs_fit_after_a_days_work(world: BrokerWorld, tmp_path: Path):
    """After pushes, a hit, its opening, a withdrawal, a question, a refusal and expiry each event has its span."""
    police, care = world.agency(POLICE), world.agency(CARE)
    mine, theirs = world.signal(POLICE, {"phone": PHONE}), world.signal(CARE, {"phone": PHONE}, days=2)
    with working(CALL):
        pushed = await police.push(mine)
    registered = world.prove(pushed.results[0].evidence, pushed.checkpoint)
    await care.push(theirs)
    (notice,) = (await police.told(1)).notices
    await police.open(notice.hit_id)  # type: ignore[union-attr]
    await police.ask({"phone": PHONE})
    with pytest.raises(RefusedError):
        await care.ask({"phone": PHONE})
    await police.withdraw(mine.id)
    world.clock.ahead = timedelta(days=3)
    async with world.running(world.clock) as started:
        await expire(started.broker)
    report = check(world, tmp_path / "ldv")
    assert report.alarms == {}, report.places
    assert report.joined > 8
    assert registered.act.trace_id == CALL.trace_id
    said = {(span.trace.trace_id, span.trace.span_id): span for span in spans(tmp_path / "ldv")}
    span = said[CALL.trace_id, str(registered.act.span_id)]
    act = said[CALL.trace_id, str(span.parent)]
    assert (act.parent, act.processor) == (CALL.span_id, "urn:sluis:party:police-oost")
    assert span.name == "signal registered"
    assert span.activity == activity_of(world.kit.covenant, PURPOSE)
    assert isinstance(registered, SignalRegistered)
    assert span.subject is not None
    assert span.subject.value == registered.subject.tag_digests[0].hex()
    notices = [one for one in said.values() if one.name == "notice issued"]
    assert notices
    assert not {one.trace.trace_id for one in notices} & {CALL.trace_id, act.trace.trace_id}


async def test_what_is_missing_is_told(world: BrokerWorld, tmp_path: Path):
    """A line that is gone from the files, and an entry that is gone from the database, are each named."""
    await world.agency(POLICE).push(world.signal(POLICE, {"phone": PHONE}))
    assert sum(check(world, tmp_path / "ldv", drop="signal registered").alarms.values()) == 1
    with closing(Join()) as join:
        join.add_lines(lines(tmp_path / "ldv"))
        join.add_events(list(log_entries(world.database, keys_of(world.database)))[:-1])
        assert sum(join.report().alarms.values()) == 1


async def test_without_its_line_nothing_is_committed(database: str, tmp_path: Path):
    """When the log of processing cannot be written the act is refused, and neither signal nor event is there."""
    async with broker_world(database, ldv=tmp_path / "ldv") as world:
        before = len(list(log_entries(world.database, keys_of(world.database))))
        assert world.spans is not None
        world.spans.close()
        kept = tmp_path / "kept"
        (tmp_path / "ldv").rename(kept)
        (tmp_path / "ldv").write_text("in the way")
        with pytest.raises(UnavailableError):
            await world.agency(POLICE).push(world.signal(POLICE, {"phone": PHONE}))
        assert len(list(log_entries(world.database, keys_of(world.database)))) == before


async def test_a_line_holds_nobody(world: BrokerWorld, tmp_path: Path):
    """No person, word, identifier or pseudonym stands in any line: digests and ids only, in the standard's names."""
    police = world.agency(POLICE)
    signal = world.signal(POLICE, {"phone": PHONE})
    await police.push(signal)
    await world.agency(CARE).push(world.signal(CARE, {"phone": PHONE}))
    (notice,) = (await police.told(1)).notices
    await police.open(notice.hit_id)  # type: ignore[union-attr]
    text = b"".join(line for _, line in lines(tmp_path / "ldv")).decode()
    tag = signal.keys[0].tag
    for secret in (PHONE, PHONE[1:], "medewerker-17", "overleg", "Z-1", tag.hex(), signal.case_token.hex()):
        assert secret not in text
    keys = set(re.findall(r'"key":"([^"]+)"', text))
    assert keys == {
        "service.name",
        "service.namespace",
        "service.version",
        "service.instance.id",
        "dpl.core.processing_activity_id",
        "dpl.core.data_subject_id",
        "dpl.core.data_subject_id_type",
        "dpl.core.foreign_operation.processor",
    }


async def test_what_is_erased_is_struck_from_the_lines(world: BrokerWorld, tmp_path: Path):
    """After a signal's erasure no line names it or its pseudonym any more, and both logs still fit."""
    police, care = world.agency(POLICE), world.agency(CARE)
    mine, theirs = world.signal(POLICE, {"phone": PHONE}), world.signal(CARE, {"phone": PHONE, "bsn": "x"})
    await police.push(mine)
    await care.push(theirs)
    await police.told(1)
    digest = tag_digest(mine.keys[0].tag).hex()
    before = b"".join(line for _, line in lines(tmp_path / "ldv")).decode()
    assert digest in before
    async with world.running(world.clock) as started:
        for signal in (mine, theirs):
            plan = await plan_signal(started.broker, signal.id)
            await carry_out(started.broker, plan, "court-order")
    after = b"".join(line for _, line in lines(tmp_path / "ldv")).decode()
    for gone in (digest, tag_digest(theirs.keys[0].tag).hex(), str(mine.id), str(hit_id(mine.id, theirs.id))):
        assert gone not in after
    report = check(world, tmp_path / "ldv")
    assert report.alarms == {}, report.places


async def test_a_running_broker_sends_its_lines_on(database: str, tmp_path: Path):
    """With a collector configured the spans of what the broker does arrive there by themselves."""
    collector = Collector()
    async with broker_world(database) as world:
        with collector.serve() as address:
            log = SpanLog(tmp_path, service_of("sluis-broker", world.kit.covenant.broker.id), world.clock)
            app = make_broker_app(
                world.agreed,
                world.kit.log_signer,
                keys_of(database),
                database,
                world.clock,
                world.kit.covenant.broker.url,
                spans=log,
                forwarder=forwarder_of(tmp_path, address),
            )
            log.write([LoggedAct(Cause(world.kit.covenant, world.clock), os.urandom).of_act(Status.UNSET)])
            async with app.router.lifespan_context(app):
                async with asyncio.timeout(60):
                    while not collector.spans():  # noqa: ASYNC110 - another thread takes them
                        await asyncio.sleep(0.05)
    assert collector.spans() == [(one.trace.trace_id, one.trace.span_id) for one in spans(tmp_path)][:1]
