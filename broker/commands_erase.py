# SPDX-License-Identifier: EUPL-1.2
"""``sluis broker erase``: erase an entry, a signal or a month by order, after showing what that means.

Not here: what may be erased and how (``erasing.py``), opening the home and its database (``main.py`` passes it).
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from broker.erasing import Plan, carry_out, plan_entry, plan_month, plan_signal
from broker.service import Broker
from edge.cli import reported
from protocol.erasure import GROUNDS, RETENTION_OVER
from protocol.errors import Code, InputError
from protocol.ids import SignalId
from protocol.messages import ErasureGround
from protocol.record_fields import MONTH

Acting = Callable[[Path, str | None, Path | None], AbstractAsyncContextManager[Broker]]
"""Opens the broker of a home, on the given database or the home's own."""
_GROUNDS = ", ".join(ground for ground in GROUNDS if ground != RETENTION_OVER)


def add_erase(app: typer.Typer, acting: Acting) -> None:
    """Add the command to ``sluis broker``."""

    @app.command("erase")
    @reported()
    def command(
        home: Annotated[Path, typer.Option("--home", help="This broker's folder.", file_okay=False)],
        index: Annotated[
            int | None,
            typer.Option(min=0, help="Whom one entry concerns, by its place in the log."),
        ] = None,
        signal: Annotated[
            UUID | None, typer.Option(help="Whom all entries of a signal concern; a live one ends by it.")
        ] = None,
        month: Annotated[
            str | None, typer.Option(help="All of a month whose retention is over, such as 2026-01.")
        ] = None,
        ground: Annotated[str | None, typer.Option(help=f"Why: {_GROUNDS}. A month has its own.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be erased.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        given: Annotated[
            str | None,
            typer.Option("--database", envvar="SLUIS_DATABASE", help="postgresql://… ; the home's own when absent."),
        ] = None,
        postgres_bin: Annotated[
            Path | None, typer.Option(help="Folder of PostgreSQL's programs for the private server.", file_okay=False)
        ] = None,
    ) -> None:
        """Erase from the log for good, by order of a court or at the wish of whose data it is.

        The log says so itself, in a new entry with the ground; proofs of what was erased keep working. The keys are
        destroyed too: no backup of the database brings it back. Asked again it changes nothing. A live signal can only
        be erased while the broker runs, on a --database; for the private one, stop the broker first.
        """
        if sum(one is not None for one in (index, signal, month)) != 1:
            raise InputError(Code.MALFORMED, "Give one of --index, --signal and --month.")
        wanted = RETENTION_OVER if month is not None and ground is None else ground
        chosen = next((one for one in GROUNDS if one == wanted), None)
        if chosen is None or (chosen == RETENTION_OVER) != (month is not None):
            raise InputError(Code.MALFORMED, "Give a ground that fits: --ground.", hint=f"{_GROUNDS}; none of a month.")
        asyncio.run(_erase(acting(home, given, postgres_bin), (index, signal, month), chosen, dry_run, yes))


async def _erase(
    opened: AbstractAsyncContextManager[Broker],
    what: tuple[int | None, UUID | None, str | None],
    ground: ErasureGround,
    dry_run: bool,
    yes: bool,
) -> None:
    index, signal, month = what
    async with opened as broker:
        if index is not None:
            plan = await plan_entry(broker, index)
        elif signal is not None:
            plan = await plan_signal(broker, SignalId(signal))
        else:
            plan = await plan_month(broker, MONTH.read(month))
        for line in describe(plan):
            typer.echo(line)
        if plan.empty:
            # Its keys may have come back out of a backup of the key folder.
            await broker.store.destroy_erased(everything=True)
            return
        if dry_run or not (yes or typer.confirm("Erase this for good?")):
            typer.echo("Nothing was erased.")
            return
        count = await carry_out(broker, plan, ground)
    typer.echo(f"Erased: {count} {'entry' if count == 1 else 'entries'}; the keys are destroyed.")


def describe(plan: Plan) -> list[str]:
    """Return what a plan would erase, in words."""
    if plan.empty:
        return ["There is nothing of it: it was erased before, or never was here."]
    if plan.month is not None:
        return [f"All {plan.month.entries} entries of {plan.month.month}, of which only leaves and proofs stay."]
    places = ", ".join(str(entry.index) for entry in plan.entries if entry.index is not None) or "not numbered yet"
    lines = [f"Whom {len(plan.entries)} of the log's entries concern: {places}."]
    if plan.ends:
        lines.append("The signal is live and ends by this; who was told of a hit with it is told that it is gone.")
    return lines
