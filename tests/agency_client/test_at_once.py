# SPDX-License-Identifier: EUPL-1.2
"""People, the daemon and other commands act at once on one home: each act is done once, and nobody is told a lie."""

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest

from agency_client.post import Tally
from agency_client.vault.outbox import withdrawal
from protocol.errors import Code, RefusedError, VerificationError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Justification
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import NOW, AgencyDoor, World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")
PERSON = "0" * 32


class SlowDoor(AgencyDoor):
    """A broker that answers after everybody else had a turn, and refuses what it is told to."""

    refusal: RefusedError | None = None

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Answer, late."""
        for _ in range(20):
            await asyncio.sleep(0)
        if self.refusal is not None:
            self.broker.posts.append((path, idempotency_key))
            raise self.refusal
        return await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)


async def with_hit(folder: Path, world: World) -> tuple[Client, SlowDoor]:
    """Return a client that was told of a hit."""
    door = SlowDoor(world.broker, PartyId("police-oost"))
    client, care = make_client(folder / "p", world, broker=door), make_client(folder / "c", world, "care-linde")
    care.add(("C-1", ANNA))
    assert await care.send() is None
    client.add(("P-1", ANNA))
    assert await client.send() is None
    await client.reading.read()
    return client, door


async def written(client: Client) -> None:
    """Wait until the act is in the outbox."""
    for _ in range(1_000):
        if client.vault.outbox.open_numbers():
            return
        await asyncio.sleep(0)
    pytest.fail("nothing was written")


async def test_an_act_that_two_send_is_asked_once(tmp_path: Path, world: World) -> None:
    """When a person acts and the daemon sends the same request meanwhile, the broker is asked once."""
    client, _ = await with_hit(tmp_path, world)
    (hit,) = client.vault.hits.all()
    before = len(world.broker.posts)
    opening = asyncio.create_task(client.acts.open(hit.id, WHY, PERSON))
    await written(client)
    sent, opened = await asyncio.gather(client.send(), opening)
    assert sent is None
    assert opened.parts["contact"]["unit"] == "Team Mensenhandel"
    assert len(world.broker.posts) - before == 1


async def test_who_waits_for_a_refused_act_is_refused(tmp_path: Path, world: World) -> None:
    """When the daemon hears the refusal, the person whose act it was sees nothing of what it would have opened."""
    client, door = await with_hit(tmp_path, world)
    (hit,) = client.vault.hits.all()
    door.refusal = RefusedError(Code.POLICY_REFUSED, "The covenant does not allow this.", rule="open-contact")
    opening = asyncio.create_task(client.acts.open(hit.id, WHY, PERSON))
    await written(client)
    (number,) = client.vault.outbox.open_numbers()
    with pytest.raises(RefusedError):
        await client.post.send(number, Tally())
    with pytest.raises(RefusedError) as refused:
        await opening
    assert refused.value.code is Code.POLICY_REFUSED
    assert client.vault.hits.get(hit.id).opened_at is None
    assert len([path for path, _ in world.broker.posts if path.endswith("/opening")]) == 1


async def test_two_who_read_at_once_keep_each_notice_once(tmp_path: Path, world: World) -> None:
    """A person who asks anew while the daemon listens brings nothing twice and makes no finding."""
    client, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    client.add(*((f"P-{n}", [("bsn", f"12345678{n}")]) for n in range(5)))
    assert await client.send() is None
    care.add(*((f"C-{n}", [("bsn", f"12345678{n}")]) for n in range(5)))
    assert await care.send() is None
    news = await asyncio.gather(*(client.reading.read() for _ in range(3)))
    assert sorted(one.notice.seq for each in news for one in each.verified) == [1, 2, 3, 4, 5]
    assert [each.failures for each in news] == [[], [], []]
    assert client.vault.evidence.findings() == []


async def test_after_a_fork_nobody_sends(tmp_path: Path, world: World) -> None:
    """An act of a person too stays in the outbox while the log has contradicted itself."""
    client, _ = await with_hit(tmp_path, world)
    (hit,) = client.vault.hits.all()
    client.vault.evidence.report(Code.LOG_FORKED, "log", "Two checkpoints contradict each other.", NOW)
    before = len(world.broker.posts)
    with pytest.raises(VerificationError):
        await client.acts.open(hit.id, WHY, PERSON)
    assert len(world.broker.posts) == before
    assert client.vault.outbox.count_open() == 1


def test_transactions_of_two_threads_do_not_mix(tmp_path: Path, world: World) -> None:
    """What one thread writes together is its own: another one's failure beside it undoes only its own part."""
    client = make_client(tmp_path / "p", world)
    vault, inside, go_on = client.vault, threading.Event(), threading.Event()

    def fails() -> None:
        with contextlib.suppress(ZeroDivisionError), vault.together():
            inside.set()
            assert go_on.wait(30)
            vault.evidence.put_setting("theirs", "1")
            raise ZeroDivisionError

    thread = threading.Thread(target=fails)
    thread.start()
    assert inside.wait(30)
    with vault.together():
        vault.evidence.put_setting("mine", "1")
    go_on.set()
    thread.join(30)
    assert (vault.evidence.setting("mine"), vault.evidence.setting("theirs")) == ("1", None)


async def test_a_withdrawal_beside_the_sender_is_done(tmp_path: Path, world: World) -> None:
    """A withdrawal that the daemon sent first is done for the person who asked for it."""
    client, _ = await with_hit(tmp_path, world)
    (kept,) = client.vault.signals.find("P-1")
    number = client.vault.outbox.put(withdrawal(kept.id, "ended", PERSON), NOW)
    await asyncio.gather(*(client.post.send(number, Tally()) for _ in range(3)))
    assert len([path for path, _ in world.broker.posts if path.endswith("/withdrawal")]) == 1
