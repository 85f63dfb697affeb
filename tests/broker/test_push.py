# SPDX-License-Identifier: EUPL-1.2
"""Pushing signals through the real application: results, evidence, idempotency, refusals."""

import asyncio

import psycopg
import pytest

from protocol.errors import AuthenticationError, Code, ConflictError, InputError, RefusedError
from protocol.events import RequestRefused, SignalRefused, SignalRegistered
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.messages import PushAnswer, PushRequest, SignalResult
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, BrokerWorld, broker_world


async def test_an_accepted_signal_comes_with_proof(database: str) -> None:
    """The answer proves, in a checkpoint of two witnesses, that exactly this signal was registered."""
    async with broker_world(database) as world:
        signal = world.signal(POLICE, {"phone": "+31611111111", "name-dob": "x"})
        answer = await world.agency(POLICE).push(signal)
        (result,) = answer.results
        assert (result.id, result.status) == (signal.id, "accepted")
        event = world.prove(result.evidence, answer.checkpoint)
        assert isinstance(event, SignalRegistered)
        assert event.subject.signal_ids == (signal.id,)
        assert event.act.agency == POLICE
        assert event.act.person == "medewerker-17"
        assert event.act.policy_ids
        assert len(event.subject.tag_digests) == 2


async def test_the_same_push_again_gives_the_same_results(database: str) -> None:
    """Repeated under its key a push changes nothing and proves the same event; without it its signals are known."""
    async with broker_world(database) as world:
        police = world.agency(POLICE)
        signal = world.signal(POLICE, {"phone": "1"})
        first = await police.push(signal, key="outbox-000001")
        again = await police.push(signal, key="outbox-000001")
        other_key = await police.push(signal, key="outbox-000002")
        assert _index(again) == _index(first) == _index(other_key)
        assert [one.results[0].status for one in (first, again, other_key)] == ["accepted", "accepted", "known"]
        assert _count(database, "signals") == 1
        with pytest.raises(ConflictError) as caught:
            await police.push(world.signal(POLICE, {"phone": "2"}), key="outbox-000001")
        assert caught.value.code is Code.IDEMPOTENCY_CONFLICT


async def test_a_key_in_use_is_in_flight(database: str) -> None:
    """While another transaction holds the same key, the answer is 409 in_flight, and afterwards the push succeeds."""
    async with broker_world(database) as world:
        with psycopg.connect(database) as holding:
            holding.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{POLICE}/outbox-000001",))
            with pytest.raises(ConflictError) as caught:
                await world.agency(POLICE).push(world.signal(POLICE, {"phone": "1"}), key="outbox-000001")
            assert caught.value.code is Code.IN_FLIGHT
        answer = await world.agency(POLICE).push(world.signal(POLICE, {"phone": "1"}), key="outbox-000001")
        assert answer.results[0].status == "accepted"


async def test_simultaneous_copies_of_one_push_register_once(database: str) -> None:
    """Eight copies of one push at the same moment, under different keys, register each signal once."""
    async with broker_world(database) as world:
        police = world.agency(POLICE)
        signals = [world.signal(POLICE, {"phone": str(n)}) for n in range(20)]

        async def push(key: str) -> PushAnswer | None:
            try:
                return await police.push(*signals, key=key)
            except ConflictError:
                return None

        answers = [one for one in await asyncio.gather(*(push(f"copy-{n:08}") for n in range(8))) if one]
        assert answers
        assert len({_index(one) for one in answers}) == 1
        assert _count(database, "signals") == 20


async def test_each_refused_signal_is_logged_with_its_rule(database: str) -> None:
    """Of one push the good signal is accepted, and each bad one refused with a stable code and logged evidence."""
    async with broker_world(database) as world:
        police = world.agency(POLICE)
        good = world.signal(POLICE, {"phone": "1"})
        tampered = world.signal(POLICE, {"phone": "1"}).model_copy(update={"epoch": good.epoch, "signature": bytes(64)})
        cases = {
            "accepted": good,
            "guard.epoch-closed": world.signal(POLICE, {"phone": "1"}, epoch=Epoch(world.epoch + 3)),
            "guard.basis-not-the-senders": world.signal(POLICE, {"phone": "1"}, basis="consent"),
            "guard.kept-too-long": world.signal(POLICE, {"phone": "1"}, days=3_000),
            "unknown-entity": world.signal(POLICE, {"phone": "1"}, purpose=PurposeId("no-such-purpose")),
            Code.SIGNATURE_INVALID.value: tampered,
            Code.UNKNOWN_KEY.value: world.signal(POLICE, {"phone": "1"}, signed_by=CARE),
        }
        answer = await police.push(*cases.values())
        for (expected, signal), result in zip(cases.items(), answer.results, strict=True):
            event = world.prove(result.evidence, answer.checkpoint)
            assert event.subject.signal_ids == (signal.id,)
            if expected == "accepted":
                assert result.status == "accepted"
                continue
            assert result.refusal is not None
            assert expected in (result.refusal.rule, result.refusal.code)
            assert isinstance(event, SignalRefused)
            assert (event.code, event.rule) == (result.refusal.code, result.refusal.rule)
        assert _count(database, "signals") == 1


