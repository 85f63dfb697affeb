# SPDX-License-Identifier: EUPL-1.2
"""``sluis broker``: make a home, run the service, ask how it is.

The composition root: clock, environment and terminal are here and nowhere else in this role. Not here: what any command
decides.
"""

import getpass
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import httpx
import typer

from broker import binaries, cluster
from broker.commands_erase import add_erase
from broker.commands_ldv import add_ldv_check
from broker.exporting import add_decisions
from broker.migrate import migrate
from broker.publishing import TRUST
from broker.service import Broker
from broker.settings import HomeFile, make_home, open_home, require_place
from broker.standing import looking
from broker.web import make_broker_app, running
from edge.cli import reported
from edge.covenant_trust import CovenantTrust
from edge.covenant_watch import CovenantWatch
from edge.keyfile import SecretText, passphrase_from
from edge.ldv import FOLDER, SpanLog, collector, service_of
from edge.logs import configure, logger
from edge.serve import serve
from edge.witness_lines import witness_lines
from protocol.errors import Code, SluisError, UnavailableError, VerificationError
from protocol.ids import PartyId
from protocol.messages import parse
from protocol.witness_reports import WitnessReports, read_reports

if TYPE_CHECKING:
    from edge.ldv_otlp import Forwarder

DATABASE: Final = "sluis"
STATUS_SECONDS: Final = 5.0

app = typer.Typer(
    name="broker",
    no_args_is_help=True,
    add_completion=False,
    help="""The middle: matches pseudonyms, tells agencies, keeps the log.

It sees pseudonyms, sealed envelopes and purposes; never names, never keys. In order: `init`, give party.yaml and
covenant.pub to the covenant board, `publish` what the board signed, then `run`.

The passphrase of the key files comes from SLUIS_PASSPHRASE_FILE (a file), SLUIS_PASSPHRASE, or the terminal.""",
)
HomeOption = Annotated[Path, typer.Option("--home", help="This broker's folder.", file_okay=False)]


@app.command()
@reported()
def init(
    home: HomeOption,
    party: Annotated[str, typer.Option("--id", help="Name in the covenant.")],
    url: Annotated[str, typer.Option(help="Address at which agencies reach it.")],
    log_origin: Annotated[str, typer.Option(help="The log's name for ever, such as sluis.example/log.")],
    title: Annotated[str | None, typer.Option(help="Name for people, in Dutch; the id when absent.")] = None,
    title_en: Annotated[str | None, typer.Option(help="Name in English; the Dutch one when absent.")] = None,
    key_file_cost: Annotated[
        str, typer.Option(help="Argon2id: moderate (256 MiB, 0.7 s) or interactive (64 MiB, 0.1 s; for tests).")
    ] = "moderate",
) -> None:
    """Make the log's key, the covenant's online key, and the party statement for the covenant board."""
    wanted = {
        "id": party,
        "title": {"nl": title or party, "en": title_en or title or party},
        "url": url,
        "logOrigin": log_origin,
        "keyFileCost": key_file_cost,
    }
    made = make_home(home, parse(HomeFile, json.dumps(wanted).encode()), _passphrase(new=True))
    typer.echo(
        f"{made.file.id} is ready. Give {made.statement_path} and {made.online_key_path} to the covenant board; "
        "they hold no secrets."
    )


@app.command()
@reported()
def publish(
    home: HomeOption,
    repo: Annotated[Path, typer.Argument(help="The board's folder, all signed.", show_default=False)],
) -> None:
    """Take over the covenant that the board signed, for all parties to fetch; a running broker picks it up.

    It is verified as every party will. The first time, the board's first root is pinned here: compare its fingerprint.
    """
    found = open_home(home)
    publication = found.publication(_passphrase())
    trusted = publication.publish(repo, _now())
    covenant = trusted.covenant
    typer.echo(f"{covenant.name}, version {covenant.version}, is published.")
    typer.echo(f"  sha256 {covenant.sha256}")
    typer.echo(f"  root {trusted.root_version}, signing round {trusted.targets_version}")
    typer.echo(f"  sha256 of the pinned root's file: {publication.pinned()}")
    typer.echo(f"  renewed by the running broker; without it all parties stop at {trusted.until:%Y-%m-%d %H:%M} UTC")


@app.command()
@reported()
def run(
    home: HomeOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8440,
    public_url: Annotated[
        str | None, typer.Option(help="Address that callers use and sign; the covenant's when absent.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="SLUIS_DATABASE",
            help="postgresql://… of a server, 15 or newer. Without it a private one is started in the home. "
            "With a password in it, give it in SLUIS_DATABASE: other users see options.",
        ),
    ] = None,
    postgres_bin: Annotated[
        Path | None, typer.Option(help="Folder of PostgreSQL's programs for the private server.", file_okay=False)
    ] = None,
    log_file: Annotated[Path | None, typer.Option(help="Log here instead of on standard error.")] = None,
) -> None:
    """Serve until told to stop. One ready line on standard output."""
    configure(path=log_file)
    found = open_home(home)
    passphrase = _passphrase()
    signer, publication = found.signer(passphrase), found.publication(passphrase)
    keys = found.data_keys(passphrase)
    publication.renew(_now())
    watch = CovenantWatch(publication.trust(), partial(require_place, found, signer), logger("broker"))
    agreed = watch.agreed
    with _database(database, found.postgres, postgres_bin) as url:
        migrate(url)
        address = public_url or agreed.covenant.broker.url
        spans = _spans(home, found.file.id)
        served = make_broker_app(
            agreed,
            signer,
            keys,
            url,
            _now,
            address,
            looking(watch, publication),
            publication,
            spans,
            _forwarder(spans),
        )
        status = serve(served, host=host, port=port, role="broker")
    raise typer.Exit(status)


