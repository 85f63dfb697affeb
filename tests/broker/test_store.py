# SPDX-License-Identifier: EUPL-1.2
"""What the store promises: one transaction an act, nothing without an event, statements, timers, ids in order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.event_ids import EventIds
from broker.facts import CovenantKept, Outcome
from broker.matching import hit_id
from broker.migrate import migrate
from broker.timers import collect_statements, keep_statement
from broker.web import Running, running
from protocol.agreed import Agreed
from protocol.errors import ConflictError, UnavailableError
from protocol.events import KeyStatementPublished
from protocol.group import base as base_point
from protocol.group import random_scalar
from protocol.ids import HolderIndex, SignalId
from protocol.messages import KeyStatement, KeyStatementsAnswer, SetPoint, SignedKeyStatement
from protocol.signing import sign_key_statement
from tests.fakes.broker_world import POLICE, PURPOSE, BrokerWorld, Clock, broker_world
from tests.fakes.covenants import make_covenant
from tests.fakes.data_keys import keys_of
from tests.fakes.waiting import comes


def _open(database: str, clock: Clock):
    kit = make_covenant(now=clock())
    return running(Agreed.of(kit.covenant), kit.log_signer, keys_of(database), database, clock)


def _events(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    return int(row[0])


def test_an_outcome_without_event_cannot_exist() -> None:
    """What changes something without logging it is refused before it reaches the store."""
    with pytest.raises(ValueError, match="without an event"):
        Outcome((CovenantKept("0" * 64, UUID(int=1)),), ())


async def test_an_act_without_commit_leaves_nothing(database: str) -> None:
    """An act that ends without commit, or fails behind its commit, changes nothing."""
    async with _open(database, Clock()) as started:
        event = started.broker.recorder.covenant_activated(started.broker.now())
        outcome = Outcome((CovenantKept("0" * 64, event.id),), (event,))
        async with started.store.act() as act:
            await act.next_seqs([POLICE])
        with pytest.raises(RuntimeError):
            await _commit_and_fail(started, outcome)
        assert _events(database) == 0
        async with started.store.act() as act:
            await act.commit(outcome)
        assert _events(database) == 1
        async with started.store.act() as act:
            with pytest.raises(ConflictError):
                await act.commit(outcome)


async def _commit_and_fail(started: Running, outcome: Outcome) -> None:
    async with started.store.act() as act:
        await act.commit(outcome)
        raise RuntimeError("the process breaks here")


async def test_notice_numbers_have_no_gaps(database: str) -> None:
    """A number taken by an act that did not commit is given out again."""
    async with _open(database, Clock()) as started:
        for _ in range(2):
            async with started.store.act() as act:
                assert await act.next_seqs([POLICE]) == {POLICE: 1}


async def test_a_covenant_is_activated_once(database: str) -> None:
    """However often and by however many processes at once a covenant is started, its activation is logged once."""
    clock = Clock()
    kit = make_covenant(now=clock())
    starts = [running(Agreed.of(kit.covenant), kit.log_signer, keys_of(database), database, clock) for _ in range(2)]
    async with starts[0] as one, starts[1] as other:
        await asyncio.gather(*(started.broker.activate() for started in (one, other, one, other)))
    assert _events(database) == 1


def test_a_database_that_is_gone_is_unavailable() -> None:
    """A database that does not answer is said to be unavailable, without repeating its address."""
    with pytest.raises(UnavailableError) as caught:
        migrate("postgresql://u:geheim@127.0.0.1:1/x?connect_timeout=1")
    assert "geheim" not in str(caught.value)


def _statements(world: BrokerWorld, index: int) -> SignedKeyStatement:
    holder = world.kit.covenant.key_holders[index - 1]
    sets = [(1, 2), (1, 3), (2, 3)]
    points = tuple(
        SetPoint(members=tuple(HolderIndex(m) for m in members), point=base_point(random_scalar()).encoded)
        for members in sets
        if index in members
    )
    said = KeyStatement(
        holder=HolderIndex(index),
        threshold=HolderIndex(2),
        holders=HolderIndex(3),
        purpose=PURPOSE,
        epoch=world.epoch,
        points=points,
    )
    return sign_key_statement(world.kit.signers[holder.id], said)


async def test_key_statements_are_served_with_proof(database: str) -> None:
    """The key-holders' statements are fetched, verified and logged; agencies get them proven, never a forged one."""
    async with broker_world(database) as world:
        good = [_statements(world, 1), _statements(world, 2)]
        forged = _statements(world, 3).model_copy(update={"signature": bytes(64)})
        for witness, signed in zip(world.witnesses, [*good, forged], strict=True):
            witness.statements.append(signed)
        params = {"purpose": PURPOSE, "epoch": world.epoch}

        async def both() -> KeyStatementsAnswer | None:
            found = await world.agency(POLICE).client.get("/v1/key-statements", KeyStatementsAnswer, params=params)
            return found if len(found.statements) >= 2 else None

        answer = await comes(both)
        assert [one.signed for one in answer.statements] == good
        for one in answer.statements:
            event = world.prove(one.evidence, answer.checkpoint)
            assert isinstance(event, KeyStatementPublished)
            assert event.holder == one.signed.statement.holder


async def test_the_first_statement_stands(database: str) -> None:
    """A second statement of the same key-holder for the same purpose and epoch does not replace the first."""
    async with broker_world(database) as world, _open(database, world.clock) as started:
        first, second = _statements(world, 1), _statements(world, 1)
        await keep_statement(started.broker, first)
        await keep_statement(started.broker, second)
        assert not await collect_statements(started.broker, started.standing.doors, started.log)
        with psycopg.connect(database) as connection:
            rows = connection.execute("SELECT statement FROM key_statements").fetchall()
        assert rows == [(first.to_json().decode(),)]


async def test_old_nonces_and_answers_are_forgotten(database: str) -> None:
    """A nonce is remembered until its time and forgotten after it; an answer under a key likewise."""
    async with broker_world(database) as world, _open(database, world.clock) as started:
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "1"}), key="outbox-000001")
        await started.store.clean(world.clock())
        assert _rows(database) == (1, 1)
        await started.store.clean(world.clock() + timedelta(days=8))
        assert _rows(database) == (0, 0)


def _rows(database: str) -> tuple[int, ...]:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM nonces), (SELECT count(*) FROM idempotency)").fetchone()
    assert row is not None
    return row


def test_event_ids_sort_in_the_order_they_were_made() -> None:
    """Ids are UUIDv7 and rise, within a millisecond and when the clock is set back."""
    moments = iter([datetime(2026, 6, 1, tzinfo=UTC)] * 5_000 + [datetime(2026, 5, 1, tzinfo=UTC)] * 10)
    source = EventIds(lambda: next(moments), lambda count: bytes(count))
    made = [source.next() for _ in range(5_010)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_event_ids_of_many_threads_are_different() -> None:
    """Threads that share a source never get the same id, nor one without its random tail."""
    source = EventIds(lambda: datetime(2026, 6, 1, tzinfo=UTC), lambda count: b"\xff" * count)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: source.next(), range(20_000)))
    assert len(set(made)) == len(made)
    assert {one.int & (1 << 62) - 1 for one in made} == {(1 << 62) - 1}


@given(st.uuids(), st.uuids())
def test_a_hit_has_one_id_in_both_orders(one: UUID, other: UUID) -> None:
    """The hit of two signals has the same id whichever came first, and it is a UUIDv8."""
    forward, back = hit_id(SignalId(one), SignalId(other)), hit_id(SignalId(other), SignalId(one))
    assert forward == back
    assert forward.version == 8
