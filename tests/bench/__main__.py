# SPDX-License-Identifier: EUPL-1.2
"""``python -m tests.bench``: run the subjects, print one table, write bench.json. Guide: ``docs/measuring.md``."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from edge import logs
from tests.bench import console as console_screens
from tests.bench import decisions, ingest, latency, log, memory, proofs, pseudonyms, search, sequencer
from tests.bench.measure import Row
from tests.bench.report import machine, show, write
from tests.bench.world import World, running

ALONE: Final[Mapping[str, Callable[[], list[Row]]]] = {
    "pseudonyms": pseudonyms.rows,
    "log": log.rows,
    "proofs": proofs.rows,
    "sequencer": sequencer.rows,
    "decisions": decisions.rows,
    "search": search.rows,
    "console": console_screens.rows,
}
"""Subjects that need nothing but this process."""
TOGETHER: Final[Mapping[str, Callable[[World], list[Row]]]] = {
    "latency": latency.rows,
    "ingest": ingest.rows,
    "memory": memory.rows,
}
"""Subjects on one running system, in this order: latency before many rows are stored, memory after all the work."""
NAMES: Final = (*ALONE, *TOGETHER)
WIDTH: Final = 132
"""Characters a line where there is no terminal to ask."""


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, as ratios in one run.")
    parser.add_argument("--only", action="append", choices=NAMES, help="this subject; may be given more than once")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), metavar="FILE", help="where the JSON goes")
    asked = parser.parse_args(arguments)
    wanted = asked.only or NAMES
    console = Console(stderr=True, highlight=False)
    load, postgres, rows = os.getloadavg()[0], None, []
    for name, measure in ALONE.items():
        if name in wanted:
            rows += _measured(name, measure, console)
    with ExitStack() as stack:
        if any(name in wanted for name in TOGETHER):
            console.print("starting a broker with PostgreSQL, three key-holders and two agencies ...")
            world = stack.enter_context(running())
            postgres = world.postgres_version()
            for name, on in TOGETHER.items():
                if name in wanted:
                    rows += _measured(name, partial(on, world), console)
    show(rows, Console(width=None if sys.stdout.isatty() else WIDTH))
    write(rows, machine(postgres, load), asked.json)
    console.print(f"written to {asked.json}")
    return 0


def _measured(name: str, measure: Callable[[], list[Row]], console: Console) -> list[Row]:
    console.print(f"measuring {name} ...")
    start = time.perf_counter()
    rows = measure()
    console.print(f"measuring {name}: done in {time.perf_counter() - start:.0f} s")
    return rows


if __name__ == "__main__":
    # Log lines are written, as in a real process, but to nowhere: who measures reads the table.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        logs.configure(stream=nowhere)
        sys.exit(main(sys.argv[1:]))
