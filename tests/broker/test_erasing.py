# SPDX-License-Identifier: EUPL-1.2
"""Erasing from the log: what goes, what stays provable, who may, and that a crash leaves nothing half done."""

import os
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from broker.erasing import carry_out, erase_months, plan_entry, plan_month, plan_signal
from broker.facts import Outcome
from broker.matching import hit_id
from broker.postgres.proofs import ROW, read_row
from broker.sealing import Sealed, unseal
from broker.timers import expire
from protocol.erasure import RETENTION_OVER, kept_until, month_of, prove_marker, prove_part, prove_whole, require_kept
from protocol.errors import (
    Code,
    ConfigurationError,
    ConflictError,
    InputError,
    NotFoundError,
    RefusedError,
)
from protocol.events import EventsErased
from protocol.ids import PartyId, SignalId
from protocol.messages import ActAnswer, ErasureGround, ErasureRequest, Signal
from protocol.notices import ErasedNotice, HitNotice, WithdrawnNotice
from protocol.questions import PersonRole
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.data_keys import keys_of

PHONE = {"phone": "+31612345678"}


async def erase(
    world: BrokerWorld,
    party: PartyId,
    signal: SignalId,
    *,
    role: PersonRole | None = "privacy-officer",
    key: str | None = None,
    ground: ErasureGround = "wrong-person",
) -> ActAnswer:
    """Ask the broker to erase a signal."""
    request = ErasureRequest(ground=ground, text="verkeerde persoon", case_reference="P-7")  # type: ignore[arg-type]
    return await world.agency(party).client.post(
        f"/v1/signals/{signal}/erasure",
        request,
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person="medewerker-9",
        role=role,
    )


async def _hit(world: BrokerWorld) -> tuple[Signal, Signal]:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    await world.agency(POLICE).told(1)
    await world.agency(PROSECUTION).told(1)
    return mine, theirs


def _mentions(database: str, wanted: Iterable[UUID]) -> list[str]:
    """Return the tables in which one of these ids stands, in any column and form."""
    found = []
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for (table,) in tables:
            for one in wanted:
                forms = (f"%{one}%", f"%{str(one).encode().hex()}%", f"%{one.hex}%")
                query = SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE ANY(%s)").format(Identifier(table))
                row = connection.execute(query, (list(forms),)).fetchone()
                assert row is not None
                if row[0]:
                    found.append(table)
    return found


def _sealed(database: str) -> dict[UUID, tuple[Sealed | None, bytes, str]]:
    with psycopg.connect(database) as connection:
        rows = [read_row(row) for row in connection.execute(SQL("SELECT {} FROM events").format(ROW)).fetchall()]
    return {row.id: (row.sealed, row.leaf, month_of(row.at)) for row in rows}


def _openable(database: str, held: dict[UUID, tuple[Sealed | None, bytes, str]]) -> set[UUID]:
    """Return of which events the present keys open the subject part in what was kept of the database."""
    keys, found = keys_of(database), set()
    for event, (sealed, leaf, month) in held.items():
        if sealed is None or sealed.subject is None or month not in keys.months():
            continue
        try:
            unseal(keys.of_month(month), event, sealed, leaf)
        except NotFoundError:
            continue
        found.add(event)
    return found


async def test_an_erased_signal_is_nowhere(database: str) -> None:
    """After an erasure no table names the signal or its hit, and what is left is the proof that entries were there."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        hit = hit_id(mine.id, theirs.id)
        await world.agency(POLICE).open(hit)
        await world.agency(POLICE).withdraw(mine.id)
        assert {"events", "signals", "hits", "notices", "requests"} - {"events"} <= set(_mentions(database, [mine.id]))
        answer = await erase(world, POLICE, mine.id)
        assert _mentions(database, [mine.id]) == []
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, EventsErased)
        assert (event.ground, event.act.agency, event.act.decision) == ("wrong-person", POLICE, "allow")
        # Registered, matched, told, opened, withdrawn; what the other side was told stands in a marker of its own.
        assert (event.entries, len(event.indexes)) == (5, 5)
        assert event.subject.words is not None
        assert event.subject.words.case_reference == "P-7"


async def test_the_other_side_learns_that_it_was_told_something_now_erased(database: str) -> None:
    """A live signal is ended by its erasure: what was told of it is an erased notice, and that it is gone is told."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        await erase(world, POLICE, mine.id)
        page = await world.agency(PROSECUTION).told(2)
        first, second = page.notices
        assert isinstance(first, ErasedNotice)
        assert isinstance(second, WithdrawnNotice)
        assert (second.hit_id, second.my_signal) == (hit_id(mine.id, theirs.id), theirs.id)
        assert page.checkpoint is not None
        assert first.evidence is not None
        left = prove_part(first.evidence, first.marker, world.open(page.checkpoint))
        assert left.event.act.recipient == PROSECUTION
        assert left.marker.ground == "wrong-person"
        # Of how much else the signal was part, who asked and why is not the other side's to read.
        assert left.marker.indexes == {left.index}
        assert "agency" not in first.marker.opening.record
        assert first.marker.opening.record["recipient"] == PROSECUTION
        assert "person" not in first.marker.opening.record
        assert first.marker.opening.subject == {}
        assert isinstance((await world.agency(POLICE).told(1)).notices[0], ErasedNotice)


