# SPDX-License-Identifier: EUPL-1.2
"""Every way to write, and what the log says of it: one event kind an effect, and no effect without one."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from fastapi.routing import APIRoute

from broker.disclosures import end_due
from broker.erasing import erase_months
from broker.matching import hit_id
from broker.timers import expire, keep_statement
from protocol.disclosures import Terms
from protocol.erasure import kept_until, month_of
from protocol.errors import ConflictError, InputError, RefusedError
from protocol.events import EVENTS
from protocol.ids import Epoch
from protocol.messages import PushAnswer, PushRequest
from protocol.statistics import MEASURES, ProbeCounts
from tests.broker.test_changing import extend, restrict, seen
from tests.broker.test_erasing import erase
from tests.broker.test_evaluation_reports import hour_of
from tests.broker.test_evaluation_reports import say as say_hours
from tests.broker.test_following import acknowledge, close_hit
from tests.broker.test_informing import decided, review
from tests.broker.test_searching import read as read_log
from tests.broker.test_statistics import declare
from tests.broker.test_store import _statements
from tests.broker.test_subject_requests import ask as collect_for_citizen
from tests.fakes import disclosure_requests as more
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, PROSECUTION, PURPOSE, BrokerWorld, broker_world

ROOT = Path(__file__).parents[2]
PHONE = {"phone": "1"}
WRITES = {
    "/v1/evaluation-reports",
    "/v1/probe-counts",
    "/v1/signals",
    "/v1/signals/{signal_id}/withdrawal",
    "/v1/signals/{signal_id}/erasure",
    "/v1/hits/{hit_id}/opening",
    "/v1/signals/{signal_id}/restriction",
    "/v1/signals/{signal_id}/extension",
    "/v1/notices/{seq}/acknowledgement",
    "/v1/hits/{hit_id}/acknowledgement",
    "/v1/hits/{hit_id}/outcome",
    "/v1/disclosure-requests",
    "/v1/disclosure-requests/{disclosure_id}/decision",
    "/v1/disclosure-requests/{disclosure_id}/receipt",
    "/v1/disclosure-requests/{disclosure_id}/cancellation",
    "/v1/queries",
    "/v1/subject-requests",
    "/v1/events/search",
    "/v1/signals/{signal_id}/informing",
}
READS = {"/v1/notices", "/v1/notices/stream", "/v1/key-statements", "/log/checkpoint", "/log/tile/{path:path}"}
READS |= {
    "/log/witnesses",
    "/healthz",
    "/readyz",
    "/.well-known/authzen-configuration",
    "/v1/statistics",
    "/v1/unusual",
}
ASKS = {"/access/v1/evaluation", "/access/v1/evaluations"}
"""POSTs that ask what the rules say: they write nothing."""
PIECES = {
    "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}",
    "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}/chunks/{index}",
}
"""Sealed pieces of an answer, which nobody is given before the decision that is logged."""
WITNESSES = {"/v1/log/cosignatures"}
"""POSTs about the log itself, which hold nothing of anybody's acts: a cosignature of what is public."""

Act = Callable[[BrokerWorld], Awaitable[None]]


