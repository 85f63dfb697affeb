# SPDX-License-Identifier: EUPL-1.2
"""How much memory each process takes at its peak, and that the client's does not grow with the file.

Servers count from the moment that they are ready, so what the other subjects of the same run did counts; the client
from its first push on. Opening a key file is left out: it takes much memory for a moment, on purpose (Argon2id), which
would hide everything else. Peaks are the kernel's high-water marks, except PostgreSQL's: its processes share memory, so
theirs is the sum of proportional parts (PSS), each shared page once. Not here: asking the kernel (``peaks.py``).
"""

import csv
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg

from tests.bench.measure import Row
from tests.bench.peaks import forget_high_water, high_water
from tests.bench.world import AGENCY, World
from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.processes import ProcessError, start

RECORDS: Final = 2_000
SMALL: Final = 1_000
"""Several of the client's chunks, so that reading and sending run beside each other in both files."""
LARGE: Final = 10 * SMALL
"""Records with only a phone number, and so one key each, so that the run ends in time."""
_SAMPLE_SECONDS: Final = 0.05
_CLUSTER_SECONDS: Final = 0.5
"""Asking for PSS makes the kernel walk all pages of some twenty processes: more often would slow what is measured."""
_PUSH_SECONDS: Final = 150.0
_MB: Final = 1_000_000
_FULL: Final = ("kenmerk", "bsn", "voornaam", "achternaam", "geboortedatum", "postcode", "huisnummer")
_BRIEF: Final = ("kenmerk", "telefoon")


@dataclass(slots=True)
class Peak:
    """The largest value seen so far, in bytes."""

    size: int = 0


def rows(world: World) -> list[Row]:
    """Return a row for each process, and the client's for two sizes of file, in megabytes."""
    processes = world.system.running
    postgres = int(world.postgres[0])
    with watching(lambda: _cluster(postgres)) as cluster:
        full = _push(world, "full", _FULL, RECORDS)
        small = _push(world, "small", _BRIEF, SMALL)
        large = _push(world, "large", _BRIEF, LARGE)
    holders = max(high_water(processes[name].pid) for name in processes if name.startswith("holder-"))
    return [
        Row("memory: broker", "MB", high_water(processes["broker"].pid) / _MB, ""),
        Row("memory: PostgreSQL, all its processes", "MB", cluster.size / _MB, ""),
        Row("memory: key-holder, the largest of three", "MB", holders / _MB, ""),
        Row(f"memory: client, {RECORDS:,} whole records", "MB", full / _MB, ""),
        Row(f"memory: client, {LARGE:,} phone numbers", "MB", large / _MB, f"{SMALL:,} phone numbers", small / _MB),
    ]


@contextmanager
def watching(size: Callable[[], int]) -> Iterator[Peak]:
    """Ask for a size again and again, in a thread, and keep the largest."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak.size = max(peak.size, size())
            done.wait(_CLUSTER_SECONDS)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _push(world: World, name: str, columns: tuple[str, ...], count: int) -> int:
    """Push a file of so many records with the real command; return the client's peak in bytes."""
    folder = world.system.folder / "files"
    folder.mkdir(exist_ok=True)
    file = _write(folder / f"{name}.csv", name, columns, count)
    line = world.system.command(AGENCY, "push", str(file), *world.system.purpose_of(AGENCY), "--json")
    peak, sending = 0, False
    with (
        psycopg.connect(world.database(), autocommit=True) as connection,
        start(line, folder=folder, name=name, environment=ENVIRONMENT, wait=False) as client,
    ):
        deadline, before = time.monotonic() + _PUSH_SECONDS, _signals(connection)
        while client.running and time.monotonic() < deadline:
            if sending:
                peak = max(peak, high_water(client.pid))
            elif _signals(connection) > before:
                forget_high_water(client.pid)
                sending = True
            time.sleep(_SAMPLE_SECONDS)
        if client.running:
            raise ProcessError(f"the push of {count} records took more than {_PUSH_SECONDS:.0f} s")
        pushed = json.loads(client.stdout() or "{}")
        if pushed.get("accepted") != count:
            raise ProcessError(f"{pushed.get('accepted')} of {count} records were accepted:\n{client.logs()[-2000:]}")
    return peak


def _write(file: Path, name: str, columns: tuple[str, ...], count: int) -> Path:
    with file.open("w", newline="") as opened:
        written = csv.DictWriter(opened, columns, delimiter=";", extrasaction="ignore")
        written.writeheader()
        for n in range(count):
            written.writerow(
                {
                    "kenmerk": f"{name}-{n}",
                    "bsn": _bsn(n),
                    "voornaam": f"Anna{_letters(n)}",
                    "achternaam": f"Ber{_letters(n // 7)}g",
                    "geboortedatum": f"{n % 28 + 1:02}-{n % 12 + 1:02}-{1950 + n % 50}",
                    "postcode": f"{1000 + n % 9000} AB",
                    "huisnummer": str(n % 200 + 1),
                    "telefoon": f"06{10_000_000 + n}",
                }
            )
    return file


def _letters(n: int) -> str:
    return "".join(chr(97 + n // 26**place % 26) for place in range(3))


def _bsn(n: int) -> str:
    """Return the n-th made-up number that passes the eleven-test."""
    digits = f"{10_000_000 + n:08}"
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True)) % 11
    return digits + str(rest) if rest < 10 else _bsn(n + 1_000_000)


def _signals(connection: psycopg.Connection[tuple[int]]) -> int:
    return connection.execute("SELECT count(*) FROM signals").fetchall()[0][0]


def _cluster(pid: int) -> int:
    """Return the proportional memory of a server and all its children now, in bytes."""
    total = 0
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for one in family:
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
