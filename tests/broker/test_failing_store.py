# SPDX-License-Identifier: EUPL-1.2
"""Whichever exchange with the database fails, nothing acknowledged is lost and nothing happened without its event."""

from collections import Counter

import psycopg
import pytest

from protocol.errors import ConflictError, UnavailableError
from protocol.messages import PushAnswer, Signal
from protocol.notices import HitNotice
from tests.broker.test_concurrency import _all_told
from tests.broker.test_log import verify_from_zero
from tests.fakes.broker_world import POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.data_keys import openings_of
from tests.fakes.failing_database import Failure, When, Whose, breakable
from tests.fakes.waiting import until_settled

_MOST = 24
"""Exchanges of an act, at least: behind them a request only asks, again and again, whether its event is proven."""


async def _push(world: BrokerWorld, signal: Signal, key: str) -> PushAnswer:
    """Push as a client does: the same request again until it is answered."""
    for _ in range(50):
        try:
            return await world.agency(POLICE).push(signal, key=key)
        except (UnavailableError, ConflictError):
            continue
    raise AssertionError("the broker did not come back")


def _effects(database: str) -> dict[str, list[object]]:
    """Return what the tables say happened, in the words of the log."""
    with psycopg.connect(database) as connection:
        signals = connection.execute("SELECT id::text FROM signals").fetchall()
        ended = connection.execute("SELECT id::text FROM signals WHERE ended_event_id IS NOT NULL").fetchall()
        hits = connection.execute("SELECT id::text FROM hits").fetchall()
        notices = connection.execute("SELECT agency, seq FROM notices").fetchall()
    return {
        "SignalRegistered": [row[0] for row in signals],
        "SignalWithdrawn": [row[0] for row in ended],
        "SignalsMatched": [row[0] for row in hits],
        "NoticeIssued": [tuple(row) for row in notices],
    }


def _events(database: str) -> dict[str, list[object]]:
    """Return what the log says happened."""
    found: dict[str, list[object]] = {
        "SignalRegistered": [],
        "SignalWithdrawn": [],
        "SignalsMatched": [],
        "NoticeIssued": [],
    }
    for opening in openings_of(database):
        record, subject = opening.record, opening.subject or {}
        match record["event"]:
            case 3:
                found["SignalRegistered"] += subject["signalIds"]
            case 5:
                found["SignalWithdrawn"] += subject["signalIds"]
            case 7:
                found["SignalsMatched"].append(subject["hitId"])
            case 8:
                found["NoticeIssued"].append((record["recipient"], record["noticeSeq"]))
    return found


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("whose", ["request", "matching", "sequencer"])
async def test_no_failing_exchange_loses_or_invents_anything(
    database: str, monkeypatch: pytest.MonkeyPatch, whose: Whose, when: When
) -> None:
    """A push, its match, its numbering and a withdrawal are each done once, wherever the connection breaks."""
    for place in ("broker.log_worker.TAKE_OVER_SECONDS", "broker.log_worker.LOOK_SECONDS"):
        monkeypatch.setattr(place, 0.02)
    monkeypatch.setattr("broker.matching_worker.LOOK_SECONDS", 0.02)
    with breakable(monkeypatch) as plan:
        async with broker_world(database) as world:
            acknowledged: list[str] = []
            keys = [{"phone": f"+3161{at:07}"} for at in range(_MOST)]
            await world.agency(PROSECUTION).push(*(world.signal(PROSECUTION, one) for one in keys))
            for at in range(_MOST):
                mine = world.signal(POLICE, keys[at])
                failure = Failure(whose, at, when)
                plan(failure)
                answer = await _push(world, mine, f"push-{at:012}")
                assert answer.results[0].status == "accepted"
                acknowledged.append(str(mine.id))
                if whose != "request":
                    await until_settled(database)
                plan(None)
                if not failure.happened:
                    break
            assert at > 2, "no exchange was hit"
            await until_settled(database)
            effects, events = _effects(database), _events(database)
            for name, happened in effects.items():
                assert Counter(events[name]) == Counter(happened), name
                assert max(Counter(happened).values(), default=1) == 1, name
            assert set(acknowledged) <= set(effects["SignalRegistered"])
            assert len(effects["SignalsMatched"]) == at + 1
            assert len(await _all_told(world, POLICE)) == at + 1
            assert await verify_from_zero(world) >= 4 * (at + 1) + _MOST


@pytest.mark.parametrize("when", ["before", "after"])
async def test_no_failing_exchange_of_a_withdrawal_loses_or_doubles_it(
    database: str, monkeypatch: pytest.MonkeyPatch, when: When
) -> None:
    """A withdrawal that is repeated until it is answered is logged once, and told once, wherever it broke."""
    with breakable(monkeypatch) as plan:
        async with broker_world(database) as world:
            keys = [{"phone": f"+3162{at:07}"} for at in range(_MOST)]
            ours = [world.signal(POLICE, one) for one in keys]
            await world.agency(PROSECUTION).push(*(world.signal(PROSECUTION, one) for one in keys))
            await world.agency(POLICE).push(*ours)
            await until_settled(database)
            for at, mine in enumerate(ours):
                failure = Failure("request", at, when)
                plan(failure)
                for _ in range(50):
                    try:
                        answer = await world.agency(POLICE).withdraw(mine.id)
                        break
                    except (UnavailableError, ConflictError):
                        continue
                plan(None)
                assert answer.evidence is not None
                if not failure.happened:
                    break
            await until_settled(database)
            assert at > 2
            effects, events = _effects(database), _events(database)
            for name, happened in effects.items():
                assert Counter(events[name]) == Counter(happened), name
            assert len(effects["SignalWithdrawn"]) == at + 1
            told = (await world.agency(PROSECUTION).notices(limit=500)).notices
            assert Counter(type(one) is HitNotice for one in told) == {True: _MOST, False: at + 1}
            await verify_from_zero(world)
