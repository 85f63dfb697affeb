# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency``: make a home, enrol, push records, read hits, open a contact, withdraw, verify.

The composition root: clock, environment and terminal are here and nowhere else in this role. Every command may be given
again. Exit status: 0 done, 75 something waits and nothing is lost, 76 evidence does not hold, 65 the input cannot be
used, 77 refused, 78 settings. Not here: what any command decides.
"""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from agency_client.acts import Opened
from agency_client.awaiting import Wait, overdue
from agency_client.budgets import known_budgets, scarcest
from agency_client.commands_ask import add_ask
from agency_client.commands_awaited import add_awaited
from agency_client.commands_canary import add_canary
from agency_client.commands_changes import add_changes
from agency_client.commands_connectors import add_connectors
from agency_client.commands_decisions import add_decisions
from agency_client.commands_disclosures import add_disclosures
from agency_client.commands_erase import add_erase
from agency_client.commands_follow_up import add_follow_up
from agency_client.commands_mapping import add_mapping
from agency_client.commands_people import add_people
from agency_client.commands_preview import add_preview, approved, looked_at, show_look
from agency_client.commands_probes import add_probes
from agency_client.commands_quarantine import add_quarantine
from agency_client.commands_receipts import add_receipts
from agency_client.commands_reviews import add_reviews
from agency_client.commands_run import add_run
from agency_client.commands_statistics import add_statistics
from agency_client.commands_subject import add_subject
from agency_client.commands_systems import add_systems
from agency_client.commands_unusual import add_unusual
from agency_client.commands_verify import add_verify
from agency_client.heard import warning_of
from agency_client.looking import Looked, look
from agency_client.machine import Machine
from agency_client.push import Constants, drain, push_files, settle_mappings
from agency_client.reading import News
from agency_client.session import Online, Session, differing_of, online, opened, renewed
from agency_client.settings import home_file, make_home, open_home
from agency_client.showing import (
    hit_json,
    opened_json,
    push_json,
    queried_json,
    reference_of,
    show_erased,
    show_hit,
    show_muted,
    show_opened,
    show_queried,
    show_signals,
    show_taken,
    show_tally,
    show_waiting,
    signal_json,
    state_words,
)
from agency_client.showing_daemon import daemon_json, daemon_lines
from agency_client.showing_waits import show_overdue, wait_json
from agency_client.showing_witnesses import witness_words, witnesses_json
from agency_client.states import SignalState
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.signals import Kept
from agency_client.why_looking import require_reason
from agency_client.wording import counted, words_of
from edge.cli import exit_status, reported, show
from edge.covenant_watch import LOOK_SECONDS
from edge.covenant_watch import enrol as enrol_home
from edge.keyfile import SecretText, passphrase_from
from edge.logs import configure
from protocol.encoding import Json, format_time
from protocol.errors import Code, SluisError, UnavailableError, VerificationError
from protocol.messages import Justification, OpeningRequest, WithdrawalRequest, parse, utc
from protocol.notices import QueriedNotice

WAITING: Final = exit_status(Code.UNAVAILABLE)
"""Exit status when something waits in the outbox: sysexits' "try later"."""
_LONG_POLL: Final = 25.0
"""Seconds that the broker may hold `inbox --follow`: below the 30 that it allows."""
_RETRY: Final = 5.0
"""Seconds between tries of `inbox --follow` while the broker is away."""
_PAGE: Final = 500
"""Signals read from the vault at a time for a listing."""
_MIN_WIDTH: Final = 100
"""Columns when the output is no terminal: narrower cuts sentences to pieces."""

