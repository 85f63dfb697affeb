# SPDX-License-Identifier: EUPL-1.2
"""Kills and broken connections in the middle of asking, giving and reading: nothing is lost, nothing happens twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agency_client.deciding import Answer
from agency_client.post import Tally
from protocol.disclosure_payload import Attachment, Wanted
from protocol.disclosure_states import DisclosureState
from protocol.disclosures import CHUNK
from protocol.errors import Code, ConflictError, UnavailableError
from protocol.events import EVENTS
from protocol.messages import Justification
from tests.fakes import disclosure_requests as more
from tests.fakes.broker_world import CARE, POLICE, broker_world
from tests.fakes.disclosing_agencies import Office, meeting
from tests.fakes.failing_database import Failure, When, breakable
from tests.fakes.waiting import comes

WHY = Justification(code="case-work", text="Vanavond op huisbezoek.", case_reference="Z-2026-17")
WANTED = Wanted(text="Is het veilig om aan te bellen?")
ANSWER = Answer("Zie bijlage.", {}, (Attachment("foto", bytes(3 * CHUNK)),))


@dataclass
class Dying:
    """A door behind which the program dies at a chosen call: before it, or after the broker took it."""

    door: Any
    calls: list[str]
    name: str = ""
    at: int = 0
    when: str = "before"

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.door, name)
        if name not in ("post", "put_chunk", "chunk"):
            return real

        async def called(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            dies = name == self.name and self.calls.count(name) == self.at
            if dies and self.when == "before":
                raise KilledError
            answer = await real(*args, **options)
            if dies:
                raise KilledError
            return answer

        return called


class KilledError(Exception):
    """The program died here."""


def _kinds(database: str) -> Counter[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT kind FROM events").fetchall()
    return Counter(EVENTS[tag].__name__ for (tag,) in rows if tag in EVENTS)


async def _resume(office: Office) -> None:
    """Start anew and send what waits, as the daemon does."""
    office.reopen()
    for number in office.vault.outbox.open_numbers():
        await office.post.send(number, Tally())


def _dying(calls: list[str], **how: Any) -> Any:
    made: list[bool] = []

    def bend(door: Any) -> Any:
        # The first program dies; the one that is started anew does not.
        made.append(True)
        return Dying(door, calls, **(how if len(made) == 1 else {}))

    return bend


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_between_two_pieces_goes_on_with_the_next(database: str, tmp_path: Path, when: str) -> None:
    """The same pieces go under the same decision; those that arrived are not sent again."""
    calls: list[str] = []
    bend = _dying(calls, name="put_chunk", at=2, when=when)
    async with meeting(database, tmp_path, bent_owner=bend) as met:
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        await met.owner.read()
        with pytest.raises(KilledError):
            await met.owner.deciding.grant(made, ANSWER, met.owner.person("Bas"))
        assert not met.owner.vault.disclosures.get(made).answer
        before = len(calls)
        await _resume(met.owner)
        pieces = 4
        assert calls[before:].count("put_chunk") == pieces - (1 if when == "before" else 2)
        assert met.owner.vault.disclosures.get(made).state is DisclosureState.GRANTED
        await _resume(met.owner)
        assert _kinds(database)["DisclosureDecided"] == 1
        await met.asker.read()
        given = await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert given.attachments == ANSWER.attachments


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_at_the_decision_decides_once(database: str, tmp_path: Path, when: str) -> None:
    """Whether the broker took it or not, after the start it is decided, once, and a colleague's comes too late."""
    bend = _dying([], name="post", at=1, when=when)
    async with meeting(database, tmp_path, bent_owner=bend) as met:
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        await met.owner.read()
        with pytest.raises(KilledError):
            await met.owner.deciding.refuse(made, "no-consent", "Nee.", met.owner.person("Bas"))
        met.owner.reopen()
        with pytest.raises(ConflictError) as late:
            await met.owner.deciding.grant(made, ANSWER, met.owner.person("Cor"))
        assert late.value.code is Code.ALREADY_DECIDED
        await _resume(met.owner)
        assert met.owner.vault.disclosures.get(made).state is DisclosureState.REFUSED
        assert _kinds(database)["DisclosureDecided"] == 1


