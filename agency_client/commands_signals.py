# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency signals`` and ``withdraw``: where own signals are, and taking one back.

Not here: sending them (``commands_push.py``), other changes of them (``commands_changes.py``), the act (``acts.py``),
the machine (``cli.py`` passes it).
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.machine import Machine
from agency_client.session import Session, online
from agency_client.showing import show_signals, signal_json
from agency_client.states import SignalState
from agency_client.vault.signals import Kept
from edge.cli import reported
from protocol.messages import WithdrawalRequest, parse

_PAGE: Final = 500
"""Signals read from the vault at a time for a listing."""


def add_signals(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("signals")
    @reported()
    def signals(home: HomeOption, as_json: JsonOption = False) -> None:
        """Show the signals and where each of them is."""
        with machine.offline(home) as session:
            if as_json:
                print_json({"signals": [signal_json(kept) for kept in _all(session)]})
                return
            show_signals(machine.console(), _all(session))

    @app.command("withdraw")
    @reported()
    def withdraw(
        home: HomeOption,
        signal: Annotated[str, typer.Argument(help="A record's reference, or a signal's id.")],
        reason: Annotated[str, typer.Option(help="Why, as a code: mistake, ended, corrected, ...")],
        person: PersonOption = None,
    ) -> None:
        """Take a signal back: its pseudonyms are deleted, and who was told of a hit hears that it is gone."""
        code = parse(WithdrawalRequest, json.dumps({"reason": reason}).encode()).reason
        with machine.opened(home) as session:
            state = asyncio.run(_withdraw(session, signal, code, machine.person_of(person)))
            machine.console().print("It was withdrawn before." if state is SignalState.WITHDRAWN else "Withdrawn.")


def _all(session: Session) -> Iterator[Kept]:
    last = 0
    while page := session.vault.signals.page(last, _PAGE):
        yield from (kept for _, kept in page)
        last = page[-1][0]


async def _withdraw(session: Session, text: str, reason: str, person: str) -> SignalState:
    """Take the signal back; returns the state it had before."""
    async with online(session, asyncio.sleep) as doors:
        doors.trail.require_unstopped()
        kept = doors.acts.find_signal(text)
        await doors.acts.withdraw(kept, reason, session.person(person))
        return kept.state