@app.command()
@reported()
def status(
    home: HomeOption,
    url: Annotated[str | None, typer.Option(help="Where it listens; the address given at init when absent.")] = None,
) -> None:
    """Show whether the running broker is well, and how far its log is."""
    address = url or open_home(home).file.url
    try:
        answer = httpx.get(f"{address.rstrip('/')}/readyz", timeout=STATUS_SECONDS, trust_env=False)
        state = answer.json()
    except (httpx.HTTPError, ValueError):
        raise UnavailableError(Code.UNAVAILABLE, f"No broker answers at {address}.") from None
    for name in ("status", "logSize", "publishedSize"):
        if name in state:
            typer.echo(f"{name}: {state[name]}")
    if covenant := state.get("covenant"):
        over = "" if state.get("covenantInForce") else ", which is over: every act waits"
        typer.echo(f"covenant: {covenant['version']}, sha256 {covenant['sha256']}{over}")
    if failing := state.get("failingWitnesses"):
        typer.echo(f"key-holders that do not cosign now: {', '.join(failing)}")
    for line in _witnesses(home, address):
        typer.echo(f"witness {line}")
    if why := state.get("frozenBecause"):
        typer.echo(f"frozen: {why}")
    if answer.status_code != httpx.codes.OK:
        raise UnavailableError(Code.UNAVAILABLE, "The broker cannot do its work now; its log says why.")


def _witnesses(home: Path, address: str) -> Iterator[str]:
    """Yield how far each witness is, by its own signature; nothing when that cannot be had."""
    try:
        covenant = CovenantTrust.open(home / TRUST).load().covenant
        answer = httpx.get(f"{address.rstrip('/')}/log/witnesses", timeout=STATUS_SECONDS, trust_env=False)
        states = read_reports(parse(WitnessReports, answer.content), covenant)
    except VerificationError as error:
        yield f"reports do not hold: {error.detail}"
    except (httpx.HTTPError, SluisError):
        return
    else:
        yield from witness_lines(states, _now())


@contextmanager
def _database(given: str | None, folder: Path, postgres_bin: Path | None) -> Iterator[str]:
    """Yield a database's address: the given one, or that of a private server that lives as long as this command."""
    if given is not None:
        yield given
        return
    programs = binaries.find(postgres_bin, os.environ.get("PATH", ""), major=binaries.major_of(folder))
    private = cluster.start(folder, programs)
    try:
        private.make_database(DATABASE)
        yield private.url(DATABASE)
    finally:
        private.stop()


def _spans(home: Path, party: PartyId) -> SpanLog:
    """Return the log of processing of this run: every command that acts writes it."""
    return SpanLog(home / FOLDER, service_of("sluis-broker", party), _now)


def _forwarder(spans: SpanLog) -> "Forwarder | None":
    """Return what sends the log of processing on, when a collector is configured."""
    if not (address := collector()):
        return None
    from edge.ldv_otlp import forwarder_of

    return forwarder_of(spans.folder, address)


@asynccontextmanager
async def _acting(home: Path, given: str | None, postgres_bin: Path | None) -> AsyncIterator[Broker]:
    """Open a home's broker on its database, without serving."""
    found = open_home(home)
    passphrase = _passphrase()
    signer, publication, keys = found.signer(passphrase), found.publication(passphrase), found.data_keys(passphrase)
    if given is None:
        # Nobody else can use the private database now, so nobody renews either.
        publication.renew(_now())
    watch = CovenantWatch(publication.trust(), partial(require_place, found, signer), logger("broker"))
    with _database(given, found.postgres, postgres_bin) as url:
        async with running(watch.agreed, signer, keys, url, _now, _spans(home, found.file.id)) as started:
            yield started.broker


def _passphrase(*, new: bool = False) -> SecretText:
    return passphrase_from(os.environ, getpass.getpass if os.isatty(0) else None, new=new)


def _now() -> datetime:
    return datetime.now(UTC)


add_decisions(
    app,
    lambda home, given, programs: _database(given, home if given else open_home(home).postgres, programs),
    lambda home: open_home(home).data_keys(_passphrase()),
)
add_ldv_check(
    app,
    lambda home, given, programs: _database(given, home if given else open_home(home).postgres, programs),
    lambda home: open_home(home).data_keys(_passphrase()),
)
add_erase(app, _acting)
