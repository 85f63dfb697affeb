# SPDX-License-Identifier: EUPL-1.2
"""A citizen asks and a privacy officer proves: receipts, the log as read, an evidence pack, an answer, an erasure.

Everything shown is what the commands print. Not here: the story before (``story.py``), the whole log (``__main__.py``).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.demo.story import CARE, expect, show, step
from deploy.demo.world import World

PERSON = "given_names: Daan\nsurname: Meijer\nbirth_date: 2007-03-14\nphones: [06-12345678]\n"
"""The person of the story, as the request's form has it."""
CASE = "INZAGE-26-01"
LOG_PURPOSE = ["--log-purpose", "lawfulness-check"]
SHOWN = 12
"""Lines of a long answer."""


def prove(world: World, out: Console) -> None:
    """Let care's privacy officer answer a citizen and prove it. Raises ``AssertionError`` when it does not go so."""
    step(
        out,
        "9",
        "A citizen asks, and an officer proves",
        "What do you have about me, and who saw it? The answer comes with proofs that anybody can check.",
    )
    files = world.folder / "files" / "citizen"
    files.mkdir()
    _answer(world, out, files)
    _receipts(world, out, files)
    _pack(world, out, files)
    _erase(world, out)


def _answer(world: World, out: Console, files: Path) -> None:
    who = files / "who.yaml"
    who.write_text(PERSON, encoding="utf-8")
    today = datetime.now(UTC).date().isoformat()
    asked = ["--case", CASE, "--reason", "Verzoek om inzage", "--received", today, "--identifiers", str(who)]
    said = world.agency(CARE, "subject-report", *asked, "--out", str(files / "answer"))
    show(out, f"{CARE}: sluis agency subject-report --case {CASE} …", said)
    redacted = (files / "answer" / "report.redacted.nl.html").read_text(encoding="utf-8")
    expect("Politie" in redacted, "the answer names the police as who was told")
    expect("OOST-26-1187" not in redacted, "the answer holds nothing of the police's own files")


def _receipts(world: World, out: Console, files: Path) -> None:
    folder = files / "receipts"
    kept = world.read(CARE, "receipts", "--signal", "JZ-26-0481", "--out", str(folder))
    paths = [str(folder / one["file"]) for one in kept["receipts"]]
    covenants = [part for name in kept["covenants"] for part in ("--covenant", str(folder / name))]
    expect(len(paths) >= 3, "a push, its notice and its opening have receipts")
    show(
        out,
        "anybody: sluis audit check RECEIPT --covenant covenant.json (no network)",
        _first_lines(world.sluis("audit", "check", *paths, *covenants, "--lang", "en")),
    )


def _pack(world: World, out: Console, files: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    home, pack = ["--home", str(world.home(CARE))], files / "pack.zip"
    found = world.sluis("audit", "search", *home, *LOG_PURPOSE, "--operation", "disclosure", "--lang", "en")
    show(out, f"{CARE}: sluis audit search --operation disclosure", _first_lines(found))
    world.sluis("audit", "export", *home, *LOG_PURPOSE, "--from", today, "--until", today, "--out", str(pack))
    checked = json.loads(world.sluis("audit", "check-pack", str(pack), *world.trusting, "--json"))
    out.print(
        f"  An evidence pack of today, checked on its own: {_entries(checked):,} entries, each proven to stand in the "
        "log.\n",
        highlight=False,
    )


def _erase(world: World, out: Console) -> None:
    why = ["--ground", "citizen-request", "--reason", "Verzoek om verwijdering", "--case", CASE, "--yes"]
    said = world.agency(CARE, "erase", "JZ-26-0481", *why)
    show(out, f"{CARE}: sluis agency erase JZ-26-0481 --ground citizen-request …", said)
    out.print("  The log still proves that something was signalled and told. About whom, nobody can read any more.\n")


def _entries(checked: dict[str, Any]) -> int:
    entries: int = checked["entries"]
    return entries


def _first_lines(text: str) -> str:
    lines = text.strip().splitlines()
    more = [f"… and {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])