app = typer.Typer(
    name="agency",
    no_args_is_help=True,
    add_completion=False,
    help="""What an agency runs: push records, see hits, verify the log.

Names never leave this program; only pseudonyms do. In order: `init`, give party.yaml to the covenant board, `enrol`,
`push FILE`, `inbox`, `open`.

The passphrase of the key file comes from SLUIS_PASSPHRASE_FILE (a file), SLUIS_PASSPHRASE, or the terminal.""",
)
HomeOption = Annotated[Path, typer.Option("--home", help="This agency's folder.", file_okay=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")]
PersonOption = Annotated[
    str | None, typer.Option(help="Who does this; default the logged-in user. Only a keyed hash of it leaves.")
]


@app.command()
@reported()
def init(
    home: HomeOption,
    party: Annotated[str, typer.Option("--id", help="Name in the covenant, such as police-oost.")],
    kind: Annotated[str, typer.Option(help="police, public-prosecution, probation, care, municipality, ...")],
    title: Annotated[str, typer.Option(help="Name for people, in Dutch.")],
    oin: Annotated[str, typer.Option(help="Organisatie-identificatienummer, 20 digits.")],
    title_en: Annotated[str | None, typer.Option(help="Name in English; the Dutch one when absent.")] = None,
    key_file_cost: Annotated[
        str, typer.Option(help="Argon2id: moderate (256 MiB, 0.7 s) or interactive (64 MiB, 0.1 s; for tests).")
    ] = "moderate",
) -> None:
    """Make the agency's keys and its vault's, and the party statement for the covenant board."""
    wanted = home_file(
        {
            "id": party,
            "kind": kind,
            "title": {"nl": title, "en": title_en or title},
            "oin": oin,
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
    """Say whose covenant to believe and where it is; then verify it, the log and the key-holders' keys.

    From then on every command that goes online takes a newer covenant over by itself, once the board has signed it.
    """
    passphrase = _passphrase()
    open_home(home)
    trusted = enrol_home(home, root, source)
    out = _console()
    out.print(f"Covenant {trusted.covenant.version}, signed by the board until {trusted.until:%Y-%m-%d %H:%M} UTC; "
              "it is kept up to date.", highlight=False)  # fmt: skip
    with opened(home, passphrase, _now) as session:
        asyncio.run(_check_keys(session, out))


async def _check_keys(session: Session, out: Console) -> None:
    async with online(session, asyncio.sleep) as doors:
        head = await doors.trail.advance()
        out.print(f"Log: {head.checkpoint.size:,} entries, cosigned by {', '.join(head.cosigners)}.", highlight=False)
        epoch = session.covenant.epoch_at(session.clock())
        for name, purpose in session.covenant.purposes.items():
            if session.kind in purpose.participants:
                await doors.keys.refresh(name, epoch)
                out.print(f"Key of {name}: all key-holders agree, and the log proves it.", highlight=False)


@app.command()
@reported()
def push(
    home: HomeOption,
    files: Annotated[list[Path], typer.Argument(help="CSV, JSON Lines or XLSX.", dir_okay=False, exists=True)],
    mapping: Annotated[
        Path | None, typer.Option(help="Which column is what; default FILE.mapping.yaml, else guessed.")
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose, when the file has no column for it.")] = None,
    grounds: Annotated[str | None, typer.Option(help="Entry criteria, separated by ;")] = None,
    basis: Annotated[str | None, typer.Option(help="Your legal basis.")] = None,
    urgency: Annotated[str | None, typer.Option(help="normal or urgent.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be sent and who could be told.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether a guessed mapping, or what is shown, is right.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send files of records as signals. Bad rows go to FILE.quarantine.csv with their reasons, good rows go on."""
    out = _console(stderr=as_json)
    with opened(home, _passphrase(), _now) as session:
        mappings, guessed = settle_mappings(session, files, mapping, Constants(purpose, grounds, basis, urgency), out)
        if dry_run:
            show_look(session, look(session.intake(), mappings, Looked()), out)
            return
        if not approved(session, looked_at(session, mappings), guessed=guessed, yes=yes):
            raise typer.Exit(0)
        pushed = asyncio.run(push_files(session, mappings, Console(stderr=True), asyncio.sleep))
        waiting = session.vault.signals.waiting()
        if as_json:
            _print_json(push_json(pushed.taken, pushed.tally, waiting))
        for name, taken in pushed.taken.items():
            show_taken(out, name, taken, f"{name}.quarantine.csv")
        show_tally(out, pushed.tally)
        _end_sending(session, pushed.obstacle, waiting, out)


@app.command()
@reported()
def send(home: HomeOption, as_json: JsonOption = False) -> None:
    """Send what waits in the outbox."""
    with opened(home, _passphrase(), _now) as session:
        tally, obstacle = asyncio.run(drain(session, asyncio.sleep, lambda: False, lambda _: None))
        waiting = session.vault.signals.waiting()
        if as_json:
            _print_json(push_json({}, tally, waiting))
        out = _console(stderr=as_json)
        show_tally(out, tally)
        if obstacle is None and not tally.accepted and not tally.refused:
            out.print("Nothing waits.")
        _end_sending(session, obstacle, waiting, out)


def _end_sending(session: Session, obstacle: SluisError | None, waiting: int, out: Console) -> None:
    for known in scarcest(known_budgets(session.vault.evidence, _now())):
        out.print(known.words, style="dim", highlight=False)
    if obstacle is None:
        return
    show_waiting(out, waiting, obstacle)
    show(obstacle)
    raise typer.Exit(exit_status(obstacle.code))


@app.command()
@reported()
def inbox(
    home: HomeOption,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and show each hit as it comes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the hits: who knows the same person, on what, how sure, and by when to act."""
    with opened(home, _passphrase(), _now) as session:
        if follow:
            asyncio.run(_follow(session, as_json))
        problem = asyncio.run(_read_inbox(session))
        hits = session.vault.hits.all()
        if as_json:
            listed: list[Json] = [hit_json(session.vault, kept, session.covenant, _now()) for kept in hits]
            muted: list[Json] = [
                {"kind": one.kind, "signals": one.signals, "reference": reference_of(session.vault, one.example)}
                for one in session.vault.hits.muted()
            ]
            findings: list[Json] = [
                {"code": one.code, "place": one.place, "detail": one.detail}
                for one in session.vault.evidence.findings(unseen_only=True)
            ]
            late: list[Json] = [wait_json(wait, session.vault, session.covenant) for wait in _late(session)]
            asked: list[Json] = [
                queried_json(session.vault, one, session.covenant) for one in session.vault.hits.queried()
            ]
            _print_json({"hits": listed, "muted": muted, "queried": asked, "overdue": late,
                         "erased": [*session.vault.hits.erased()], "findings": findings})  # fmt: skip
        else:
            _show_inbox(session, hits)
        if problem is not None:
            show(problem)
            raise typer.Exit(exit_status(problem.code))


def _show_inbox(session: Session, hits: list[KeptHit]) -> None:
    out = _console()
    order = {"hit": 0, "probable": 1, "possible": 2}
    for kept in sorted(hits, key=lambda one: (one.state is HitState.WITHDRAWN, order[one.notice.quality])):
        show_hit(out, session.vault, kept, session.covenant, _now())
    show_muted(out, session.vault)
    show_erased(out, session.vault)
    show_queried(out, session.vault, session.covenant, session.vault.hits.queried())
    show_overdue(out, session.vault, _late(session), session.covenant)
    if not hits:
        out.print("No hits. Your signals stand; you are told as soon as another agency knows the same person.")


def _late(session: Session) -> list[Wait]:
    return list(overdue(session.vault, session.covenant, session.me.id, _now()))


async def _read_inbox(session: Session) -> SluisError | None:
    """Read the notices; returns the first thing that was wrong, after keeping all that was right."""
    try:
        async with online(session, asyncio.sleep) as doors:
            await doors.trail.advance()
            news: News = await doors.reading.read()
            await doors.changing.answer()
    except (VerificationError, UnavailableError) as error:
        return error
    return news.failures[0] if news.failures else None


async def _follow(session: Session, as_json: bool) -> None:
    shown: set[str] = set()
    begun = False
    while True:
        try:
            await _follow_for_a_while(session, as_json, shown)
        except UnavailableError as error:
            if not begun:
                raise
            show(error)
            await asyncio.sleep(_RETRY)
        begun, session = True, await asyncio.to_thread(renewed, session)


async def _follow_for_a_while(session: Session, as_json: bool, shown: set[str]) -> None:
    """Show what comes under one version of the covenant, until it is time to look for a newer one."""
    async with online(session, asyncio.sleep) as doors:
        await doors.trail.advance()
        ends = asyncio.get_running_loop().time() + LOOK_SECONDS
        while asyncio.get_running_loop().time() < ends:
            for kept in session.vault.hits.all():
                if f"{kept.id} {kept.state}" not in shown:
                    shown.add(f"{kept.id} {kept.state}")
                    _show_one(session, kept, as_json)
            for notice in session.vault.hits.queried():
                if f"queried {notice.seq}" not in shown:
                    shown.add(f"queried {notice.seq}")
                    _show_question(session, notice, as_json)
            for wait in _late(session):
                if f"overdue {wait.signal.id}" not in shown:
                    shown.add(f"overdue {wait.signal.id}")
                    _show_late(session, wait, as_json)
            await _next_news(doors)


async def _next_news(doors: Online) -> None:
    try:
        news = await doors.reading.read(_LONG_POLL)
    except UnavailableError as error:
        show(error)
        await asyncio.sleep(_RETRY)
        return
    for failure in news.failures:
        show(failure)
    if news.failures and not news.verified:
        await asyncio.sleep(_RETRY)


def _show_late(session: Session, wait: Wait, as_json: bool) -> None:
    if as_json:
        _print_json({"overdue": wait_json(wait, session.vault, session.covenant)})
    else:
        show_overdue(_console(), session.vault, [wait], session.covenant)


def _show_one(session: Session, kept: KeptHit, as_json: bool) -> None:
    if as_json:
        _print_json(hit_json(session.vault, kept, session.covenant, _now()))
    else:
        show_hit(_console(), session.vault, kept, session.covenant, _now())


def _show_question(session: Session, notice: QueriedNotice, as_json: bool) -> None:
    if as_json:
        _print_json({"queried": queried_json(session.vault, notice, session.covenant)})
    else:
        show_queried(_console(), session.vault, session.covenant, [notice])


@app.command("open")
@reported()
def open_hit(
    home: HomeOption,
    hit: Annotated[str, typer.Argument(help="The hit's number, or how it begins.")],
    reason_code: Annotated[str, typer.Option(help="Why you look, as a code, such as own-case.")],
    reason: Annotated[str, typer.Option(help="Why you look, in words. No names: this stands in the log.")],
    case: Annotated[str, typer.Option(help="Your own case's number.")],
    person: PersonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whom to call. That you look, and why, is put in the log first."""
    why = {"justification": {"code": reason_code, "text": reason, "caseReference": case}}
    justification: Justification = parse(OpeningRequest, json.dumps(why).encode()).justification
    with opened(home, _passphrase(), _now) as session:
        require_reason(reason_code, session.covenant)
        found = asyncio.run(_open(session, hit, justification, _person(person)))
        if as_json:
            _print_json(opened_json(found))
            return
        reference = reference_of(session.vault, found.hit.notice.my_signal)
        show_opened(_console(), found, words_of(found.hit, reference, session.covenant, _now()))


async def _open(session: Session, hit: str, why: Justification, person: str) -> Opened:
    async with online(session, asyncio.sleep) as doors:
        doors.trail.require_unstopped()
        return await doors.acts.open(doors.acts.find_hit(hit), why, session.person(person))


@app.command()
@reported()
def signals(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show the signals and where each of them is."""
    with opened(home, _passphrase(), _now, offline=True) as session:
        if as_json:
            _print_json({"signals": [signal_json(kept) for kept in _all_signals(session)]})
            return
        show_signals(_console(), _all_signals(session))


def _all_signals(session: Session) -> Iterator[Kept]:
    last = 0
    while page := session.vault.signals.page(last, _PAGE):
        yield from (kept for _, kept in page)
        last = page[-1][0]


@app.command()
@reported()
def withdraw(
    home: HomeOption,
    signal: Annotated[str, typer.Argument(help="A record's reference, or a signal's id.")],
    reason: Annotated[str, typer.Option(help="Why, as a code: mistake, ended, corrected, ...")],
    person: PersonOption = None,
) -> None:
    """Take a signal back: its pseudonyms are deleted, and who was told of a hit hears that it is gone."""
    code = parse(WithdrawalRequest, json.dumps({"reason": reason}).encode()).reason
    with opened(home, _passphrase(), _now) as session:
        state = asyncio.run(_withdraw(session, signal, code, _person(person)))
        _console().print("It was withdrawn before." if state is SignalState.WITHDRAWN else "Withdrawn.")


async def _withdraw(session: Session, text: str, reason: str, person: str) -> SignalState:
    async with online(session, asyncio.sleep) as doors:
        doors.trail.require_unstopped()
        kept = doors.acts.find_signal(text)
        await doors.acts.withdraw(kept, reason, session.person(person))
        return kept.state


@app.command()
@reported()
def status(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show where everything is, without asking anybody."""
    with opened(home, _passphrase(), _now, offline=True) as session:
        numbers = session.vault.signals.count()
        findings = session.vault.evidence.findings(unseen_only=True)
        hits = session.vault.hits.all()
        live = sum(kept.state is HitState.LIVE for kept in hits)
        differ = differing_of(session, session.covenant)
        if as_json:
            states: dict[str, Json] = {str(state): count for state, count in numbers.items()}
            waiting = session.vault.signals.waiting()
            others: list[Json] = [{"party": one.party, "version": one.version, "sha256": one.sha256} for one in differ]
            own: dict[str, Json] = {"version": session.covenant.version, "sha256": session.covenant.sha256}
            _print_json({"agency": session.me.id, "covenant": own, "differing": others, "signals": states,
                         "waiting": waiting, "hits": live,
                         "requests": session.vault.outbox.count_open(), "findings": len(findings),
                         "budgets": [one.json for one in known_budgets(session.vault.evidence, _now())],
                         "witnesses": witnesses_json(session), "daemon": daemon_json(session)})  # fmt: skip
            return
        out = _console()
        out.print(f"{session.me.title.nl} ({session.me.id}), covenant {session.covenant.version}", highlight=False)
        out.print(f"  signals: {state_words(numbers)}", highlight=False)
        out.print(f"  hits: {live:,}; requests in the outbox: {session.vault.outbox.count_open():,}", highlight=False)
        for known in known_budgets(session.vault.evidence, _now()):
            out.print(f"  {known.words}", highlight=False)
        if differ:
            out.print(f"  {warning_of(differ, session.covenant)}", style="yellow", highlight=False)
        for line in (*witness_words(session), *daemon_lines(session)):
            out.print(f"  {line}", highlight=False, markup=False)
        if findings:
            out.print(
                f"  {counted(len(findings), 'finding')}: something did not hold. sluis agency verify", style="red"
            )


# --- What belongs to the machine ---


def _now() -> datetime:
    return utc(datetime.now(UTC))


def _passphrase(*, new: bool = False) -> SecretText:
    configure()
    prompt = getpass.getpass if sys.stdin.isatty() else None
    return passphrase_from(os.environ, prompt, new=new)


def _person(given: str | None) -> str:
    return given or os.environ.get("SLUIS_PERSON") or getpass.getuser()


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=max(_MIN_WIDTH, console.width))


MACHINE: Final = Machine(
    opened=lambda home: opened(home, _passphrase(), _now),
    offline=lambda home: opened(home, _passphrase(), _now, offline=True),
    console=_console,
    notes=lambda: _console(stderr=True),
    person_of=_person,
)
"""This machine, for commands that are written in files of their own."""
add_canary(app, MACHINE)
add_preview(app, MACHINE)
add_ask(app, MACHINE)
add_awaited(app, MACHINE)
add_decisions(app, MACHINE)
add_probes(app, MACHINE)
add_statistics(app, MACHINE)
add_receipts(app, MACHINE)
add_unusual(app, MACHINE)
add_verify(app, MACHINE)
add_subject(app, MACHINE)
add_reviews(app, MACHINE)
add_follow_up(app, MACHINE)
add_disclosures(app, MACHINE)
add_changes(app, MACHINE)
add_erase(app, MACHINE)
add_mapping(app, MACHINE)
add_connectors(app, MACHINE)
add_quarantine(app, MACHINE)
add_systems(app, MACHINE)
add_run(app, MACHINE)
add_people(app, MACHINE)


def _print_json(value: Json) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