async def test_an_id_of_another_agency_is_refused(database: str) -> None:
    """A signal under an id that another agency used is a conflict, and the first stays as it was."""
    async with broker_world(database) as world:
        signal = world.signal(POLICE, {"phone": "1"})
        await world.agency(POLICE).push(signal)
        stolen = world.signal(PROSECUTION, {"phone": "2"}, signal_id=signal.id)
        answer = await world.agency(PROSECUTION).push(stolen)
        assert _refusal(answer.results[0]) == Code.CONFLICT.value
        changed = world.signal(POLICE, {"phone": "3"}, signal_id=signal.id)
        assert _refusal((await world.agency(POLICE).push(changed)).results[0]) == Code.CONFLICT.value


async def test_a_replayed_request_is_refused(database: str) -> None:
    """The very same bytes and headers a second time are refused, also by another broker process on the database."""
    async with broker_world(database, brokers=2) as world:
        sent: list[tuple[str, bytes, dict[str, str]]] = []
        police = world.agency(POLICE)

        async def keep(request: object) -> None:
            sent.append((str(request.url), request.content, dict(request.headers)))  # type: ignore[attr-defined]

        world.http.event_hooks["request"] = [keep]
        await police.push(world.signal(POLICE, {"phone": "1"}))
        world.http.event_hooks["request"] = []
        url, body, headers = sent[0]
        again = await world.http.post(url, content=body, headers=headers)
        assert (again.status_code, again.json()["code"]) == (401, "signature_replayed")
        second = f"http://127.0.0.1:{world.sockets[1].getsockname()[1]}/v1/signals"
        elsewhere = await world.http.post(second, content=body, headers=headers)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "signature_replayed")


async def test_requests_of_strangers_are_refused(database: str) -> None:
    """An unsigned request is 401; a key-holder's signed one is refused by rule, and that refusal is in the log."""
    async with broker_world(database) as world:
        plain = await world.http.post(world.kit.covenant.broker.url + "/v1/signals", content=b"{}")
        assert (plain.status_code, plain.json()["code"]) == (401, "signature_missing")
        assert plain.headers["content-type"] == "application/problem+json"
        assert "api-version" in plain.headers
        with pytest.raises(RefusedError) as caught:
            await world.agency(PartyId("holder-1")).push(world.signal(PartyId("holder-1"), {"phone": "1"}))
        assert caught.value.rule == "unknown-entity"
        with psycopg.connect(database) as connection:
            query = "SELECT count(*) FROM events WHERE kind = %s"
            count = connection.execute(query, (RequestRefused.TAG,)).fetchone()
        assert count == (1,)


async def test_malformed_pushes_list_all_errors(database: str) -> None:
    """A malformed push is 400 with every wrong place; a push without Idempotency-Key says so."""
    async with broker_world(database) as world:
        police = world.agency(POLICE)
        broken = b'{"signals":[{"id":"x","purpose":"A","extra":1}]}'
        with pytest.raises(InputError) as caught:
            await police.client.request("POST", "/v1/signals", body=broken, headers={"Idempotency-Key": "k" * 8})
        assert {"signals[0].id", "signals[0].purpose", "signals[0].extra"} <= {i.location for i in caught.value.issues}
        with pytest.raises(InputError, match="Idempotency-Key"):
            await police.client.post(
                "/v1/signals", PushRequest(signals=(world.signal(POLICE, {"phone": "1"}),)), PushAnswer
            )
        other = world.kit.signers[CARE]
        police.client._signer = other
        with pytest.raises((InputError, AuthenticationError)):
            await police.client.request("POST", "/v1/signals", body=b"", headers={"Idempotency-Key": "k" * 8})


def _index(answer: PushAnswer) -> int:
    evidence = answer.results[0].evidence
    assert evidence is not None
    return evidence.index


def _refusal(result: SignalResult) -> str:
    assert result.refusal is not None
    return result.refusal.code


def _count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]  # noqa: S608 - our own table
    assert row is not None
    return int(row[0])


async def test_a_world_is_real(database: str) -> None:
    """A signal pushed through HTTP is in the tables, tag by tag, and its health page says ready."""
    async with broker_world(database) as world:
        assert isinstance(world, BrokerWorld)
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "1", "iban": "2"}))
        assert _count(database, "tags") == 2
        assert _count(database, "parts") == 2
        ready = await world.http.get(world.kit.covenant.broker.url + "/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
