# SPDX-License-Identifier: EUPL-1.2
"""Five consoles on five ports, people who can log in, and something on each screen: to click through in five minutes.

What is seeded is said in ``SEEN``, and looked up by logging in as those people do. Not here: the story of the terminal
(``story.py``), the parties (``world.py``).
"""

import json
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.demo import data
from deploy.demo.story import CARE, POLICE, PROBATION, PROSECUTION, TOWN, expect, step
from deploy.demo.world import AGENCIES, World

PORTS: Final = {name: 8451 + place for place, (name, _, _) in enumerate(AGENCIES)}
"""Where each agency's console is, unless something else is there already."""
PEOPLE: Final = (
    ("noor", "Noor Bakker", ("coordinator", "supervisor")),
    ("femke", "Femke Smit", ("privacy-officer",)),
)
"""User name, name and roles of who works at each agency."""
OPERATOR: Final = ("ruud", "Ruud de Wit", ("operator",))
SEEN: Final = {
    CARE: ("/today", "JZ-26-0502"),
    POLICE: ("/today", "OOST-26-1340"),
    TOWN: ("/today", "VS-26-0090"),
    PROSECUTION: ("/today", "PAR-26-0077"),
    PROBATION: ("/signals", "RO-26-0302"),
}
"""What stands on which page of each console, so that nobody begins with an empty screen."""
_ROW_SECONDS: Final = 90
_TOKEN: Final = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Consoles:
    """Where the consoles are, and the password of everybody in the demo."""

    urls: dict[str, str]
    password: str


def seed(world: World) -> None:
    """Send what the consoles begin with: before the public data, whose thousands of hits then have later deadlines."""
    # The prosecution's own was sent weeks ago (``story.summon``).
    for agency in SEEN:
        for path, mapping in data.write_seeds(world.folder / "files", agency) if agency != PROSECUTION else ():
            world.agency(agency, "push", str(path), "--mapping", str(mapping))


def open_consoles(world: World, out: Console) -> Consoles:
    """Give people accounts, start the consoles, and look that each shows what was seeded."""
    step(out, "11", "Click through it", "Five consoles, as the agencies' own people see them.")
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: _prepare(world, name, password), SEEN))
    urls = {name: world.start_console(name, PORTS[name]) for name in SEEN}
    found = Consoles(urls, password)
    with ThreadPoolExecutor(len(SEEN)) as pool:
        list(pool.map(lambda name: _look(found, name), SEEN))
    show_addresses(found, out)
    return found


def show_addresses(found: Consoles, out: Console) -> None:
    """Print who can log in where, and what to try."""
    table = Table("Agency", "Console", "What there is", box=None)
    said = {
        CARE: "a hit with the police, one with the municipality about a victim",
        POLICE: "a hit with care; of the victim the same telephone is known here as a suspect's, and nothing is told",
        TOWN: "an urgent hit about a victim, with care",
        PROSECUTION: "a summoned suspect for whom probation's advice is overdue",
        PROBATION: "signals of its own",
    }
    titles = {name: title for name, _, title in AGENCIES}
    for name, url in found.urls.items():
        table.add_row(escape(titles[name]), url, said[name])
    out.print(table)
    names = ", ".join(f"[bold]{name}[/] ({' and '.join(roles)})" for name, _, roles in (*PEOPLE, OPERATOR))
    out.print(f"\n  Log in as {names}; the password is [bold]{found.password}[/].", highlight=False)
    out.print(
        "  Each browser window remembers one person an agency. Real accounts have a second factor.\n", highlight=False
    )


def _prepare(world: World, agency: str, password: str) -> None:
    """Give an agency's people accounts."""
    files = world.folder / "files"
    secret = files / f"{agency}.password"
    secret.write_text(password, encoding="utf-8")
    for name, shown, roles in (*PEOPLE, OPERATOR):
        given = [part for role in roles for part in ("--role", role)]
        line = ["people", "add", "--home", str(world.home(agency)), name, "--name", shown, *given]
        world.sluis("agency", *line, "--language", "nl", "--password-file", str(secret))
    secret.unlink()
    # A newcomer has no authenticator app at hand for fifteen accounts; real agencies never set this.
    settings = {"secondFactor": "optional"}
    (world.home(agency) / "run.json").write_text(json.dumps(settings), encoding="utf-8")


def _look(found: Consoles, agency: str) -> None:
    """Log in as a coordinator does, and wait until the row is there. Raises ``AssertionError``."""
    url, (path, row) = found.urls[agency], SEEN[agency]
    with httpx.Client(base_url=url, headers={"origin": url}, trust_env=False, timeout=60) as browser:
        door = browser.get("/login")
        token = _TOKEN.search(door.text)
        expect(token is not None, f"the console of {agency} has a login page")
        fields = {"csrf": token[1] if token else "", "name": PEOPLE[0][0], "password": found.password, "next": "/today"}
        entered = browser.post("/login", data=fields, headers={"cookie": _cookies(door)})
        expect(entered.is_redirect, f"{PEOPLE[0][0]} logs in at {agency}")
        deadline = time.monotonic() + _ROW_SECONDS
        while row not in browser.get(path, headers={"cookie": _cookies(entered)}).text:
            expect(time.monotonic() < deadline, f"{row} stands on {path} of {agency}")
            time.sleep(0.5)


def _cookies(answer: httpx.Response) -> str:
    """Return what a browser sends back: it takes loopback for a safe connection, as ``httpx`` does not."""
    return "; ".join(one.partition(";")[0] for one in answer.headers.get_list("set-cookie"))