def _kinds(database: str) -> Counter[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT kind FROM events").fetchall()
    return Counter(EVENTS[tag].__name__ for (tag,) in rows if tag in EVENTS)


async def _register(world: BrokerWorld) -> None:
    await world.agency(POLICE).push(world.signal(POLICE, PHONE))


async def _register_again(world: BrokerWorld) -> None:
    signal = world.signal(POLICE, PHONE)
    await world.agency(POLICE).push(signal)
    await world.agency(POLICE).push(signal)


async def _refuse(world: BrokerWorld) -> None:
    await world.agency(POLICE).push(world.signal(POLICE, PHONE, epoch=Epoch(world.epoch + 9)))


async def _refuse_request(world: BrokerWorld) -> None:
    holder = world.kit.covenant.key_holders[0].id
    with pytest.raises(RefusedError):
        await world.agency(holder).push(world.signal(POLICE, PHONE))


async def _refuse_opening(world: BrokerWorld) -> None:
    with pytest.raises(InputError):
        await world.agency(POLICE).open(hit_id(*(world.signal(POLICE, PHONE).id for _ in range(2))), person=None)


async def _match(world: BrokerWorld) -> None:
    await _register(world)
    await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
    await world.agency(PROSECUTION).told(1)


async def _match_and_withdraw(world: BrokerWorld) -> None:
    mine = world.signal(POLICE, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(CARE).push(world.signal(CARE, PHONE))
    await world.agency(CARE).told(1)
    await world.agency(POLICE).withdraw(mine.id)
    await world.agency(POLICE).withdraw(mine.id)


async def _expire(world: BrokerWorld) -> None:
    await world.agency(POLICE).push(world.signal(POLICE, PHONE, days=1))
    later = lambda: world.clock() + timedelta(days=2)  # noqa: E731 - a moved clock
    async with world.running(later) as moved:
        assert await expire(moved.broker) == 1


async def _mute(world: BrokerWorld) -> None:
    signals = [world.signal(MUNICIPALITY, PHONE) for _ in range(world.kit.covenant.common_key_limit + 1)]
    answer = await world.agency(MUNICIPALITY).client.post(
        "/v1/signals", PushRequest(signals=tuple(signals)), PushAnswer, idempotency_key="muted-00000001"
    )
    assert answer.checkpoint is not None
    await world.agency(MUNICIPALITY).told(1)


async def _open(world: BrokerWorld) -> None:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    await world.agency(POLICE).told(1)
    await world.agency(POLICE).open(hit_id(mine.id, theirs.id), key="opening-0001")
    await world.agency(POLICE).open(hit_id(mine.id, theirs.id), key="opening-0001")


async def _ask(world: BrokerWorld) -> None:
    await _register(world)
    await world.agency(PROSECUTION).ask(PHONE)


async def _declare_probes(world: BrokerWorld) -> None:
    said = ProbeCounts(purpose=PURPOSE, month="2025-11", counts=dict.fromkeys(MEASURES, 0))
    for _ in range(2):
        await declare(world, POLICE, said)


async def _statement(world: BrokerWorld) -> None:
    async with world.running(world.clock) as started:
        await keep_statement(started.broker, _statements(world, 1))
        await keep_statement(started.broker, _statements(world, 1))


async def _read_log(world: BrokerWorld) -> None:
    await _register(world)
    await read_log(world, POLICE)


async def _collect(world: BrokerWorld) -> None:
    await _register(world)
    await collect_for_citizen(world, POLICE, PHONE)


async def _inform(world: BrokerWorld) -> None:
    mine = world.signal(POLICE, PHONE)
    await world.agency(POLICE).push(mine)
    await review(world, POLICE, mine.id, decided(None), "informing-000001")
    await review(world, POLICE, mine.id, decided(None), "informing-000001")


async def _follow_up(world: BrokerWorld) -> None:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    await world.agency(POLICE).told(1)
    hit = hit_id(mine.id, theirs.id)
    for _ in range(2):
        await acknowledge(world, POLICE, hit, key="follow-up-000001")
    for _ in range(2):
        await close_hit(world, POLICE, hit, "not-the-same-person", key="follow-up-000002")


async def _change(world: BrokerWorld) -> None:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    await world.agency(PROSECUTION).told(1)
    for _ in range(2):
        await restrict(world, POLICE, mine.id, key="restriction-0001")
    for _ in range(2):
        await extend(world, POLICE, mine.id, 60, key="extension-000001")
    await world.agency(PROSECUTION).told(2)
    for _ in range(2):
        await seen(world, PROSECUTION, 2, "restricted")


async def _erase(world: BrokerWorld) -> None:
    mine = world.signal(POLICE, PHONE)
    await world.agency(POLICE).push(mine)
    await erase(world, POLICE, mine.id, key="erasure-00001")
    await erase(world, POLICE, mine.id, key="erasure-00001")


async def _erase_month(world: BrokerWorld) -> None:
    await world.agency(POLICE).push(world.signal(POLICE, PHONE, days=1))
    over = kept_until(month_of(world.clock()), world.kit.covenant.log_retention_years)
    async with world.running(lambda: over) as moved:
        await expire(moved.broker)
        assert await erase_months(moved.broker) == 2


async def _report(world: BrokerWorld) -> None:
    for _ in range(2):
        await say_hours(world, [hour_of(world, 2)])


async def _meet(world: BrokerWorld) -> Terms:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(CARE, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(CARE).push(theirs)
    await world.agency(POLICE).told(1)
    return more.terms_of(hit_id(mine.id, theirs.id), POLICE, CARE, more.new_disclosure())


async def _ask_for_more(world: BrokerWorld) -> None:
    terms = await _meet(world)
    request = more.asked(world, terms)
    for _ in range(2):
        await more.send(world, POLICE, "", request)
    refusal = more.refused(world, terms, request)
    for _ in range(2):
        await more.send(world, CARE, f"/{terms.id}/decision", refusal, key="refuse-00000001")
    with pytest.raises(ConflictError):
        await more.send(world, CARE, f"/{terms.id}/decision", more.refused(world, terms, request))


async def _give(world: BrokerWorld) -> None:
    terms = await _meet(world)
    digest = await more.grant(world, terms, await more.ask(world, terms))
    for _ in range(2):
        await more.receive(world, terms, digest, key="receipt-00000001")


async def _take_back(world: BrokerWorld) -> None:
    terms = await _meet(world)
    await more.ask(world, terms)
    for _ in range(2):
        await more.cancel(world, terms, key="cancel-000000001")


async def _let_expire(world: BrokerWorld) -> None:
    terms = await _meet(world)
    await more.ask(world, terms)
    later = lambda: world.clock() + timedelta(days=4)  # noqa: E731 - a moved clock
    async with world.running(later) as moved:
        assert await end_due(moved.broker) == 1
        assert await end_due(moved.broker) == 0


_MET = {"SignalRegistered": 2, "SignalsMatched": 1}
CASES: list[tuple[Act, dict[str, int]]] = [
    (_register, {"SignalRegistered": 1}),
    (_register_again, {"SignalRegistered": 1}),
    (_refuse, {"SignalRefused": 1}),
    (_refuse_request, {"RequestRefused": 1}),
    (_refuse_opening, {"RequestRefused": 1}),
    (_match, {"SignalRegistered": 2, "SignalsMatched": 1, "NoticeIssued": 2}),
    (_match_and_withdraw, {"SignalRegistered": 2, "SignalsMatched": 1, "NoticeIssued": 3, "SignalWithdrawn": 1}),
    (_expire, {"SignalRegistered": 1, "SignalExpired": 1}),
    (_mute, {"SignalRegistered": 0, "KeyMuted": 1}),
    (_open, {"SignalRegistered": 2, "SignalsMatched": 1, "NoticeIssued": 2, "HitOpened": 1}),
    (_ask, {"SignalRegistered": 1, "QueryAnswered": 1, "SignalsMatched": 1, "NoticeIssued": 1}),
    (_ask_for_more, {**_MET, "NoticeIssued": 4, "DisclosureRequested": 1, "DisclosureDecided": 1}),
    (
        _give,
        {**_MET, "NoticeIssued": 5, "DisclosureRequested": 1, "DisclosureDecided": 1, "DisclosureReceived": 1},
    ),
    (_take_back, {**_MET, "NoticeIssued": 4, "DisclosureRequested": 1, "DisclosureEnded": 1}),
    (_let_expire, {**_MET, "NoticeIssued": 5, "DisclosureRequested": 1, "DisclosureEnded": 1}),
    (_statement, {"KeyStatementPublished": 1}),
    (_declare_probes, {"ProbesDeclared": 1}),
    (_erase, {"SignalRegistered": 1, "SignalWithdrawn": 1, "EventsErased": 1}),
    (_erase_month, {"SignalExpired": 1, "EventsErased": 1, "CovenantActivated": -1}),
    (_read_log, {"SignalRegistered": 1, "EventsRead": 1}),
    (_collect, {"SignalRegistered": 1, "SubjectReported": 1}),
    (_inform, {"SignalRegistered": 1, "InformingReviewed": 1}),
    (_report, {"EvaluationsReported": 2}),
    (
        _change,
        {
            "SignalRegistered": 2,
            "SignalsMatched": 1,
            "NoticeIssued": 4,
            "SignalRestricted": 1,
            "SignalExtended": 1,
            "ChangeAcknowledged": 1,
        },
    ),
    (_follow_up, {"SignalRegistered": 2, "SignalsMatched": 1, "NoticeIssued": 3, "FollowedUp": 2}),
]
ELSEWHERE = {
    "SignalRetagged": "tests/broker/test_retagging.py",
    "StatisticsRead": "tests/broker/test_statistics.py",
    "UnusualUse": "tests/broker/test_unusual.py",
    "EventsExported": "tests/broker/test_exporting_events.py",
}
"""Kinds that need a covenant or a clock of their own, and where they are seen."""


@pytest.mark.parametrize(("act", "logged"), CASES)
async def test_each_act_is_logged_as_what_it_is(database: str, act: Act, logged: dict[str, int]) -> None:
    """Each route and worker that writes leaves exactly its own events, once, however often it is asked."""
    async with broker_world(database) as world:
        if "SignalRegistered" in logged and not logged["SignalRegistered"]:
            logged = logged | {"SignalRegistered": world.kit.covenant.common_key_limit + 1}
        await act(world)
    # Erasing a month leaves of its entries not even their kind.
    began = 1 + logged.get("CovenantActivated", 0)
    assert _kinds(database) == +Counter(logged | {"CovenantActivated": began})


async def test_every_route_is_known_as_writing_or_reading(database: str) -> None:
    """A new route must say here whether it writes, and then what it logs."""
    async with broker_world(database) as world:
        app = world.app()
        async with app.router.lifespan_context(app):
            routes = {route.path: route.methods for route in app.routes if isinstance(route, APIRoute)}
    assert {path for path, methods in routes.items() if "POST" in methods} == WRITES | ASKS | WITNESSES
    assert set(routes) == WRITES | READS | ASKS | WITNESSES | PIECES


def test_every_kind_of_the_closed_list_is_written_by_some_act() -> None:
    """No kind of event stands in the list without an act that writes it, here or in the test that is named."""
    seen = {name for _, logged in CASES for name, count in logged.items() if count >= 0} | {"CovenantActivated"}
    assert seen | set(ELSEWHERE) == {kind.__name__ for kind in EVENTS.values()}
    for name, place in ELSEWHERE.items():
        assert name in (ROOT / place).read_text(), f"{place} does not see {name}"