@pytest.mark.parametrize("read", [False, True])
async def test_an_answer_that_the_broker_took_is_given_though_we_died(
    database: str, tmp_path: Path, read: bool
) -> None:
    """Also when the asker read it meanwhile and its pieces are gone, the start finds it given, by us, once."""
    bend = _dying([], name="post", at=1, when="after")
    async with meeting(database, tmp_path, bent_owner=bend) as met:
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        await met.owner.read()
        with pytest.raises(KilledError):
            await met.owner.deciding.grant(made, ANSWER, met.owner.person("Bas"))
        if read:
            await met.asker.read()
            await met.asker.requesting.take(made, met.asker.person("Anna"))
            # What is told of it can be read before our own answer is there.
            await met.owner.read()
        await _resume(met.owner)
        wanted = DisclosureState.RECEIVED if read else DisclosureState.GRANTED
        assert met.owner.vault.disclosures.get(made).state is wanted
        assert _kinds(database)["DisclosureDecided"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_before_the_receipt_loses_nothing(database: str, tmp_path: Path, when: str) -> None:
    """What was fetched is kept; it is shown only when the log has that it is read, and then once."""
    calls: list[str] = []
    bend = _dying(calls, name="post", at=2, when=when)
    async with meeting(database, tmp_path, bent_asker=bend) as met:
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        await met.owner.read()
        await met.owner.deciding.grant(made, ANSWER, met.owner.person("Bas"))
        await met.asker.read()
        with pytest.raises(KilledError):
            await met.asker.requesting.take(made, met.asker.person("Anna"))
        fetched = calls.count("chunk")
        met.asker.reopen()
        given = await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert given.attachments == ANSWER.attachments
        assert calls.count("chunk") == fetched
        assert _kinds(database)["DisclosureReceived"] == 1


async def test_a_request_that_never_left_is_asked_once(database: str, tmp_path: Path) -> None:
    """Asking the same again while it waits is the same request, and the owner is told of one."""
    bend = _dying([], name="post", at=1, when="before")
    async with meeting(database, tmp_path, bent_asker=bend) as met:
        with pytest.raises(KilledError):
            await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        met.asker.reopen()
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        await met.owner.read()
        assert [one.id for one in met.owner.vault.disclosures.to_decide()] == [made]
        assert _kinds(database)["DisclosureRequested"] == 1


async def _until_taken(what: Any) -> Any:
    """Do a step as a client does: the same again until it is answered."""

    async def once() -> tuple[Any] | None:
        try:
            return (await what(),)
        except UnavailableError:
            return None
        except ConflictError as error:
            if error.code is not Code.IN_FLIGHT:
                raise
            return None

    (answer,) = await comes(once)
    return answer


@pytest.mark.parametrize("when", ["before", "after"])
async def test_no_failing_exchange_with_the_database_loses_or_doubles_a_step(
    database: str, monkeypatch: pytest.MonkeyPatch, when: When
) -> None:
    """A request, a decision and a receipt each stand in the log once, wherever the connection breaks."""
    monkeypatch.setattr("broker.log_worker.LOOK_SECONDS", 0.02)
    with breakable(monkeypatch) as plan:
        async with broker_world(database) as world:
            mine, theirs = world.signal(POLICE, {"phone": "1"}), world.signal(CARE, {"phone": "1"})
            await world.agency(POLICE).push(mine)
            await world.agency(CARE).push(theirs)
            await world.agency(POLICE).told(1)
            hit = (await world.agency(POLICE).notices()).notices[0].hit_id  # type: ignore[union-attr]
            places = (1, 4, 8, 12)
            for at in places:
                terms = more.terms_of(hit, POLICE, CARE, more.new_disclosure())
                request = more.asked(world, terms)
                plan(Failure("request", at, when))
                await _until_taken(lambda request=request: more.send(world, POLICE, "", request))
                plan(Failure("request", at, when))
                refusal = more.refused(world, terms, request)
                path, key = f"/{terms.id}/decision", f"decision-{at:08}"
                await _until_taken(
                    lambda path=path, refusal=refusal, key=key: more.send(world, CARE, path, refusal, key=key)
                )
                plan(None)
            kinds = _kinds(database)
            assert (kinds["DisclosureRequested"], kinds["DisclosureDecided"]) == (len(places), len(places))
