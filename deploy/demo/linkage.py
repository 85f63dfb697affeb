# SPDX-License-Identifier: EUPL-1.2
"""FEBRL4 through the whole chain: two agencies push 6,667 records, and the hits they are told of are judged.

The run with identifier and the one without go under different purposes, whose pseudonyms cannot meet.
"""

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.demo import data, febrl
from deploy.demo.world import BROKER, World

FIRST, SECOND = "politie-oost", "jeugdzorg-zuid"
PURPOSES: Final = {
    True: ("offender-prevention", "exploits-or-recruits"),
    False: ("victim-protection", "signs-of-exploitation"),
}
_BASES: Final = {FIRST: "legal-duty", SECOND: "reporting-right"}
_QUIET_SECONDS: Final = 3.0
"""The log grows by every hit and every telling: when it has stood still this long, all is told."""
_PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Linked:
    """One run: all hits judged, those of quality hit or probable alone, and how long it took."""

    every: febrl.Score
    firm: febrl.Score
    seconds: float
    records: int


def run(world: World, out: Console, *, with_identifier: bool) -> Linked:
    """Push both files and judge what both agencies were told."""
    purpose, ground = PURPOSES[with_identifier]
    folder = world.folder / "files"
    paths = febrl.write_files(folder, with_identifier=with_identifier)
    mappings = {
        agency: data.write_febrl_mapping(
            folder / f"febrl-{agency}-{purpose}.yaml",
            purpose=purpose,
            ground=ground,
            basis=_BASES[agency],
            identifier=febrl.IDENTIFIER if with_identifier else None,
        )
        for agency in (FIRST, SECOND)
    }
    began = time.monotonic()
    with _progress(out) as bar, ThreadPoolExecutor(2) as pool:
        bar.add_task(f"pushing 6,667 records of two agencies {'with' if with_identifier else 'without'} identifier")
        pushes = [
            pool.submit(world.read, agency, "push", str(path), "--mapping", str(mappings[agency]))
            for agency, path in zip((FIRST, SECOND), paths, strict=True)
        ]
        results = [push.result() for push in pushes]
    seconds = time.monotonic() - began
    with _progress(out) as bar, ThreadPoolExecutor(2) as pool:
        bar.add_task("waiting until the log stands still, then reading both inboxes")
        _wait_until_quiet(world)
        inboxes = [read.result() for read in [pool.submit(world.read, agency, "inbox") for agency in (FIRST, SECOND)]]
    told = [_by_hit(inbox, purpose) for inbox in inboxes]
    if told[0].keys() != told[1].keys():
        raise AssertionError("A hit was told to one side only.")
    pairs = {hit: (told[0][hit][0], told[1][hit][0], told[0][hit][1]) for hit in told[0]}
    every = febrl.score((a, b) for a, b, _ in pairs.values())
    firm = febrl.score((a, b) for a, b, quality in pairs.values() if quality != "possible")
    return Linked(every, firm, seconds, sum(result["accepted"] for result in results))


def show(out: Console, runs: dict[str, Linked]) -> None:
    """Print precision and recall of the runs as a table."""
    table = Table("FEBRL4, half overlap", "hits", "precision", "recall", "probable or better", "records/s", box=None)
    for name, linked in runs.items():
        table.add_row(
            name,
            str(linked.every.hits),
            f"{linked.every.precision:.4f}",
            f"{linked.every.recall:.4f}",
            f"{linked.firm.precision:.4f} / {linked.firm.recall:.4f}",
            f"{linked.records / linked.seconds:.0f}",
        )
    out.print(table)


def _by_hit(inbox: Any, purpose: str) -> dict[str, tuple[str, str]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for hit in inbox["hits"]:
        if hit["purpose"] == purpose and hit["reference"].startswith("rec-"):
            found[hit["hitId"]].append((hit["reference"], hit["quality"]))
    if any(len(told) > 1 for told in found.values()):
        raise AssertionError("A hit was told twice to the same side.")
    return {hit: told[0] for hit, told in found.items()}


def _wait_until_quiet(world: World) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    size, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        state = httpx.get(f"{world.url(BROKER)}/readyz", trust_env=False, timeout=60).json()
        if state["publishedSize"] != size or state["logSize"] != size:
            size, since = state["publishedSize"], time.monotonic()
        if time.monotonic() > deadline:
            raise AssertionError("The log does not come to rest.")
        time.sleep(0.2)


def _progress(out: Console) -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=out)
