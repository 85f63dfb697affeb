# SPDX-License-Identifier: EUPL-1.2
"""``sluis keyholder``: make a home, take part in the key ceremony, run the service, look at the ledger.

The composition root: clock, environment and terminal are here and nowhere else in this role. Every command may be given
again; none overwrites a seed. Not here: what any of them decides.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from edge.cli import reported
from edge.covenant_trust import CovenantTrust
from edge.covenant_watch import FOLDER, LOOK_SECONDS
from edge.covenant_watch import enrol as enrol_home
from edge.keyfile import SecretText, passphrase_from, replace_file
from edge.ldv import collector
from edge.logs import configure
from keyholder.accusing import write_evidence
from keyholder.ceremony import accept, deal, dealt_sets, fingerprints
from keyholder.ledger import Ledger
from keyholder.opening import Opened, open_enrolled, open_service
from keyholder.ratchet import lowest_live, ratchet
from keyholder.settings import HomeFile, make_home, open_home, require_place
from keyholder.share import HeldSeeds, name_of
from keyholder.use import budget_of, unusual_use
from protocol.covenant import Covenant
from protocol.encoding import format_time
from protocol.errors import Code, InputError, SluisError
from protocol.messages import SealedSeed, parse, utc

MAX_PACKAGE: Final = 16_384
"""Bytes of a seed package: about 700; a larger file is another file."""

_PIPE_WIDTH: Final = 200

app = typer.Typer(
    name="keyholder",
    no_args_is_help=True,
    add_completion=False,
    help="""One of the independent bodies that hold a share of the pseudonym keys.

A key-holder sees blinded points, agencies and counts; never names, pseudonyms or matches. In order: `init`, give
party.yaml to the covenant board, `enrol`, then with the other key-holders `deal`, `accept`, `fingerprints`, and `run`.

