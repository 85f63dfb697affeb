# SPDX-License-Identifier: EUPL-1.2
"""Probes at the client: a broker that withholds hits is caught, an honest one never accused, nobody sees a probe."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agency_client.actors import PROBE, actors
from agency_client.awaiting import waits
from agency_client.probe_answers import Answers
from agency_client.probe_exchange import statement_for, take
from agency_client.probing import MIXED_FROM, Prober
from agency_client.receipts import Wanted, write_receipts
from agency_client.states import SignalState
from agency_client.vault.probes import KeptProbe, ProbeState
from protocol.errors import Code, InputError, VerificationError
from protocol.events import SignalRegistered
from protocol.ids import PartyId
from protocol.messages import Signal
from protocol.probe_statements import ProbeStatement, SignedProbeStatement
from protocol.probes import PATIENCE
from tests.fakes import small_world
from tests.fakes.agency import Client, make_client, new_signal
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW, PURPOSE, MemoryBroker, World, agreed_of, make_world

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
NAMED = [("name-dob", "anna|berg|2001-01-31"), ("sound-dob", "AN|BRK|2001-01-31"), ("sound-year-month", "AN|BRK|01")]


class Withholding(MemoryBroker):
    """A broker that matches, and tells nobody of these hits."""

    withheld: Callable[[int], bool] = staticmethod(lambda _: False)
    seen = 0

    def _tell(self, mine: Any, theirs: Any, hit: Any, agreed: Any) -> None:
        # Both sides of a hit are told in turn.
        self.seen += 1
        if not self.withheld((self.seen - 1) // 2):
            super()._tell(mine, theirs, hit, agreed)


@dataclass
class Side:
    """One agency with its client and prober."""

    party: PartyId
    client: Client
    prober: Prober
    bodies: list[Signal] = field(default_factory=list)

    async def work(self) -> None:
        """Do what `sluis agency send` and `inbox` do."""
        self.prober.alone()
        assert await self.client.send() is None
        await self.client.reading.read()

    def probes(self) -> list[KeptProbe]:
        """Return this side's probes."""
        return self.client.vault.probes.all()

    def states(self) -> set[ProbeState]:
        """Return the states of this side's probes."""
        return {one.state for one in self.probes()}

    def findings(self) -> set[str]:
        """Return the codes of this side's findings, but for the quiet log of these tests."""
        return {one.code for one in self.client.vault.evidence.findings()} - {"quorum_missing"}


