# SPDX-License-Identifier: EUPL-1.2
"""Who sends a signal: a person's push is in the log as that person's act, and everything else as the system's."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from agency_client.states import SignalState
from agency_client.vault.adding import NewSignal
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.senders import SenderRow
from broker.facts import Recorded
from broker.recording import Recorder
from protocol.commitments import Committed
from protocol.errors import Code, ConflictError, VerificationError
from protocol.events import Event, SignalRefused, SignalRegistered, SignalWithdrawn
from protocol.ids import Epoch, PartyId
from protocol.messages import Refusal, Signal, SignalResult
from protocol.policy import Decision
from protocol.signing import Verified
from tests.fakes.agency import Client, make_client, new_signal
from tests.fakes.agency_vault import open_vault
from tests.fakes.small_world import NOW, PURPOSE, MemoryBroker, World

POLICE = PartyId("police-oost")
ANNA, BART = "a" * 32, "b" * 32


def by(person: str | None, reference: str, phone: str = "") -> NewSignal:
    """Return the signal of a record that this person, or a system, gives."""
    return replace(new_signal(reference, [("phone", phone or f"+31 {reference}")]), person=person)


def actors(world: World, kind: type[Event]) -> Counter[tuple[str | None, str | None]]:
    """Return by how many entries of a kind each person or system is named."""
    events = [made.event for made in world.broker.log.entries.values()]
    return Counter((one.act.person, one.act.system) for one in events if isinstance(one, kind))


def pushes(world: World) -> int:
    """Return how many requests with signals the broker was sent."""
    return len({key for path, key in world.broker.posts if path == "/v1/signals"})


@pytest.fixture
def client(tmp_path: Path, world: World) -> Client:
    """Return the police's client."""
    return make_client(tmp_path / "p", world)


async def test_a_person_and_a_system_never_share_a_request(client: Client, world: World) -> None:
    """Signals of one sender go together, whatever the order in which they came, and each is logged as its sender's."""
    senders = [None, ANNA, None, BART, ANNA, None, None]
    client.vault.signals.add([by(who, f"P-{place}") for place, who in enumerate(senders)], NOW)
    assert await client.send() is None
    assert client.vault.signals.count() == {SignalState.ACCEPTED: len(senders)}
    assert actors(world, SignalRegistered) == {(None, POLICE): 4, (ANNA, None): 2, (BART, None): 1}
    assert pushes(world) == 3


async def test_a_file_goes_in_as_few_requests_beside_a_person(tmp_path: Path, world: World) -> None:
    """One signal by hand among those of a file costs one request more, and no batch of the file is smaller for it."""
    client = make_client(tmp_path / "p", world, batch=10)
    client.vault.signals.add([by(ANNA if place == 15 else None, f"P-{place}") for place in range(31)], NOW)
    assert await client.send() is None
    assert pushes(world) == 3 + 1


async def test_who_changes_it_last_before_it_leaves_sends_it(client: Client, world: World) -> None:
    """A record that was not sent yet is changed in place, and is the act of who changed it."""
    add = client.vault.signals.add
    add([by(None, "P-1", "1"), by(ANNA, "P-2", "1"), by(ANNA, "P-3", "1"), by(ANNA, "P-4", "1")], NOW)
    add([by(ANNA, "P-1", "2"), by(None, "P-2", "2"), by(BART, "P-3", "2")], NOW)
    # The same again is no change, and no act.
    add([by(BART, "P-4", "1")], NOW)
    assert await client.send() is None
    assert actors(world, SignalRegistered) == {(ANNA, None): 2, (None, POLICE): 1, (BART, None): 1}


async def test_a_correction_and_what_it_takes_back_are_one_persons_act(client: Client, world: World) -> None:
    """The old signal is withdrawn by who corrects it: a person, or the system whose record changed."""
    client.vault.signals.add([by(None, "P-1", "1"), by(ANNA, "P-2", "1")], NOW)
    assert await client.send() is None
    client.vault.signals.add([by(ANNA, "P-1", "2"), by(None, "P-2", "2")], NOW)
    assert await client.send() is None
    assert actors(world, SignalRegistered) == {(None, POLICE): 2, (ANNA, None): 2}
    assert actors(world, SignalWithdrawn) == {(None, POLICE): 1, (ANNA, None): 1}