The passphrase of the key files comes from SLUIS_PASSPHRASE_FILE (a file), SLUIS_PASSPHRASE, or the terminal.""",
)
HomeOption = Annotated[Path, typer.Option("--home", help="This key-holder's folder.", file_okay=False)]


@app.command()
@reported()
def init(
    home: HomeOption,
    party: Annotated[str, typer.Option("--id", help="Name in the covenant, such as keyholder-1.")],
    index: Annotated[int, typer.Option(help="Number among the key-holders, from 1.")],
    holders: Annotated[int, typer.Option(help="How many key-holders there are.")],
    threshold: Annotated[int, typer.Option(help="How many of them make a pseudonym.")],
    title: Annotated[str, typer.Option(help="Name for people, in Dutch.")],
    url: Annotated[str, typer.Option(help="Address at which agencies and the broker reach it.")],
    title_en: Annotated[str | None, typer.Option(help="Name in English; the Dutch one when absent.")] = None,
    key_file_cost: Annotated[
        str, typer.Option(help="Argon2id: moderate (256 MiB, 0.7 s) or interactive (64 MiB, 0.1 s; for tests).")
    ] = "moderate",
) -> None:
    """Make the signing, sealing and witness keys, and the party statement for the covenant board."""
    wanted = _home_file(
        {
            "id": party,
            "index": index,
            "holders": holders,
            "threshold": threshold,
            "title": {"nl": title, "en": title_en or title},
            "url": url,
            "madeAt": format_time(_now()),
            "keyFileCost": key_file_cost,
        }
    )
    made = make_home(home, wanted, _passphrase(new=True))
    typer.echo(f"{made.file.id} is ready. Give {made.statement_path} to the covenant board; it holds no secrets.")


@app.command()
@reported()
def enrol(
    home: HomeOption,
    root: Annotated[Path, typer.Option(help="The board's root file, whose fingerprint you compared.", dir_okay=False)],
    source: Annotated[
        str, typer.Option("--from", help="Where signed covenants are: the broker's …/covenant/, or a copy of it.")
    ],
) -> None:
    """Say whose covenant to believe and where it is; fetch and verify it. Other commands then keep it up to date."""
    found = open_home(home)
    trusted = enrol_home(home, root, source)
    place = require_place(found, found.identity(_passphrase()), trusted.covenant)
    typer.echo(f"Covenant {trusted.covenant.version}, signed by the board, names {place.id}; it is kept up to date.")


@app.command("deal")
@reported()
def deal_seeds(
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Folder for the packages.", file_okay=False)],
) -> None:
    """Draw the seeds of the sets in which this key-holder is the lowest, and seal them to the other members.

    Given again, it seals the same seeds again. Hand each package to the key-holder in its name.
    """
    at = open_enrolled(home, _passphrase())
    _catch_up(at)
    with at.seeds.locked():
        before = _held(at)
        ledger = Ledger(at.home.ledger_path)
        dealt = deal(before, at.covenant, at.identity.signer, ledger.drawn())
        if dealt.held != before:
            at.seeds.write(dealt.held)
        # After the seeds are on the disk: a note of seeds that a crash kept from being written would stop the ceremony.
        ledger.note_drawn(map(name_of, dealt_sets(dealt.held)), _now())
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for package in dealt.packages:
        place = package.place
        path = out / f"seed-{name_of(place.members)}-for-{place.receiver}.json"
        replace_file(path, package.to_json() + b"\n")
        typer.echo(f"{path}: for key-holder {place.receiver}")
    if not dealt.packages:
        typer.echo("Nothing to hand over: this key-holder is the lowest of no set with others.")


@app.command("accept")
@reported()
def accept_seeds(
    home: HomeOption,
    files: Annotated[list[Path], typer.Argument(help="Packages that other key-holders dealt.", dir_okay=False)],
) -> None:
    """Check, open and keep the seeds that other key-holders dealt; a seed that is here is never replaced."""
    at = open_enrolled(home, _passphrase())
    _catch_up(at)
    with at.seeds.locked():
        held = _held(at)
        for file in files:
            done = accept(held, _read_package(file), at.covenant, at.identity.sealing.reveal(), _now())
            if done.new:
                at.seeds.write(done.held)
            held = done.held
            typer.echo(f"Set {name_of(done.members)}: {'kept' if done.new else 'was here already'}.")
    _tell_missing(held)


@app.command("fingerprints")
@reported()
def show_fingerprints(home: HomeOption) -> None:
    """Show the fingerprint of every set, to read aloud to its other members: it must be the same for all of them."""
    at = open_enrolled(home, _passphrase())
    held = _held(at)
    title = f"{at.home.file.id}, epoch {held.epoch}"
    table = Table("set", "dealt by", "fingerprint", title=title, title_justify="left")
    for one in fingerprints(held):
        table.add_row(name_of(one.members), str(one.dealer), one.text or f"awaited from key-holder {one.dealer}")
    _console().print(table)
    _console().print("Compare at the same epoch number; `sluis keyholder ratchet` brings everyone to the current one.")


@app.command("ratchet")
@reported()
def ratchet_now(home: HomeOption) -> None:
    """Destroy the keys of epochs that are over. `run` does this by itself, at its start and while it runs."""
    at = open_enrolled(home, _passphrase())
    done = ratchet(at.seeds, Ledger(at.home.ledger_path), at.covenant, _now())
    if done is None:
        typer.echo("There are no seeds yet.")
    elif done.destroyed:
        typer.echo(
            f"Destroyed the keys of epoch {', '.join(map(str, done.destroyed))}; now at epoch {done.held.epoch}."
        )
    else:
        typer.echo(f"At epoch {done.held.epoch}; no epoch is over.")


@app.command()
@reported()
def run(
    home: HomeOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8441,
    public_url: Annotated[
        str | None, typer.Option(help="Address that callers use and sign; the covenant's when absent.")
    ] = None,
    log_file: Annotated[Path | None, typer.Option(help="Log here instead of on standard error.")] = None,
    look_every: Annotated[
        float, typer.Option(help="Seconds between looks for a new covenant.", min=0.2, max=LOOK_SECONDS)
    ] = LOOK_SECONDS,
) -> None:
    """Serve evaluations, key statements and the log's witness until told to stop. One ready line on standard output."""
    # Loaded here only: a web server takes longer to load than the other commands take altogether.
    from edge.serve import serve
    from keyholder.routes import make_keyholder_app
    from keyholder.transport import sender_of

    configure(path=log_file)
    service = open_service(open_enrolled(home, _passphrase()), _now, look_every)
    service.report = sender_of(service)
    if address := collector():
        from edge.ldv_otlp import forwarder_of

        service.forwarder = forwarder_of(service.spans.folder, address)
    served = make_keyholder_app(service, public_url=public_url or service.url)
    status = serve(served, host=host, port=port, role="keyholder")
    service.ledger.close()
    raise typer.Exit(status)


