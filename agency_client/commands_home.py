# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency init``, ``enrol``, ``renew-disclosure-key``: an agency's folder, its keys, whose covenant it believes.

Not here: what is in the folder (``settings.py``), believing a covenant (``edge/covenant_watch.py``), the machine
(``cli.py`` passes it).
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agency_client.command_line import HomeOption
from agency_client.machine import Machine
from agency_client.session import Session, online, opened
from agency_client.settings import forget_older_keys, home_file, make_home, open_home, renew_disclosure_key
from edge.cli import reported
from edge.covenant_watch import enrol as enrol_home
from protocol.encoding import format_time
from protocol.errors import Code, ConflictError


def add_home(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("init")
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
                "madeAt": format_time(machine.clock()),
                "keyFileCost": key_file_cost,
            }
        )
        made = make_home(home, wanted, machine.new_passphrase())
        typer.echo(f"{made.file.id} is ready. Give {made.statement_path} to the covenant board; it holds no secrets.")

    @app.command("enrol")
    @reported()
    def enrol(
        home: HomeOption,
        root: Annotated[
            Path, typer.Option(help="The board's root file, whose fingerprint you compared.", dir_okay=False)
        ],
        source: Annotated[
            str, typer.Option("--from", help="Where signed covenants are: the broker's …/covenant/, or a copy of it.")
        ],
    ) -> None:
        """Say whose covenant to believe and where it is; then verify it, the log and the key-holders' keys.

        From then on every command that goes online takes a newer covenant over by itself, once the board has signed it.
        """
        # Before anything is believed: who has no passphrase is told so first, and types it once.
        passphrase = machine.passphrase()
        open_home(home)
        trusted = enrol_home(home, root, source)
        out = machine.console()
        out.print(f"Covenant {trusted.covenant.version}, signed by the board until {trusted.until:%Y-%m-%d %H:%M} UTC; "
                  "it is kept up to date.", highlight=False)  # fmt: skip
        with opened(home, passphrase, machine.clock) as session:
            asyncio.run(_check_keys(session, out))

    @app.command("renew-disclosure-key")
    @reported()
    def renew_key(
        home: HomeOption,
        forget_older: Annotated[
            bool,
            typer.Option(
                "--forget-older",
                help="Make none; destroy the older ones, except the one that the covenant names. What is sealed to "
                "them and was not read yet can never be read then.",
            ),
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Forget them though answers are still to come.")] = False,
    ) -> None:
        """Make a new key that others seal to, when they ask for more or give it, and the statement that says so.

        The older ones stay, so that everything on its way opens. Others use the new one once the covenant names it.
        Until then no other one is made, so you can run this again.
        """
        passphrase = machine.passphrase()
        with opened(home, passphrase, machine.clock, offline=True) as session:
            if forget_older and not yes:
                _require_no_answers(session)
            change = forget_older_keys if forget_older else renew_disclosure_key
            done = change(session.home, passphrase, session.me.disclosure_key)
        if done.made:
            typer.echo("A new disclosure key is made. Restart `sluis agency run`, so that it has the key, and then:")
        if not done.placed:
            typer.echo(f"Give {session.home.statement_path} to the covenant board; it holds no secrets. "
                       "The covenant does not name the newest key yet.")  # fmt: skip
        typer.echo(f"Older keys that are kept: {done.older}.")


def _require_no_answers(session: Session) -> None:
    counts = session.vault.disclosures.counts()
    coming = counts.mine_open + counts.to_fetch
    if coming:
        raise ConflictError(
            Code.CONFLICT,
            f"Answers to {coming} of your own requests are to come or to be read, and may be sealed to an older key.",
            hint="Wait until they are read or over, or say --yes.",
        )


async def _check_keys(session: Session, out: Console) -> None:
    async with online(session, asyncio.sleep) as doors:
        head = await doors.trail.advance()
        out.print(f"Log: {head.checkpoint.size:,} entries, cosigned by {', '.join(head.cosigners)}.", highlight=False)
        epoch = session.covenant.epoch_at(session.clock())
        for name, purpose in session.covenant.purposes.items():
            if session.kind in purpose.participants:
                await doors.keys.refresh(name, epoch)
                out.print(f"Key of {name}: all key-holders agree, and the log proves it.", highlight=False)
