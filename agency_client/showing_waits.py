# SPDX-License-Identifier: EUPL-1.2
"""Awaited counterparts for people and for programs: what the inbox says of silence, and the list of what is awaited.

Only from verified notices and hits. Not here: what is true (``awaiting.py``), the commands (``commands_awaited.py``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.awaiting import Wait, WaitState
from agency_client.showing import reference_of
from agency_client.vault import Vault
from agency_client.wording import counted
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.ids import PurposeId

_SAID: Final = {
    WaitState.LATE: "late since {due}",
    WaitState.DUE: "due by {due}",
    WaitState.DONE: "done",
}
"""In the order in which somebody must act."""


def overdue_sentence(wait: Wait, reference: str, covenant: Covenant) -> str:
    """Return in words that a counterpart stays away."""
    return (
        f"No counterpart yet for {reference}: {_title(wait.signal.purpose, covenant)} was awaited "
        f"from {_whom(wait, covenant)} since {_day(wait.due)}. No signal of theirs is known."
    )


def show_overdue(out: Console, vault: Vault, waits: Iterable[Wait], covenant: Covenant) -> None:
    """Print silence that was told, and that still lasts."""
    for wait in waits:
        text = overdue_sentence(wait, reference_of(vault, wait.signal.id), covenant)
        out.print(escape(text), style="bold yellow", highlight=False)


def show_waits(out: Console, vault: Vault, waits: Sequence[Wait], covenant: Covenant) -> None:
    """Print what is awaited as a table, the late ones first."""
    if not waits:
        out.print("No signal of yours awaits a counterpart.")
        return
    order = list(_SAID)
    table = Table("Record", "Awaited", "From", "State", box=None)
    for wait in sorted(waits, key=lambda one: (order.index(one.state), one.due)):
        said = _SAID[wait.state].format(due=_day(wait.due))
        table.add_row(
            escape(reference_of(vault, wait.signal.id)),
            escape(_title(wait.signal.purpose, covenant)),
            escape(_whom(wait, covenant)),
            f"[bold yellow]{said}[/]" if wait.state is WaitState.LATE else said,
        )
    out.print(table)
    untold = sum(wait.state is WaitState.LATE and wait.told_at is None for wait in waits)
    if untold:
        out.print(
            f"{counted(untold, 'of these is late and no notice', 'of these are late and no notice')} said so yet: "
            "run `sluis agency inbox`; if none comes within the hour, tell the broker's operator.",
            style="yellow",
            highlight=False,
        )


def wait_json(wait: Wait, vault: Vault, covenant: Covenant) -> dict[str, Json]:
    """Return one awaited signal for programs."""
    reference = reference_of(vault, wait.signal.id)
    return {
        "reference": reference,
        "signalId": str(wait.signal.id),
        "purpose": wait.signal.purpose,
        "counterpart": wait.awaited.counterpart,
        "due": format_time(wait.due),
        "state": str(wait.state),
        "toldAt": None if wait.told_at is None else format_time(wait.told_at),
        "sentence": overdue_sentence(wait, reference, covenant) if wait.state is WaitState.LATE else None,
    }


def _title(purpose: PurposeId, covenant: Covenant) -> str:
    return covenant.purposes[purpose].title.en


def _whom(wait: Wait, covenant: Covenant) -> str:
    title = covenant.agency_kinds[wait.awaited.counterpart].title.en
    return title[:1].lower() + title[1:]


def _day(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y}"