@dataclass
class Stage:
    """Two agencies at one broker, and a clock that moves for all."""

    now: datetime
    world: World
    police: Side
    care: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.police, self.care

    async def days(self, count: int, step: int = 1, *, asleep: Side | None = None) -> None:
        """Let days go by; all but one side work on each."""
        for _ in range(0, count, step):
            self.now += timedelta(days=step)
            small_world.NOW = self.now
            for side in self.sides:
                if side is not asleep:
                    await side.work()

    async def exchange(self) -> None:
        """Let each side tell the other what it pushed."""
        for mine, other in (self.sides, self.sides[::-1]):
            said = statement_for(other.prober, mine.party)
            await take(mine.prober, mine.client.trail, SignedProbeStatement.model_validate_json(said.to_json()))
            Answers(mine.client.vault, self.world.kit.covenant, mine.prober.clock).assess()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return two agencies that have signals of their own."""
    kit = make_covenant(now=NOW, agencies=1, also=((CARE, "care", "De Linde"),))
    world = make_world(kit)
    world.broker = Withholding(kit, world.broker.seeds, world.broker.log, level="agency")
    made: list[Stage] = []

    def clock() -> datetime:
        return made[0].now

    def side(party: PartyId) -> Side:
        client = make_client(tmp_path / party, world, party, clock=clock)
        engine = agreed_of(kit.covenant).engine
        prober = Prober(client.vault, kit.signers[party], engine, kit.covenant.agency(party), clock)
        return Side(party, client, prober)

    made.append(Stage(NOW, world, side(POLICE), side(CARE)))
    yield made[0]
    small_world.NOW = NOW


async def begin(stage: Stage, at_once: int = 1) -> None:
    """Let both sides send some real signals, so that probes have something to look like."""
    for side in stage.sides:
        for number in range(3):
            keys = [(kind, f"{form} {side.party} {number}") for kind, form in NAMED]
            made = [(f"R-{number}-{one}", [(kind, f"{form} {one}") for kind, form in keys]) for one in range(at_once)]
            basis = "legal-duty" if side.party == POLICE else "reporting-right"
            side.client.vault.signals.add([_with_basis(reference, own, basis) for reference, own in made], stage.now)
            await side.work()


def _with_basis(reference: str, keys: list[tuple[str, str]], basis: str) -> Any:
    new = new_signal(reference, keys)
    draft = json.loads(new.draft) | {"basis": basis}
    raw = json.dumps(draft, separators=(",", ":"), sort_keys=True).encode()
    return type(new)(new.id, new.purpose, new.reference, raw, new.expires_at)


async def test_an_honest_broker_is_never_accused_in_a_year(stage: Stage) -> None:
    """Some fifty probes are pushed and answered in a year, each agency learns of each, and nothing is found."""
    await begin(stage)
    for _ in range(6):
        await stage.days(60, 3)
        await stage.exchange()
    for side in stage.sides:
        counts = side.client.vault.probes.count()
        assert counts[ProbeState.ANSWERED] > 15
        assert side.findings() == set()
        assert not {ProbeState.MISSING, ProbeState.LATE} & side.states()


@pytest.mark.parametrize("share", [1, 2])
async def test_a_broker_that_withholds_hits_is_caught(stage: Stage, share: int) -> None:
    """All, or every second, hit of a pair withheld is an alarm at both sides, with both registrations as evidence."""
    await begin(stage)
    broker = stage.world.broker
    assert isinstance(broker, Withholding)
    broker.withheld = lambda number: number % share == 0
    await stage.days(60, 2)
    assert ProbeState.MISSING not in stage.police.states() | stage.care.states()
    await stage.exchange()
    for side, other in (stage.sides, stage.sides[::-1]):
        assert ProbeState.MISSING in side.states()
        assert (ProbeState.ANSWERED in side.states()) == (share > 1)
        assert side.findings() == {Code.PROBE_UNANSWERED}
        (finding, *_) = (one for one in side.client.vault.evidence.findings() if one.code == Code.PROBE_UNANSWERED)
        assert f"probe {other.party}" in finding.place
        ours, theirs = json.loads(finding.ours), json.loads(finding.theirs)["registration"]
        mine, yours = (one["opening"]["subject"]["tagDigests"] for one in (ours, theirs))
        assert set(mine) & set(yours)


async def test_a_hit_that_comes_after_its_time_is_late(stage: Stage) -> None:
    """A hit told after the agreed hours is an alarm of its own, also when it was missed before."""
    await begin(stage)
    broker = stage.world.broker
    assert isinstance(broker, Withholding)
    kept: list[Any] = []
    tell = broker._tell
    broker._tell = lambda *told: kept.append(told)  # type: ignore[method-assign]
    await stage.days(45, 3)
    await stage.exchange()
    assert ProbeState.MISSING in stage.police.states()
    for told in kept:
        tell(*told)
    await stage.days(3, 3)
    assert ProbeState.LATE in stage.police.states()
    assert ProbeState.MISSING not in stage.police.states()
    assert stage.police.findings() == {Code.PROBE_UNANSWERED, Code.PROBE_LATE}


async def test_who_was_offline_is_no_reason_for_an_alarm(stage: Stage) -> None:
    """Probes that the other side let pass are a question first, and nothing once it said so."""
    await begin(stage)
    await stage.days(60, 2, asleep=stage.care)
    assert ProbeState.UNANSWERED in stage.police.states()
    await stage.days(4, 2)
    await stage.exchange()
    assert ProbeState.UNANSWERED not in {one.state for one in stage.police.probes() if one.theirs}
    assert ProbeState.VOID in stage.police.states()
    assert ProbeState.PASSED in stage.care.states()
    assert stage.police.findings() == stage.care.findings() == set()


async def test_a_client_that_did_not_read_accuses_nobody(stage: Stage) -> None:
    """Until the notices were read after the time for the hit, its absence here says nothing."""
    await begin(stage)
    side = stage.police
    for _ in range(30):
        await stage.days(2, 2, asleep=side)
        side.prober.alone()
        assert await side.client.send() is None
    await stage.exchange()
    assert side.findings() == set()
    assert ProbeState.MISSING not in side.states()
    await stage.days(1)
    assert ProbeState.ANSWERED in side.states()
    assert side.findings() == set()


async def test_no_shelf_that_people_see_has_a_probe(stage: Stage, tmp_path: Path) -> None:
    """Hits, signals, counts and waits are without probes, while the log is verified with all of their entries."""
    await begin(stage)
    real = stage.police.client.vault.signals.count()
    await stage.days(50, 2)
    vault = stage.police.client.vault
    signals = vault.probes.signals()
    assert signals
    assert vault.signals.count() == real == {SignalState.ACCEPTED: 3}
    assert vault.pending.count() == 0
    assert vault.hits.all() == [] == vault.hits.starting_with("")
    assert not signals & {kept.id for _, kept in vault.signals.page(0, 500)}
    assert not any(vault.signals.find(str(one)) for one in signals)
    written = [one.event for one in write_receipts(vault, Wanted(), tmp_path / "receipts", lambda _: None)]
    assert [one for one in written if isinstance(one, SignalRegistered)]
    assert not any(signals & set(one.subject.signal_ids) for one in written)
    assert not signals & {one.signal.id for one in waits(vault, stage.world.kit.covenant, POLICE, stage.now)}
    assert stage.police.client.sending.tally.accepted == 3
    checked = await stage.police.client.checking.run(lambda _, __: None)
    assert checked.receipts >= 3 + 2 * len([one for one in stage.police.probes() if one.state is ProbeState.ANSWERED])


async def test_the_broker_sees_the_same_fields_and_sizes(stage: Stage) -> None:
    """A probe has kinds, roles, grounds, basis and sizes of a real signal of the same agency, and no value of one."""
    await begin(stage)
    await stage.days(40, 2)
    broker, vault = stage.world.broker, stage.police.client.vault
    probes = vault.probes.signals()
    own = [one.signal for one in broker.signals.values() if one.agency == POLICE]

    def shape(signal: Signal) -> str:
        said = json.loads(signal.to_json())
        drop = {"id", "expiresAt", "caseToken", "signature", "keys", "parts", "epoch"}
        sizes = [{name: len(wrap) for name, wrap in key["wraps"].items()} for key in said["keys"]]
        keys = [(key["kind"], key["role"], size) for key, size in zip(said["keys"], sizes, strict=True)]
        parts = [(part["name"], len(part["ciphertext"])) for part in said["parts"]]
        rest = {name: value for name, value in said.items() if name not in drop}
        return json.dumps([rest, keys, parts], sort_keys=True)

    real_shapes = {shape(one) for one in own if one.id not in probes}
    assert probes
    assert {shape(one) for one in own if one.id in probes} <= real_shapes
    tags = [key.tag for one in own for key in one.keys]
    assert len(set(tags)) == len(tags)
    assert len({one.case_token for one in own}) == len(own)


async def test_what_people_send_is_probed_too(stage: Stage) -> None:
    """A probe that looks like a person's signal goes under that person's reference; the agency itself can tell it."""
    client, anna = stage.police.client, "a" * 32
    client.vault.evidence.put_person(anna, "anna")
    for number in range(3):
        keys = [(kind, f"{form} {number}") for kind, form in NAMED]
        client.vault.signals.add([replace(_with_basis(f"R-{number}", keys, "legal-duty"), person=anna)], stage.now)
        await stage.police.work()
    await begin(replace(stage, police=stage.care))
    await stage.days(40, 2)
    probes, named = client.vault.probes.signals(), actors(client.vault, "en")
    logged = [(place, made.event) for place, made in stage.world.broker.log.entries.items()]
    own = [(place, one) for place, one in logged if isinstance(one, SignalRegistered) and one.act.agency == POLICE]
    assert {(one.act.person, one.act.system) for _, one in own} == {(anna, None)}
    said = {place: named(place)(anna) for place, _ in own}
    probed = {place for place, one in own if one.subject.signal_ids[0] in probes}
    assert probed
    assert {said[place] for place in probed} == {PROBE[1].format(who="anna")}
    assert {said[place] for place in said.keys() - probed} == {"anna"}


async def test_probes_go_among_the_signals_of_a_file(stage: Stage) -> None:
    """An agency that sends files pushes its probe within one, with an id of the same moment and in no fixed place."""
    await begin(stage, at_once=2 * MIXED_FROM)
    police, places = stage.police, set()
    for _ in range(14):
        stage.now += timedelta(hours=60)
        small_world.NOW = stage.now
        reference = stage.now.isoformat()
        keys = [[(kind, f"{form}{reference}{one}") for kind, form in NAMED] for one in range(8)]
        new = [new_signal(f"{reference} {place}", one) for place, one in enumerate(keys)]
        added = police.client.vault.signals.add(new, stage.now)
        mixed = police.prober.mix(frozenset((PURPOSE,)), added.new, stage.now)
        assert police.prober.alone() == 0
        assert await police.client.send() is None
        last = [one.signal for one in stage.world.broker.signals.values() if one.agency == POLICE][-8 - mixed :]
        probes = police.client.vault.probes.signals()
        places |= {place for place, one in enumerate(last) if one.id in probes}
        assert len([one for one in last if one.id in probes]) == mixed
    assert len(places) > 1


async def test_nothing_is_pushed_that_looks_like_nothing(stage: Stage) -> None:
    """An agency without signals of its own has nothing to look like, and lets its probes pass."""
    await stage.days(40, 2)
    assert stage.police.states() == {ProbeState.PASSED}
    assert stage.world.broker.signals == {}


async def test_probes_leave_a_tenth_of_the_budget(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a key-holder's budget of the day is nearly used, a probe waits; no real signal waits for one."""
    await begin(stage)
    police = stage.police
    police.client.vault.evidence.put_setting(
        "budgets",
        json.dumps(
            [
                {
                    "purpose": PURPOSE,
                    "keyHolder": "holder-1",
                    "used": 95,
                    "left": 5,
                    "renewsAt": "2027-11-21T20:00:00.000Z",
                }
            ]
        ),
    )
    stage.now += timedelta(days=30)
    for _ in range(10):
        stage.now += PATIENCE / 2
        police.prober.alone()
    assert police.client.vault.probes.signals() == frozenset()


