# SPDX-License-Identifier: EUPL-1.2
"""``make demo``: every party as its own process, one story, real public data, and proof that nothing leaked.

The last line of ``--once`` is JSON; the exit status is 0 only when everything it says is as it should be.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from deploy.demo import consoles, data, febrl, linkage, story, trail
from deploy.demo.consoles import Consoles
from deploy.demo.linkage import Linked
from deploy.demo.search import Search
from deploy.demo.world import AGENCIES, BOARD, BROKER, SIGNATURES, World
from deploy.processes import ProcessError

BOUNDS: Final = {
    "with_id": {"precision": 0.999, "recall": 0.985},
    "without_id": {"precision": 0.99, "recall": 0.88, "probable_precision": 0.999},
}
"""What was asked of the hits on FEBRL4 with half overlap before anything was measured."""
_WITH_ID, _WITHOUT_ID = "with soc_sec_id", "without"


def main() -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end by itself instead of leaving everything running")
    parser.add_argument(
        "--short", action="store_true", help="leave out the matching of public data, which takes half of the time"
    )
    parser.add_argument("--keep", action="store_true", help="keep the demo's folder when it ends")
    asked = parser.parse_args()
    out = Console(width=max(100, Console().width) if sys.stdout.isatty() else 110)
    folder = Path(tempfile.mkdtemp(prefix="sluis-demo-"))
    # PostgreSQL runs as an unprivileged user when we are root, and must be able to reach its own folder below this one.
    folder.chmod(0o711)
    try:
        with World(folder) as world:
            result = _run(world, out, short=asked.short, once=asked.once)
    except (AssertionError, ProcessError) as error:
        out.print(f"\n[bold red]The demo failed.[/] {error}", highlight=False)
        return 1
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result))
    return 0 if _holds(result) else 1


def _run(world: World, out: Console, *, short: bool, once: bool) -> dict[str, Any]:
    started = time.monotonic()
    out.rule("[bold]Sluis[/]: two agencies worry about the same person; nobody in the middle learns who it is")
    out.print("Setting up a covenant, five agencies, three key-holders, a broker and its PostgreSQL …", style="italic")
    world.days_ago = story.SILENT_DAYS
    world.set_up()
    world.start()
    out.print(f"Eleven processes on this machine, set up in {time.monotonic() - started:.0f} seconds.")
    out.print(
        f"The covenant says who may learn what from whom. {SIGNATURES} of the {len(BOARD)} members of its board signed "
        "it with\nkeys that are never online; every party fetched it from the broker and checked those signatures "
        "itself.\nThe broker hands it out and cannot change a letter of it.\n",
        highlight=False,
    )
    names = {"story": data.identifier_values(), "febrl": list(febrl.identifier_values())}
    search = Search(world, [value for values in names.values() for value in values])
    search.learn_words(value for values in names.values() for value in values)
    story.summon(world, out)
    first_hit = story.tell(world, out, started)
    trail.prove(world, out)

    out.rule("[bold]10. Real public data: FEBRL4[/]", align="left")
    # By now every kind of message has been sent: what FEBRL4's words meet there are words of the programs too.
    search.learn_words(set(names["febrl"]) - set(names["story"]))
    consoles.seed(world)
    runs = {} if short else _match(world, out)
    if short:
        out.print("  Left out, as asked by --short.\n")

    opened = consoles.open_consoles(world, out)

    out.rule("[bold]12. The log, verified from its first entry[/]", align="left")
    log = _verify(world, out)

    out.rule("[bold]13. Did anything leak?[/]", align="left")
    found = search.run()
    out.print(
        f"  {search.searched:,} identifier values, in hex, base64 and SHA-256 too, searched for in "
        f"{found.size / 1e6:,.0f} MB:\n  all tables, PostgreSQL's files, logs, and all that passed between the "
        f"parties: {len(found.leaks)} found.\n"
        f"  {search.too_short:,} values are too short to be told from accident and were searched for in combination;\n"
        f"  {search.words:,} stood there before any data, as words of the programs.\n"
        f"  A value planted on purpose in each place is {'found' if found.planted else 'NOT FOUND'}.\n",
        highlight=False,
    )
    for leak in found.leaks[:10]:
        out.print(f"  [red]leak[/] in {leak.file} at {leak.offset}, as {leak.form}", highlight=False)
    if not once:
        _stay(world, opened, out)
    return {
        "demo": "sluis",
        **_matched(runs),
        "consoles": len(opened.urls),
        "seconds_to_first_hit": round(first_hit, 1),
        "log_size": log,
        "log_verified": log > 0,
        "leaks": len(found.leaks),
        "planted_found": found.planted,
    }


def _match(world: World, out: Console) -> dict[str, Linked]:
    runs = {
        _WITH_ID: linkage.run(world, out, with_identifier=True),
        _WITHOUT_ID: linkage.run(world, out, with_identifier=False),
    }
    linkage.show(out, runs)
    return runs


def _matched(runs: dict[str, Linked]) -> dict[str, Any]:
    if not runs:
        return {}
    with_id, without_id = runs[_WITH_ID], runs[_WITHOUT_ID]
    return {
        "hits": with_id.every.hits + without_id.every.hits,
        "with_id": _figures(with_id),
        "without_id": {
            **_figures(without_id),
            "probable_precision": round(without_id.firm.precision, 5),
            "probable_recall": round(without_id.firm.recall, 5),
        },
    }


def _verify(world: World, out: Console) -> int:
    """Verify the log from zero as an outsider and as each agency; return its size. A finding ends the demo."""
    with ThreadPoolExecutor(2) as pool:
        own = {title: pool.submit(world.read, name, "verify") for name, _, title in AGENCIES}
        audit = ["audit", "verify", "--broker", world.url(BROKER), *world.trusting, "--json"]
        found = json.loads(pool.submit(world.sluis, *audit).result())
    out.print(f"  Anybody, from outside: {found['size']:,} entries, as signed and cosigned.", highlight=False)
    for title, mine in own.items():
        receipts = mine.result()["receipts"]
        out.print(f"  {title}: {receipts:,} receipts of its own, all in the log.", highlight=False)
    size: int = found["size"]
    return size


def _figures(linked: Linked) -> dict[str, float]:
    return {"precision": round(linked.every.precision, 5), "recall": round(linked.every.recall, 5)}


def _holds(result: dict[str, Any]) -> bool:
    matched = "hits" not in result or (
        result["hits"] > 0
        and all(result[run][name] >= least for run, wanted in BOUNDS.items() for name, least in wanted.items())
    )
    return matched and result["log_verified"] and result["leaks"] == 0 and result["planted_found"]


def _stay(world: World, opened: Consoles, out: Console) -> None:
    out.rule("[bold]Everything is still running[/]")
    consoles.show_addresses(opened, out)
    out.print("Look around, for example (the passphrase of this demo is only in this window):\n")
    out.print(f"  export SLUIS_PASSPHRASE={world.passphrase}", markup=False, highlight=False)
    for command in ("agency inbox", "agency signals", "agency verify"):
        home = world.home(story.CARE)
        out.print(f"  .venv/bin/sluis {command} --home {home}", markup=False, highlight=False, soft_wrap=True)
    out.print("\nPress Enter or Ctrl-C to end.")
    try:
        sys.stdin.readline()
    except KeyboardInterrupt:
        out.print()


if __name__ == "__main__":
    sys.exit(main())
