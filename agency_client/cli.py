# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency``: make a home, enrol, push records, read hits, open a contact, withdraw, verify.

The composition root: clock, environment and terminal are here and nowhere else in this role. Every command may be given
again. Exit status: 0 done, 75 something waits and nothing is lost, 76 evidence does not hold, 65 the input cannot be
used, 77 refused, 78 settings. Not here: the commands (each ``commands_*.py`` has an ``add_…(app, machine)`` that is
called below).
"""

import getpass
import os
import sys
from datetime import UTC, datetime
from typing import Final

import typer
from rich.console import Console

from agency_client.commands_ask import add_ask
from agency_client.commands_awaited import add_awaited
from agency_client.commands_canary import add_canary
from agency_client.commands_changes import add_changes
from agency_client.commands_connectors import add_connectors
from agency_client.commands_decisions import add_decisions
from agency_client.commands_disclosures import add_disclosures
from agency_client.commands_erase import add_erase
from agency_client.commands_follow_up import add_follow_up
from agency_client.commands_home import add_home
from agency_client.commands_inbox import add_inbox
from agency_client.commands_mapping import add_mapping
from agency_client.commands_people import add_people
from agency_client.commands_preview import add_preview
from agency_client.commands_probes import add_probes
from agency_client.commands_push import add_push
from agency_client.commands_quarantine import add_quarantine
from agency_client.commands_receipts import add_receipts
from agency_client.commands_reviews import add_reviews
from agency_client.commands_run import add_run
from agency_client.commands_signals import add_signals
from agency_client.commands_statistics import add_statistics
from agency_client.commands_status import add_status
from agency_client.commands_subject import add_subject
from agency_client.commands_systems import add_systems
from agency_client.commands_unusual import add_unusual
from agency_client.commands_verify import add_verify
from agency_client.machine import Machine
from agency_client.session import opened
from edge.keyfile import SecretText, passphrase_from
from edge.logs import configure
from protocol.messages import utc

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
    clock=_now,
    passphrase=_passphrase,
    new_passphrase=lambda: _passphrase(new=True),
)
"""This machine, for the commands, each in a file of its own."""

# In this order they stand in `sluis agency --help`.
add_home(app, MACHINE)
add_push(app, MACHINE)
add_inbox(app, MACHINE)
add_signals(app, MACHINE)
add_status(app, MACHINE)
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