async def test_a_statement_counts_only_as_signed_and_as_the_log_has_it(stage: Stage) -> None:
    """Refused: another's statement, one for somebody else, one that was changed, and one that the log does not have."""
    await begin(stage)
    await stage.days(30, 2)
    police, care = stage.sides
    said = statement_for(care.prober, POLICE)
    assert any(one.registration for one in said.statement.claims)
    changed = said.model_copy(update={"statement": said.statement.model_copy(update={"claims": ()})})
    foreign = statement_for(police.prober, CARE)
    (claim, *_) = (one for one in said.statement.claims if one.registration)
    assert claim.registration is not None
    moved = claim.model_copy(update={"registration": claim.registration.model_copy(update={"index": 0})})
    untrue = SignedProbeStatement.of(
        ProbeStatement(by=CARE, to=POLICE, made_at=stage.now, claims=(moved,)), stage.world.kit.signers[CARE]
    )
    for bad, kind in ((changed, VerificationError), (foreign, InputError), (untrue, VerificationError)):
        with pytest.raises(kind):
            await take(police.prober, police.client.trail, bad)
    assert not any(one.theirs for one in police.probes())
    assert (await take(police.prober, police.client.trail, said)).pushed > 0


async def test_a_push_is_one_push_however_often_it_is_done(stage: Stage) -> None:
    """Doing what is due twice adds nothing."""
    await begin(stage)
    await stage.days(12)
    before = len(stage.police.probes())
    assert stage.police.prober.alone() == 0
    assert len(stage.police.probes()) == before
