# SPDX-License-Identifier: EUPL-1.2
"""One story in Dutch agencies' data, step by step, up to an opened contact at the other agency.

Everything shown is what the agencies' own commands print. Not here: the parties (``world.py``), the data (``data.py``).
"""

import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from deploy.demo import data
from deploy.demo.world import AGENCIES, HOLDERS, World

CARE, POLICE, TOWN, PROBATION, PROSECUTION = (
    "jeugdzorg-zuid",
    "politie-oost",
    "gemeente-veldstad",
    "reclassering-oost",
    "om-oost",
)
SILENT_DAYS = 15
"""One more than the covenant gives probation for its advice."""
HIT_SECONDS = 30
"""A hit is there within a second or two; after half a minute something is broken."""


def tell(world: World, out: Console, started: float) -> float:
    """Tell the story; return the seconds from ``started`` (monotonic) to the first hit.

    Raises ``AssertionError`` when the story does not go as it should.
    """
    files = world.folder / "files"
    first_hit = _meet(world, out, files, started)
    _open(world, out)
    _purpose_limits(world, out, files)
    _ask(world, out)
    _propose(world, out, files)
    _outage(world, out, files)
    _withdraw(world, out)
    return first_hit


def summon(world: World, out: Console) -> None:
    """Let the prosecution summon a suspect, and probation stay silent longer than was agreed."""
    step(
        out,
        "0",
        f"{SILENT_DAYS} days ago: a suspect is summoned",
        "Every clock was set back until now. The covenant awaits probation's signal about the same person in 14 days.",
    )
    files = world.folder / "files"
    files.mkdir()
    for path, mapping in data.write_seeds(files, PROSECUTION):
        said = world.agency(PROSECUTION, "push", str(path), "--mapping", str(mapping))
        show(out, f"{PROSECUTION}: sluis agency push {path.name}", said)
    world.come_to_today()
    deadline = time.monotonic() + HIT_SECONDS
    while not [one for one in world.read(PROSECUTION, "awaited")["awaited"] if one["toldAt"]]:
        expect(time.monotonic() < deadline, "the prosecution is told that the advice stays away")
        world.agency(PROSECUTION, "inbox")
    show(out, f"Today. {PROSECUTION}: sluis agency awaited", world.agency(PROSECUTION, "awaited"))


def _meet(world: World, out: Console, files: Path, started: float) -> float:
    step(out, "1", "A care institution worries", "A group worker of Jeugdzorg Zuid writes down who waits at the gate.")
    _record(out, CARE)
    _push(world, out, CARE, files)
    out.print("  Nobody else knows this person yet. The signal stands and waits.\n")
    step(out, "2", "The police register three people", "One of them under another spelling of the name.")
    _record(out, POLICE)
    _push(world, out, POLICE, files)
    hits = _wait_for_hit(world, CARE)
    first_hit = time.monotonic() - started
    out.print(f"  [bold green]First hit after {first_hit:.0f} seconds[/] (everything was set up from nothing).\n")
    expect(hits[0]["agency"] == POLICE and hits[0]["reference"] == "JZ-26-0481", "care is told of the police")
    for agency in (CARE, POLICE):
        show(out, f"inbox of {agency}", world.agency(agency, "inbox"))
    return first_hit


def _open(world: World, out: Console) -> None:
    step(
        out, "3", "Who is it, whom do I call?", "Looking is an act: it is in the log, with its reason, before it shows."
    )
    hit = _wait_for_hit(world, CARE)[0]["hitId"]
    reason = ["--reason-code", "own-case", "--reason", "Overleg over eigen cliënt", "--case", "JZ-26-0481"]
    opened = world.agency(CARE, "open", hit, *reason)
    expect("088 000 00 00" in opened, "the police's contact opens at care, which holds the same telephone number")
    show(out, f"{CARE}: sluis agency open {hit[:8]} --reason-code own-case …", opened)


def _purpose_limits(world: World, out: Console, files: Path) -> None:
    step(out, "4", "Bad rows stay, and policy limits what is told", "The municipality has a typing error or two.")
    _record(out, TOWN)
    _push(world, out, TOWN, files)
    show(out, "the quarantine file", (files / "meldingen.csv.quarantine.csv").read_text(encoding="utf-8"))
    told = _wait_for_hit(world, TOWN)
    show(out, f"inbox of {TOWN}", world.agency(TOWN, "inbox"))
    expect(all(hit["level"] != "content" for hit in told), "nobody gets more than the covenant says")
    inbox = world.read(PROSECUTION, "inbox")
    expect(inbox["hits"] == [], "who signalled nothing about somebody is told nothing about them")
    out.print(f"  {PROSECUTION} did not signal this person, and is told nothing about them: it has no hit.\n")


