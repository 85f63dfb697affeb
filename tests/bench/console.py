# SPDX-License-Identifier: EUPL-1.2
"""What a screen of the console costs at the server with 10,000 signals and 2,000 hits, against one with nothing on it.

A real vault, real pages, no network and no browser: from the request until the last byte of the page, for somebody with
every role. The hits were proven as a client does it; how they came is left out. Not here: what a browser then does.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlmodel import col, update

from agency_client.states import SignalState
from agency_client.trail import LogKeys, prove
from agency_client.vault.hits import Hits
from agency_client.vault.tables import SignalRow
from agency_client.verified import VerifiedHit
from broker.recording import Hit
from protocol.ids import HitId, KeyKind, PartyId, SignalId
from protocol.messages import Agreement, Counterpart, Evidence, ReleasedWrap, SealedPart
from protocol.notices import HitNotice
from tests.bench.measure import Row
from tests.fakes.console_cases import PERSON, record
from tests.fakes.console_world import Console, console_of
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import ALLOWED, NOW, PURPOSE, World, make_world

SIGNALS: Final = 10_000
HITS: Final = 2_000
ROUNDS: Final = 60
"""Pages of each screen: the slowest one in twenty is then the third slowest."""
ROLES: Final = "coordinator,supervisor,privacy-officer,operator"
_OTHER: Final = PartyId("care-linde")
_KINDS: Final = tuple(KeyKind(kind) for kind, _ in PERSON)
_PART: Final = 512
_WRAP: Final = 72
"""Bytes of a sealed part and of a wrap, about as they are."""


def rows(signals: int = SIGNALS, hits: int = HITS, rounds: int = ROUNDS) -> list[Row]:
    """Return the 95th percentile of each screen, in milliseconds."""
    return asyncio.run(_rows(signals, hits, rounds))


async def _rows(signals: int, hits: int, rounds: int) -> list[Row]:
    world = make_world(make_covenant(now=NOW))
    with tempfile.TemporaryDirectory(prefix="sluis-bench-") as made:
        folder = Path(made)
        async with console_of(folder / "full", world) as full, console_of(folder / "empty", world) as empty:
            told = fill(full, world, signals, hits)
            paths = ["/today", "/hits", f"/hits/list/open/{max(1, hits // 40)}", f"/hits/{told[hits // 2]}"]
            paths += ["/requests", *(f"/{one.name}" for one in full.app.state.house.menu)]
            taken: dict[str, list[float]] = {path: [] for path in dict.fromkeys(paths)}
            bare: list[float] = []
            for turn in range(rounds + 1):
                for path, seconds in taken.items():
                    found, nothing = await _seconds(full, path), await _seconds(empty, "/today")
                    # The first of each parses templates and warms what a server that stays has warm.
                    if turn:
                        seconds.append(found)
                        bare.append(nothing)
    against = "an empty screen"
    floor = _p95(bare) * 1e3
    said = f"among {signals:,} signals and {hits:,} hits, p95"
    return [Row(f"console: {_named(path)} {said}", "ms", _p95(taken[path]) * 1e3, against, floor) for path in taken]


def _named(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/hits/list"):
        return "/hits, a later page,"
    return "/hits, one hit," if len(parts) > 2 else path


async def _seconds(console: Console, path: str) -> float:
    start = time.perf_counter()
    answer = await console.get(path, role=ROLES, lang="nl")
    taken = time.perf_counter() - start
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return taken


def fill(console: Console, world: World, signals: int, hits: int) -> list[HitId]:
    """Put signals that stand, and hits with the first of them, into a console's vault; returns the hits."""
    vault = console.client.vault
    made = [record(f"D-{number}", PERSON, case=f"Z-{number}") for number in range(signals)]
    for start in range(0, signals, 1_000):
        vault.signals.add(made[start : start + 1_000], NOW)
    with vault.together(), vault._database.writing() as session:
        session.connection().execute(update(SignalRow).values(state=SignalState.ACCEPTED, epoch=3))
        session.connection().execute(
            update(SignalRow).where(col(SignalRow.position) % 50 == 0).values(state=SignalState.WITHDRAWN)
        )
    notices = [_notice(world, number, made[number].id) for number in range(hits)]
    cosigned = LogKeys.of(world.kit.covenant).open(world.broker.log.checkpoint())
    shelf: Hits = vault.hits
    with vault.together():
        for notice, place in notices:
            evidence = world.broker.log.evidence(place, world.broker.log.entries[place])
            receipt = prove(evidence, cosigned).receipt(str(notice.seq))
            shelf.put(VerifiedHit(notice, receipt, NOW + timedelta(minutes=notice.seq)), b"%d" % notice.seq, NOW)
    return [notice.hit_id for notice, _ in notices]


def _notice(world: World, number: int, mine: SignalId) -> tuple[HitNotice, int]:
    hit, theirs = HitId(UUID(int=number + 1)), SignalId(UUID(int=10**9 + number))
    broker = world.broker
    said = Hit(hit, (mine, theirs), "hit", tuple(sorted(_KINDS)))
    event = broker.recorder.hit_notice(
        said, PartyId("police-oost"), None, PURPOSE, number + 1, "contact", ALLOWED, NOW
    ).event
    place, made = broker.log.add(event)
    notice = HitNotice(
        seq=number + 1,
        at=NOW,
        hit_id=hit,
        my_signal=mine,
        purpose=PURPOSE,
        epoch=3,
        quality="hit",
        level="contact",
        urgency="normal",
        agreed=tuple(Agreement(kind=kind, my_role="subject", their_role="subject") for kind in _KINDS),
        counterpart=_counterpart(theirs),
        rule=ALLOWED.rule,
        evidence=Evidence(index=place, opening=made.opening, proof=()),
    )
    return notice, place


def _counterpart(theirs: SignalId) -> Counterpart:
    wraps = tuple(
        ReleasedWrap(kind=kind, role="subject", my_role="subject", part="contact", wrap=bytes(_WRAP)) for kind in _KINDS
    )
    parts = (SealedPart(name="contact", ciphertext=bytes(_PART)),)
    return Counterpart(agency=_OTHER, signal_id=theirs, parts=parts, wraps=wraps)


def _p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[18]