async def test_a_retry_is_the_same_request_of_the_same_person(tmp_path: Path, world: World) -> None:
    """After a lost answer and a kill the same bytes go under the same key and person, and are one act in the log."""
    client = make_client(tmp_path / "p", world)
    client.vault.signals.add([by(ANNA, "P-1")], NOW)
    world.broker.late = True
    assert (await client.send()) is not None
    client.vault.close()
    world.broker.late = False
    again = make_client(tmp_path / "p", world)
    assert await again.send() is None
    assert again.vault.signals.count() == {SignalState.ACCEPTED: 1}
    assert pushes(world) == 1
    assert actors(world, SignalRegistered) == {(ANNA, None): 1}


async def test_after_its_epoch_closed_it_is_still_that_persons(client: Client, world: World) -> None:
    """What is tagged again is sent again by who sent it first; what is refused is logged as that person's too."""
    client.vault.signals.add([by(ANNA, "P-1")], NOW)
    world.broker.refuse = Refusal(code=Code.EPOCH_CLOSED.value, detail="It closed.")
    (pending,) = client.vault.pending.batch(10)
    assert pending.person == ANNA
    number = await client.sending._tag([pending])
    assert number is not None
    await client.post.send(number, client.sending.tally)
    world.broker.refuse = None
    assert client.vault.signals.count() == {SignalState.NEW: 1}
    assert await client.send() is None
    assert actors(world, SignalRefused) == actors(world, SignalRegistered) == {(ANNA, None): 1}


class Blames(MemoryBroker):
    """A broker that logs whatever is sent as another's act."""

    who: str | None = None

    def _take(self, agency: PartyId, signal: Signal, by: Verified) -> tuple[SignalResult, int, Committed]:
        self.recorder = Accuser(self.kit.covenant, PartyId("broker"), uuid4, self.who)
        return super()._take(agency, signal, by)


@dataclass(frozen=True, slots=True)
class Accuser(Recorder):
    """Names one person, or the system, whoever sent it."""

    who: str | None = None

    def registered(self, signal: Signal, by: Verified, decision: Decision, now: datetime) -> Recorded:
        """Write it down as that one's."""
        return Recorder.registered(self, signal, replace(by, person=self.who), decision, now)


@pytest.mark.parametrize(("sent", "logged"), [(ANNA, BART), (ANNA, None), (None, BART)])
async def test_a_push_that_is_logged_as_anothers_act_is_not_believed(
    tmp_path: Path, world: World, sent: str | None, logged: str | None
) -> None:
    """Neither another person, nor the system for a person, nor a person for the system."""
    broker = Blames(world.kit, world.broker.seeds, world.broker.log)
    broker.who, world.broker = logged, broker
    client = make_client(tmp_path / "p", world)
    client.vault.signals.add([by(sent, "P-1")], NOW)
    found = await client.send()
    assert isinstance(found, VerificationError)
    assert found.code is Code.RECEIPT_INVALID
    assert "another person" in found.detail
    assert client.vault.signals.count() == {SignalState.SENT: 1}


def test_what_changed_hands_while_it_was_tagged_is_read_anew(client: Client) -> None:
    """A request is never written under a sender that its signals do not have any more."""
    client.vault.signals.add([by(ANNA, "P-1", "1")], NOW)
    (read,) = client.vault.pending.batch(10)
    client.vault.signals.add([by(None, "P-1", "2")], NOW)
    client.vault.signals.add([by(BART, "P-1", "1")], NOW)
    posting = NewPosting(PostingKind.PUSH, "/v1/signals", new_key(), b'{"signals":[]}', PURPOSE, ANNA)
    with pytest.raises(ConflictError):
        client.vault.outbox.put_push(posting, [(read, [])], Epoch(3), NOW)
    assert [one.person for one in client.vault.pending.batch(10)] == [BART]


def test_who_sent_is_forgotten_with_the_content_and_an_older_vault_opens(tmp_path: Path, world: World) -> None:
    """The log keeps who did it; the vault need not. A vault from before has no such table, and gets it."""
    client = make_client(tmp_path / "p", world)
    client.vault.signals.add([by(ANNA, "P-1")], NOW)
    (kept,) = client.vault.signals.find("P-1")
    client.vault.pending.withdraw_unsent(kept.id)
    client.vault.retention.note_ended(NOW)
    client.vault.retention.erase([str(kept.id)], NOW + timedelta(days=1))
    database = client.vault._database
    with database.writing() as session:
        assert session.get(SenderRow, str(kept.id)) is None
        session.connection().exec_driver_sql("DROP TABLE signal_sender")
    client.vault.close()
    vault = open_vault(tmp_path / "p", b"police-oost")
    vault.signals.add([by(BART, "P-2")], NOW)
    assert [one.person for one in vault.pending.batch(10)] == [BART]
    vault.close()
