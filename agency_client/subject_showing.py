# SPDX-License-Identifier: EUPL-1.2
"""Subject requests for the terminal and for programs: what was collected, and the register with its clock.

Nothing about the person is shown but numbers. Not here: the answer itself (``subject_page.py``).
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.subject_law import GROUNDS, Clock
from agency_client.subject_report import SubjectReport
from agency_client.subject_search import Collected
from agency_client.vault.subject_requests import CitizenRequest, RequestStep
from agency_client.wording import counted
from protocol.encoding import Json

_STATES: Final = {
    RequestStep.RECEIVED: "received",
    RequestStep.REPORTED: "report made, not answered",
    RequestStep.EXTENDED: "extended",
    RequestStep.ANSWERED: "answered",
    RequestStep.REFUSED: "refused",
}


def clock_of(request: CitizenRequest, today: date) -> Clock:
    """Return a request's clock."""
    return Clock(request.received, today, request.extended)


def show_report(out: Console, report: SubjectReport, collected: Collected, folder: Path, files: int) -> None:
    """Print what was collected, what to look at before anything is handed out, and by when."""
    for part in report.purposes:
        text = counted(len(part.lines), "entry", "entries")
        if part.refused is not None:
            text += f"; nothing of it is told: {part.refused}"
        out.print(f"{part.purpose}: {text}", highlight=False)
        for holder, budget in collected.budgets.get(part.purpose, {}).items():
            out.print(f"  budget at {holder}: {budget.used:,} used, {budget.left:,} left", style="dim", highlight=False)
    for purpose, why in report.declined.items():
        out.print(f"{purpose}: not yours to answer for: {escape(why)}", style="dim", highlight=False)
    if report.to_check:
        checked = counted(report.to_check, "entry", "entries")
        out.print(f"{checked} not in the answer: look at them in the full form.", style="yellow", highlight=False)
    if report.more:
        out.print("There are more entries than fit: the oldest are missing.", style="yellow", highlight=False)
    out.print(f"{counted(files, 'file')} written to {escape(str(folder))}", highlight=False)
    out.print(_left(report.clock), style=None if report.clock.days_left >= 0 else "red", highlight=False)


def collected_json(report: SubjectReport, collected: Collected) -> dict[str, Json]:
    """Return what was collected for programs: numbers and dates, nothing about the person."""
    return {
        "logIndex": report.place,
        "entries": {str(part.purpose): len(part.lines) for part in report.purposes},
        "epochs": {str(purpose): list(epochs) for purpose, epochs in collected.epochs.items()},
        "notAnsweredHere": list(report.declined),
        "toCheck": report.to_check,
        "weak": report.weak,
        "erased": len(report.erased),
        "incomplete": report.more,
        "answerBefore": report.clock.answer_before.isoformat(),
        "daysLeft": report.clock.days_left,
    }


def show_requests(out: Console, requests: Sequence[CitizenRequest], today: date) -> None:
    """Print the register as a table."""
    if not requests:
        out.print("No citizen waits for an answer.")
        return
    table = Table("Case", "Received", "State", "Answer before", "Days left", box=None)
    for one in requests:
        clock = clock_of(one, today)
        state = _STATES[one.state]
        if one.ground is not None:
            state += f": {GROUNDS[one.ground].said[1]} ({GROUNDS[one.ground].law})"
        elif one.refused:
            state += f"; not told: {', '.join(sorted(one.refused))}"
        left = str(clock.days_left) if one.is_open else ""
        late = one.is_open and clock.days_left < 0
        table.add_row(
            escape(one.case),
            one.received.isoformat(),
            escape(state),
            clock.answer_before.isoformat(),
            f"[bold red]{left}[/]" if late else left,
        )
    out.print(table)


def request_json(request: CitizenRequest, today: date) -> dict[str, Json]:
    """Return a request for programs."""
    clock = clock_of(request, today)
    return {
        "case": request.case,
        "received": request.received.isoformat(),
        "state": str(request.state),
        "stateAt": request.state_at,
        "reports": request.reports,
        "answerBefore": clock.answer_before.isoformat(),
        "daysLeft": clock.days_left if request.is_open else None,
        "notTold": {str(purpose): ground for purpose, ground in request.refused.items()},
        "ground": request.ground,
    }


def _left(clock: Clock) -> str:
    if clock.days_left < 0:
        return f"Late: the answer was due on {clock.answer_before.isoformat()}."
    left = counted(clock.days_left, "day")
    return f"Answer on or before {clock.answer_before.isoformat()}: {left} left."
