# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency reviews`` and ``reviewed``: whom could be told that they are signalled about, and what was decided.

Not here: what is due and deciding (``informing.py``), the machine (``cli.py`` passes it).
"""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.informing import Review, reviews
from agency_client.machine import Machine
from agency_client.session import Session, online
from agency_client.why_looking import justification_of
from edge.cli import reported
from protocol.covenant_purposes import Informing
from protocol.encoding import Json
from protocol.errors import Code, InputError
from protocol.informing import InformingReview
from protocol.messages import Justification


def add_reviews(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("reviews")
    @reported()
    def listed(
        home: HomeOption,
        due: Annotated[
            int | None, typer.Option(help="Only those due within so many days, and the overdue ones.", min=0)
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List the people who were not told yet and whose review comes: overdue first."""
        with machine.offline(home) as session:
            within = None if due is None else timedelta(days=due)
            found = reviews(session.vault, session.covenant, session.clock(), within)
            if as_json:
                print_json({"reviews": [_json(one) for one in found]})
                return
            _show(machine.console(), found)

    @app.command("reviewed")
    @reported()
    def reviewed(
        home: HomeOption,
        signal: Annotated[str, typer.Argument(help="Your record's reference, or a signal's id.")],
        case: Annotated[str, typer.Option(help="Your own case's number. It stands in the log: no names.")],
        reason: Annotated[str, typer.Option(help="Why, in words. It stands in the log: no names.")],
        approver: Annotated[str, typer.Option(help="Who decided. Only a keyed hash of it leaves.")],
        informed: Annotated[bool, typer.Option("--informed", help="The person was told.")] = False,
        defer_until: Annotated[
            str | None, typer.Option(help="Not yet: look again on this day, such as 2026-12-01.")
        ] = None,
        reason_code: Annotated[str, typer.Option(help="Why, as a code.")] = "informing-review",
        person: Annotated[
            str | None, typer.Option(help="Who enters it; default the logged-in user. Only a keyed hash of it leaves.")
        ] = None,
    ) -> None:
        """Enter that a person was told of a signal, or that telling is put off again: by whom, until when and why."""
        if informed == (defer_until is not None):
            raise InputError(Code.MALFORMED, "Say one thing: --informed, or --defer-until a day.")
        day = None if defer_until is None else _day(defer_until)
        justification = justification_of(reason_code, reason, case)
        with machine.opened(home) as session:
            asyncio.run(_decide(session, signal, day, approver, justification, machine.person_of(person)))
            machine.console().print("Entered, and proven to stand in the log.")


async def _decide(
    session: Session, signal: str, day: date | None, approver: str, why: Justification, person: str
) -> None:
    decided = InformingReview(
        status="informed" if day is None else "deferred",
        review_on=day,
        approver=session.person(approver),
        justification=why,
    )
    async with online(session, asyncio.sleep) as doors:
        await doors.informing.decide(doors.acts.find_signal(signal), decided, session.person(person))


def rule_said(informing: Informing) -> str:
    """Return whom a purpose has told, by age, and how long it may wait."""
    consult, own = informing.consult_from, informing.own_from
    return (
        f"below {consult}: who has custody; {consult} to {own - 1}: the person too; from {own}: the person alone. "
        f"At most {informing.deferral_days} days a deferral."
    )


def _show(out: Console, found: Sequence[Review]) -> None:
    if not found:
        out.print("Nobody's informing is due for review.")
        return
    table = Table("Record", "Purpose", "Look again on", "", box=None)
    for one in found:
        late = one.days_left < 0
        said = f"overdue by {-one.days_left} days" if late else f"in {one.days_left} days"
        style = f"[bold yellow]{said}[/]" if late else said
        table.add_row(escape(one.reference), one.signal.purpose, one.due.isoformat(), style)
    out.print(table)
    rules = {one.signal.purpose: one.informing for one in found if one.informing is not None}
    for purpose, informing in sorted(rules.items()):
        out.print(f"Who is told under {purpose}: {rule_said(informing)}", style="dim", highlight=False)


def _json(one: Review) -> dict[str, Json]:
    rule: Json = None
    if one.informing is not None:
        rule = {
            "consultFrom": one.informing.consult_from,
            "ownFrom": one.informing.own_from,
            "deferralDays": one.informing.deferral_days,
        }
    return {
        "signal": str(one.signal.id),
        "reference": one.reference,
        "purpose": one.signal.purpose,
        "reviewOn": one.due.isoformat(),
        "daysLeft": one.days_left,
        "overdue": one.days_left < 0,
        "ages": rule,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(Code.MALFORMED, "That is not a day.", hint="Write it as 2026-12-01.") from None