def _ask(world: World, out: Console) -> None:
    step(
        out,
        "5",
        "Is this person known elsewhere?",
        "Who may ask says why; it is logged, told to who knows, and not kept.",
    )
    why = ["--case", "PAR-26-0042", "--reason-code", "own-case", "--reason", "Beoordeling van een zaak"]
    line = ["--purpose", "offender-prevention", *why, "--phone", "06 1234 5678"]
    answer = world.agency(PROSECUTION, "ask", *line)
    expect("088 000 00 00" in answer, "the prosecution is told whom to call")
    show(out, f"{PROSECUTION}: sluis agency ask --purpose offender-prevention --case PAR-26-0042 …", answer)
    deadline = time.monotonic() + HIT_SECONDS
    while not (asked := world.read(POLICE, "inbox")["queried"]):
        expect(time.monotonic() < deadline, "the police see that they were asked about")
        time.sleep(0.2)
    out.print(f"  At {POLICE}: {escape(asked[0]['sentence'])}\n")


def _propose(world: World, out: Console, files: Path) -> None:
    step(
        out,
        "6",
        "Somebody wants another rule",
        "The board sees exactly what a change would allow before anybody signs.",
    )
    proposal = files / "proposal"
    shutil.copytree(world.covenant, proposal)
    rules = proposal / "purposes" / "offender-prevention.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("retentionDays: 365", "retentionDays: 730"), encoding="utf-8")
    expect(text != rules.read_text(encoding="utf-8"), "the proposal keeps signals twice as long")
    said = world.sluis("policy", "diff", str(world.covenant), str(proposal), "--lang", "en", status=1)
    show(out, "sluis policy diff covenant proposal", said)
    out.print("  Nobody signs it, so nobody acts under it. Changing the file at the broker would change nothing.\n")


def _outage(world: World, out: Console, files: Path) -> None:
    step(out, "7", "Key-holders fail", "One of three may fail without anybody noticing; of two, everybody hears.")
    world.stop_server(HOLDERS[2][0])
    _push(world, out, PROBATION, files)
    out.print("  That was with one key-holder down. Now a second one stops.")
    world.stop_server(HOLDERS[1][0])
    late = files / "later.csv"
    late.write_text(
        "nummer,voornaam,achternaam,geboortedatum\nRO-26-0302,Joost,Terpstra,1991-07-19\n", encoding="utf-8"
    )
    mapping = files / "toezichten.csv.mapping.yaml"
    show(out, f"{PROBATION} pushes", world.agency(PROBATION, "push", str(late), "--mapping", str(mapping), status=None))
    expect(_states(world, PROBATION).count("accepted") == 1, "without a quorum nothing is sent, and nothing is lost")
    for name, _ in HOLDERS[1:]:
        world.start_holder(name)
    out.print("  Both are back. The outbox sends what waited:")
    show(out, f"{PROBATION}: sluis agency send", world.agency(PROBATION, "send"))
    expect(_states(world, PROBATION).count("accepted") == 2, "what waited is sent once")


def _withdraw(world: World, out: Console) -> None:
    step(out, "8", "A worry ends", "The police withdraw; care hears it, and the contact is gone from its screen.")
    show(out, f"{POLICE} withdraws", world.agency(POLICE, "withdraw", "OOST-26-1187", "--reason", "worry-resolved"))
    deadline = time.monotonic() + HIT_SECONDS
    while any(hit["state"] == "live" and hit["agency"] == POLICE for hit in world.read(CARE, "inbox")["hits"]):
        expect(time.monotonic() < deadline, "care hears of the withdrawal")
        time.sleep(0.5)
    show(out, f"inbox of {CARE}", world.agency(CARE, "inbox"))


def _push(world: World, out: Console, agency: str, files: Path) -> None:
    path, mapping = data.write_story(files, agency)
    show(
        out,
        f"{agency}: sluis agency push {path.name}",
        world.agency(agency, "push", str(path), "--mapping", str(mapping)),
    )


def _wait_for_hit(world: World, agency: str) -> list[dict[str, str]]:
    deadline = time.monotonic() + HIT_SECONDS
    while not (hits := world.read(agency, "inbox")["hits"]):
        expect(time.monotonic() < deadline, f"{agency} is told of its hit within {HIT_SECONDS} seconds")
        time.sleep(0.2)
    found: list[dict[str, str]] = hits
    return found


def _states(world: World, agency: str) -> list[str]:
    return [signal["state"] for signal in world.read(agency, "signals")["signals"]]


def expect(fact: bool, sentence: str) -> None:
    """Pass when the story goes as told. Raises ``AssertionError``."""
    if not fact:
        raise AssertionError(f"The story went wrong: {sentence} -- and that is not so.")


def step(out: Console, number: str, title: str, line: str) -> None:
    """Print a step's head."""
    out.rule(f"[bold]{number}. {escape(title)}[/]", align="left")
    out.print(f"  {escape(line)}", style="italic")


def _record(out: Console, agency: str) -> None:
    title = next(title for name, _, title in AGENCIES if name == agency)
    out.print(Panel(escape(data.FILES[agency][1].strip()), title=f"{title} (never leaves the agency)", expand=False))


def show(out: Console, title: str, text: str) -> None:
    """Print what a command printed."""
    out.print(Panel(escape(text.strip()), title=escape(title), title_align="left", expand=False, border_style="blue"))