@app.command("ledger")
@reported()
def show_ledger(
    home: HomeOption,
    days: Annotated[int, typer.Option(help="How many days back.", min=1)] = 31,
    evidence: Annotated[
        Path | None,
        typer.Option(help="Also write what the log contradicted itself in to files in this folder.", file_okay=False),
    ] = None,
) -> None:
    """Show what was evaluated, left and refused, per agency, purpose and day (UTC), what is unusual about it, and which
    keys were destroyed.

    Budget and limits are those of the covenant of now; before `enrol` there is none.
    """
    ledger, covenant = Ledger(open_home(home).ledger_path), _last_covenant(home)
    since = (_now() - timedelta(days=days - 1)).date()
    console = _console()
    columns = ("day", "agency", "purpose", "requests", "elements", "budget", "left")
    used = Table(*columns, title="Evaluated", title_justify="left")
    for row in ledger.usage(since):
        limit = budget_of(covenant, row.purpose)
        left = "-" if limit is None else str(max(0, limit - row.elements))
        counts = (str(row.requests), str(row.elements), "-" if limit is None else str(limit), left)
        used.add_row(row.day.isoformat(), row.agency, row.purpose, *counts)
    odd = Table("day", "agency", "purpose", "reason", "count", "limit", title="Unusual", title_justify="left")
    for day in range(days if covenant is not None else 0):
        for use in unusual_use(ledger, covenant, since + timedelta(days=day)) if covenant is not None else ():
            numbers = (use.finding.reason, str(use.finding.count), str(use.finding.limit))
            odd.add_row(use.day.isoformat(), use.agency, use.purpose, *numbers)
    refused = Table("day", "agency", "purpose", "code", "requests", "elements", title="Refused", title_justify="left")
    for no in ledger.refusals(since):
        refused.add_row(no.day.isoformat(), no.agency, no.purpose, no.code, str(no.requests), str(no.elements))
    gone = Table("epoch", "begun", "done", title="Keys destroyed", title_justify="left")
    for one in ledger.destructions():
        done = format_time(one.done_at) if one.done_at else "not finished: run `sluis keyholder ratchet`"
        gone.add_row(str(one.epoch), format_time(one.begun_at), done)
    for table in (used, odd, refused, gone):
        console.print(table)
    for denied in ledger.contradictions():
        console.print(
            f"ALARM: at {format_time(denied.at)} the log {denied.origin} signed two trees of size {denied.size}."
        )
        console.print(denied.cosigned + "\n" + denied.note, highlight=False)
    if evidence is not None:
        for path in write_evidence(ledger.contradictions(), evidence):
            console.print(f"{path}: anybody can check it with `sluis audit check-fork`.", highlight=False)


def _last_covenant(home: Path) -> Covenant | None:
    try:
        return CovenantTrust.open(home / FOLDER).load().covenant
    except SluisError:
        # The ledger is shown whatever became of the covenant.
        return None


def _catch_up(at: Opened) -> None:
    """Hand out and take in seeds of a live epoch only; a ceremony may also be held before the covenant's first day."""
    if at.covenant.in_force(_now()):
        ratchet(at.seeds, Ledger(at.home.ledger_path), at.covenant, _now())


def _held(at: Opened) -> HeldSeeds:
    """Return the seeds that are here, or none at the lowest live epoch, which is where a ceremony starts."""
    return at.seeds.read() or HeldSeeds(at.home.file.index, at.home.sharing, lowest_live(at.covenant, _now()), {})


def _home_file(values: dict[str, object]) -> HomeFile:
    return parse(HomeFile, json.dumps(values).encode())


def _read_package(path: Path) -> SealedSeed:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_PACKAGE + 1)
    except OSError as error:
        raise InputError(Code.MALFORMED, f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_PACKAGE:
        raise InputError(Code.TOO_LARGE, f"{path} is too large for a seed package.")
    return parse(SealedSeed, raw)


def _tell_missing(held: HeldSeeds) -> None:
    for members in held.missing:
        typer.echo(f"Set {name_of(members)}: awaited from key-holder {members[0]}.")
    if not held.missing:
        typer.echo("Every seed is here. Compare fingerprints with the others, then start with `sluis keyholder run`.")


def _passphrase(*, new: bool = False) -> SecretText:
    prompt = _ask if sys.stdin.isatty() else None
    return passphrase_from(os.environ, prompt, new=new)


def _ask(question: str) -> str:
    return str(typer.prompt(question, hide_input=True, prompt_suffix=""))


def _now() -> datetime:
    return utc(datetime.now(UTC))


def _console() -> Console:
    # Into a file or a pipe there is no screen to fit: nothing may be cut off.
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