async def test_another_hit_of_the_other_side_stays(database: str) -> None:
    """What the other side knows of a third agency is untouched by an erasure."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        third = world.signal(CARE, PHONE)
        await world.agency(CARE).push(third)
        await world.agency(PROSECUTION).told(2)
        await erase(world, POLICE, mine.id)
        told = (await world.agency(PROSECUTION).told(3)).notices
        kinds = {type(one) for one in told}
        assert kinds == {ErasedNotice, HitNotice, WithdrawnNotice}
        assert {one.hit_id for one in told if isinstance(one, HitNotice)} == {hit_id(theirs.id, third.id)}


async def test_the_keys_go_too(database: str) -> None:
    """What a copy of the database still has of an erased entry opens before the erasure, and not after it."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        copy = _sealed(database)
        assert _openable(database, copy) == set(copy)
        await erase(world, POLICE, mine.id)
        gone = set(copy) - _openable(database, copy)
        assert len(gone) == 4
        now = _sealed(database)
        assert all(now[event][0] is not None for event in gone)
        await erase(world, PROSECUTION, theirs.id)
        assert len(set(copy) - _openable(database, copy)) == 5


async def test_a_crash_before_the_keys_go_is_made_good(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When keys cannot be destroyed after the commit, a later look finds and destroys them; again changes nothing."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        copy, keys = _sealed(database), keys_of(database)

        def fail(month: str, events: Iterable[object]) -> None:
            raise ConfigurationError(Code.KEY_FILE_INVALID, "The disk is full.")

        with monkeypatch.context() as patched:
            patched.setattr(keys, "puncture", fail)
            answer = await erase(world, POLICE, mine.id)
            assert isinstance(world.prove(answer.evidence, answer.checkpoint), EventsErased)
            assert _openable(database, copy) == set(copy)
        async with world.running(world.clock) as started:
            assert await started.store.destroy_erased() == 5
            assert len(set(copy) - _openable(database, copy)) == 4
            assert await started.store.destroy_erased() == 0


async def test_keys_out_of_a_backup_go_again(database: str) -> None:
    """Keys that come back with a backup of the key folder are destroyed at the next start."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        copy, keys = _sealed(database), keys_of(database)
        before = dict(keys.held)
        await erase(world, POLICE, mine.id)
        keys.held.update(before)
        assert _openable(database, copy) == set(copy)
        async with world.running(world.clock) as started:
            await started.store.destroy_erased(everything=True)
        assert len(set(copy) - _openable(database, copy)) == 4


async def test_who_may_have_the_log_forget(database: str) -> None:
    """Neither a coordinator, nor a machine, nor another agency has a signal erased; refusals are logged."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        with pytest.raises(RefusedError) as refused:
            await erase(world, POLICE, mine.id, role="coordinator")
        assert refused.value.rule == "default-deny"
        with pytest.raises(NotFoundError):
            await erase(world, PROSECUTION, mine.id)
        with pytest.raises(InputError):
            await erase(world, POLICE, mine.id, role=None)
        assert _mentions(database, [mine.id])
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT count(*) FROM events WHERE kind = 11").fetchone()
        assert row == (2,)


async def test_asked_again_the_same_is_answered(database: str) -> None:
    """The same request again gives the same marker; under another key there is nothing left to erase."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        first = await erase(world, POLICE, mine.id, key="erasure-00001")
        again = await erase(world, POLICE, mine.id, key="erasure-00001")
        assert first.evidence is not None
        assert again.evidence is not None
        assert first.evidence.index == again.evidence.index
        with pytest.raises(ConflictError):
            await erase(world, POLICE, mine.id, key="erasure-00001", ground="citizen-request")
        with pytest.raises(NotFoundError):
            await erase(world, POLICE, mine.id)


# --- By the operator ---


async def test_one_entry_s_subject_part_goes_alone(database: str) -> None:
    """On order one entry loses its subject part: the rest stays, and what was told by it is an erased notice."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        page = await world.agency(PROSECUTION).told(1)
        (notice,) = page.notices
        assert isinstance(notice, HitNotice)
        async with world.running(world.clock) as started:
            plan = await plan_entry(started.broker, notice.evidence.index)
            assert await carry_out(started.broker, plan, "court-order") == 1
            assert (await plan_entry(started.broker, notice.evidence.index)).empty
        (left,) = (await world.agency(PROSECUTION).told(1)).notices
        assert isinstance(left, ErasedNotice)
        assert isinstance((await world.agency(POLICE).told(1)).notices[0], HitNotice)
        assert "signals" in _mentions(database, [mine.id])


async def test_what_cannot_be_erased_alone(database: str) -> None:
    """Neither a signal's registration, nor an entry about nobody, nor a marker, nor one that is not there."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        pushed = await world.agency(POLICE).push(mine)
        registered = pushed.results[0].evidence
        assert registered is not None
        async with world.running(world.clock) as started:
            for index in (registered.index, 0):
                with pytest.raises(ConflictError):
                    await plan_entry(started.broker, index)
            with pytest.raises(NotFoundError):
                await plan_entry(started.broker, 4_000)
            answer = await erase(world, POLICE, mine.id)
            assert answer.evidence is not None
            with pytest.raises(ConflictError):
                await plan_entry(started.broker, answer.evidence.index)
            assert (await plan_signal(started.broker, mine.id)).empty


async def test_a_signal_goes_by_order(database: str) -> None:
    """The operator ends and erases a signal by order; no agency stands in the entry that says so."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        async with world.running(world.clock) as started:
            plan = await plan_signal(started.broker, mine.id)
            assert plan.ends
            with pytest.raises(InputError):
                await carry_out(started.broker, plan, RETENTION_OVER)
            assert await carry_out(started.broker, plan, "court-order") == 5
        assert _mentions(database, [mine.id]) == []
        page = await world.agency(PROSECUTION).told(2)
        assert [one.type for one in page.notices] == ["erased", "withdrawn"]
        assert isinstance(page.notices[0], ErasedNotice)
        assert page.checkpoint is not None
        marker = page.notices[0].marker
        assert prove_marker(marker, world.open(page.checkpoint)).ground == "court-order"
        assert "agency" not in marker.opening.record


# --- By the clock ---


async def test_a_month_leaves_only_leaves_after_its_retention(database: str) -> None:
    """When its years are over a month is erased: nothing of it opens, its notices are proven to be erased."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        opening = (await world.agency(POLICE).told(1)).notices[0]
        assert isinstance(opening, HitNotice)
        month = month_of(world.clock())
        years = world.kit.covenant.log_retention_years
        over = kept_until(month, years) + timedelta(hours=1)
        async with world.running(lambda: over) as moved:
            with pytest.raises(ConflictError):
                # Live signals still rest on it.
                await erase_months(moved.broker)
            await world.agency(POLICE).withdraw(mine.id)
            await world.agency(PROSECUTION).withdraw(theirs.id)
            copy = _sealed(database)
            entries = await erase_months(moved.broker)
            assert entries == len(copy)
            assert await erase_months(moved.broker) == 0
            await moved.store.destroy_erased()
            await moved.store.clean(over)
        assert month not in keys_of(database).months()
        assert _openable(database, copy) == set()
        assert _mentions(database, [mine.id, theirs.id]) == []
        page = await world.agency(POLICE).told(2)
        first = page.notices[0]
        assert isinstance(first, ErasedNotice)
        assert first.entry is not None
        assert page.checkpoint is not None
        left = prove_whole(first.entry, first.marker, world.open(page.checkpoint))
        assert (left.index, left.marker.month, left.marker.entries) == (opening.evidence.index, month, entries)
        require_kept(left.marker, years)


async def test_a_month_is_never_erased_under_retention(database: str) -> None:
    """A minute before its years are over neither the clock nor an order erases a month."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE, days=1))
        month = month_of(world.clock())
        early = kept_until(month, world.kit.covenant.log_retention_years) - timedelta(minutes=1)
        async with world.running(lambda: early) as moved:
            await expire(moved.broker)
            assert await erase_months(moved.broker) == 0
            with pytest.raises(ConflictError) as caught:
                await plan_month(moved.broker, month)
            assert "under retention" in caught.value.detail
        assert month in keys_of(database).months()


async def test_months_go_in_their_order(database: str) -> None:
    """A later month is not erased before an earlier one, so that the newest marker speaks for all before it."""
    async with broker_world(database) as world:
        month = month_of(world.clock())
        next_month = month_of(kept_until(month, 0))
        async with world.running(lambda: kept_until(month, 0) + timedelta(days=1)) as later:
            await later.broker.activate()
            event = later.broker.recorder.covenant_activated(later.broker.now())
            async with later.store.act() as act:
                await act.commit(Outcome((), (event,)))
        await world.agency(POLICE).push(world.signal(POLICE, PHONE, days=1))
        over = kept_until(next_month, world.kit.covenant.log_retention_years) + timedelta(hours=1)
        async with world.running(lambda: over) as moved:
            await expire(moved.broker)
            with pytest.raises(ConflictError) as caught:
                await plan_month(moved.broker, next_month)
            assert month in caught.value.detail
            plan = await plan_month(moved.broker, month)
            assert await carry_out(moved.broker, plan, RETENTION_OVER) > 0
            assert (await plan_month(moved.broker, month)).empty
            assert (await plan_month(moved.broker, next_month)).month is not None
