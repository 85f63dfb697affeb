# SPDX-License-Identifier: EUPL-1.2
"""What is shown of probes, in two languages, and what is told of them: numbers, of which the log has each."""

import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from agency_client.probe_counts import Declaring, counts_of, month_before
from agency_client.probing import Prober
from agency_client.showing_probes import ProbeFigures, figures_json, figures_of, show_figures
from agency_client.signed_versions import SignedVersions
from agency_client.vault.probes import ProbeState
from edge.languages import Lang
from protocol.errors import Code, ConflictError, VerificationError
from protocol.ids import PartyId, PurposeId
from protocol.messages import ActAnswer, parse
from protocol.statistics import ProbeCounts
from tests.fakes.agency import Client, make_client, new_signal, signed_nothing
from tests.fakes.small_world import NOW, PURPOSE, AgencyDoor, MemoryBroker, World, _verified, agreed_of

POLICE = PartyId("police-oost")
FIGURES = ProbeFigures(
    rate=1,
    answer_hours=24,
    pairs=4,
    counts=Counter({ProbeState.ANSWERED: 12, ProbeState.MISSING: 1, ProbeState.UNANSWERED: 2}),
    ask=(PartyId("care-linde"),),
    working=1.0,
    share=0.1,
    keys=345,
)


def shown(figures: ProbeFigures, lang: Lang) -> str:
    """Return what people see."""
    out = io.StringIO()
    show_figures(Console(file=out, width=120), figures, lang)
    return out.getvalue()


def test_the_figures_are_told_in_both_languages() -> None:
    """Counts, whom to ask, the chances and the costs stand there in Dutch and in English."""
    for lang, words in {
        "nl": ("12  beantwoord", "1  ACHTERGEHOUDEN", "Vraag een verklaring aan: care-linde", "3 maanden", "10.0%"),
        "en": ("12  answered", "1  WITHHELD", "Ask these for their statement: care-linde", "3 months", "10.0%"),
    }.items():
        text = shown(FIGURES, lang)  # type: ignore[arg-type]  # one of the two
        assert all(one in text for one in words), text
        # 1 - exp(-0.05 * 4 * 13) of a quarter, 1 - exp(-0.01 * 4 * 52) of a year.
        assert "92.6%" in text
        assert "87.5%" in text


def test_without_rate_or_pairs_it_says_that_nothing_is_probed() -> None:
    """An agency that probes with nobody is told so, and no chance is claimed."""
    for figures in (ProbeFigures(0, 24, 4, Counter(), (), 1, 0, 0), ProbeFigures(1, 24, 0, Counter(), (), 1, 0, 0)):
        assert "no probes" in shown(figures, "en")
        assert "%" not in shown(figures, "nl")


def test_programs_get_whole_numbers() -> None:
    """The JSON has each state, the alarms among them, and chances in parts per million."""
    found = figures_json(FIGURES)
    assert found["probes"] == {str(state): FIGURES.counts[state] for state in ProbeState}
    assert found["ask"] == ["care-linde"]
    assert found["chances"] == [
        {"withheldPerMillion": round(share * 1e6), "caughtPerMillion": [round(chance * 1e6) for chance in row]}
        for share, row in FIGURES.chances
    ]


class CountingDoor(AgencyDoor):
    """A broker that logs declared probes; ``bend`` changes what it logs."""

    def __init__(
        self,
        broker: MemoryBroker,
        bend: Callable[[ProbeCounts], ProbeCounts] = lambda said: said,
        *,
        counted: bool = False,
    ) -> None:
        super().__init__(broker, POLICE)
        self.bend = bend
        self.counted = counted
        self.said: list[ProbeCounts] = []

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Take a declaration, or what the small world takes."""
        if path != "/v1/probe-counts":
            return await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        if self.counted:
            raise ConflictError(Code.CONFLICT, "This month was counted without the declaration.")
        said = parse(ProbeCounts, body)
        self.said.append(said)
        event = self.broker.recorder.probes_declared(
            _verified(self.agency, body, None), self.bend(said), NOW + timedelta(days=30)
        ).event
        evidence = self.broker.log.evidence(*self.broker.log.add(event))
        return ActAnswer(evidence=evidence, checkpoint=self.broker.log.checkpoint()).to_json()


def declaring(client: Client, world: World, door: CountingDoor, now: datetime) -> Declaring:
    """Return what declares police's probes at a moment."""
    agreed = agreed_of(world.kit.covenant)
    prober = Prober(client.vault, world.signer(POLICE), agreed.engine, world.kit.covenant.agency(POLICE), lambda: now)
    return Declaring(prober, door, client.trail, SignedVersions(agreed, signed_nothing, None))


async def test_a_month_is_declared_once_and_kept_as_a_receipt(tmp_path: Path, world: World) -> None:
    """After the month's end the numbers go, the log has them, and they do not go again; not before."""
    door = CountingDoor(world.broker)
    client = make_client(tmp_path, world, broker=door)
    client.vault.signals.add([new_signal("R-1", [("phone", "+31600000001")])], NOW)
    assert await client.send() is None
    now = NOW + timedelta(days=20)
    assert await declaring(client, world, door, NOW).run() == 0
    assert await declaring(client, world, door, now).run() == 1
    assert [(one.purpose, one.month, sum(one.counts.values())) for one in door.said] == [(PURPOSE, "2026-11", 0)]
    assert "ProbesDeclared" in {kind for _, kind, _ in client.vault.evidence.receipts()}
    assert await declaring(client, world, door, now).run() == 0
    assert len(door.said) == 1
    assert figures_of(declaring(client, world, door, now).prober).counts == Counter()


async def test_other_numbers_in_the_log_are_refused_and_a_counted_month_is_left(tmp_path: Path, world: World) -> None:
    """A log that has other numbers is no proof; a month that was counted without them is not asked for again."""
    now = NOW + timedelta(days=20)
    more = {"registered": 7}
    bent = CountingDoor(world.broker, lambda said: said.model_copy(update={"counts": {**said.counts, **more}}))
    client = make_client(tmp_path, world, broker=bent)
    client.vault.signals.add([new_signal("R-1", [("phone", "+31600000001")])], NOW)
    with pytest.raises(VerificationError):
        await declaring(client, world, bent, now).run()
    late = CountingDoor(world.broker, counted=True)
    assert await declaring(client, world, late, now).run() == 0
    assert await declaring(client, world, bent, now).run() == 0


def test_the_month_that_is_over_is_named_also_in_january() -> None:
    """In January it is December of the year before."""
    assert month_before(datetime(2027, 1, 3, tzinfo=UTC)) == "2026-12"
    assert month_before(datetime(2026, 11, 30, tzinfo=UTC)) == "2026-10"


def test_without_probes_every_number_is_none(tmp_path: Path, world: World) -> None:
    """Real signals are in no declared number."""
    client = make_client(tmp_path, world)
    client.vault.signals.add([new_signal("R-1", [("phone", "+31600000001")])], NOW)
    prober = declaring(client, world, CountingDoor(world.broker), NOW).prober
    assert set(counts_of(prober, PURPOSE, "2026-11").counts.values()) == {0}
