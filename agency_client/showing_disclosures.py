# SPDX-License-Identifier: EUPL-1.2
"""Requests for more as a terminal and a program see them: danger first, other people's texts as plain text only.

Not here: the acts (``requesting.py``, ``deciding.py``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from agency_client.requesting import Disclosed
from agency_client.session import Session
from agency_client.showing import reference_of
from agency_client.vault.disclosures import KeptDisclosure
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.disclosure_states import DisclosureState
from protocol.encoding import Json, format_time
from protocol.ids import PartyId

SHORT: Final = 18
"""Characters of a request's id that tell it from the others: it begins with the moment at which it was made."""
_SAID: Final[Mapping[DisclosureState, str]] = {
    DisclosureState.REQUESTED: "waits for a decision",
    DisclosureState.APPROVED: "approved by the first of two",
    DisclosureState.GRANTED: "given, not read yet",
    DisclosureState.RECEIVED: "given and read",
    DisclosureState.REFUSED: "refused",
    DisclosureState.CANCELLED: "taken back",
    DisclosureState.EXPIRED: "expired",
    DisclosureState.GONE: "gone with a signal of the hit",
}


def state_said(kept: KeptDisclosure) -> str:
    """Return how far a request is, in words."""
    if kept.failed is not None:
        return f"refused by the rules ({kept.rule or kept.failed})"
    said = _SAID[kept.state]
    return f"{said}; on its way: {kept.waiting.value}" if kept.waiting is not None else said


def disclosure_json(kept: KeptDisclosure, session: Session) -> dict[str, Json]:
    """Return a request for programs."""
    return {
        "id": str(kept.id),
        "direction": kept.direction,
        "state": kept.state.value,
        "waiting": None if kept.waiting is None else kept.waiting.value,
        "failed": kept.failed,
        "rule": kept.rule,
        "hitId": str(kept.hit),
        "signalId": str(kept.signal),
        "reference": reference_of(session.vault, kept.signal),
        "purpose": kept.purpose,
        "other": kept.other,
        "at": format_time(kept.at),
        "due": format_time(kept.due_at),
        "fetchBy": None if kept.fetch_by is None else format_time(kept.fetch_by),
        "topics": [] if kept.wanted is None else list(kept.wanted.topics),
        "wanted": None if kept.wanted is None else kept.wanted.text,
        "why": None if kept.why is None else kept.why.text,
        "case": None if kept.why is None else kept.why.case_reference,
        "refusal": None if kept.refusal is None else {"code": kept.refusal.code, "text": kept.refusal.text},
        "approvals": list(kept.approvals),
        "assignedTo": kept.assigned_to,
        "steps": [
            {"step": one.step.value, "at": format_time(one.at), "place": one.place, "person": one.person}
            for one in kept.steps
        ],
    }


def disclosed_json(given: Disclosed, saved: Mapping[str, Path]) -> dict[str, Json]:
    """Return what was given for programs; of attachments, where they were saved."""
    return {
        "id": str(given.id),
        "from": given.sender,
        "danger": dict(given.danger),
        "contactPreference": dict(given.contact_preference),
        "text": given.text,
        "fields": dict(given.fields),
        "attachments": [
            {
                "name": one.name,
                "kind": one.kind,
                "size": len(one.content),
                "saved": str(saved[one.name]) if one.name in saved else None,
            }
            for one in given.attachments
        ],
    }


def show_requests(
    out: Console, theirs: Sequence[KeptDisclosure], mine: Sequence[KeptDisclosure], session: Session
) -> None:
    """Print what others ask of us, and what we ask."""
    if not theirs and not mine:
        out.print("Nobody asked anything. Ask yourself after a hit: `sluis agency more`.")
    for title, kept in (("Asked of you", theirs), ("Asked by you", mine)):
        if not kept:
            continue
        out.print(title, style="bold")
        for one in kept:
            _show_request(out, one, session)


def _show_request(out: Console, kept: KeptDisclosure, session: Session) -> None:
    other = _title(kept.other, session.covenant)
    table = Table.grid(padding=(0, 2))
    table.add_row("Request", str(kept.id)[:SHORT])
    table.add_row("Agency", escape(other))
    table.add_row("Your record", escape(plain(reference_of(session.vault, kept.signal))))
    table.add_row("State", escape(state_said(kept)))
    if kept.is_open:
        table.add_row("Decide by" if kept.direction == "theirs" else "Decided by", f"{kept.due_at:%Y-%m-%d %H:%M} UTC")
    if kept.wanted is not None:
        table.add_row("Wanted", escape(_lines(kept.wanted.text)))
    if kept.why is not None:
        table.add_row("Why", escape(plain(f"{kept.why.text} (case {kept.why.case_reference})")))
    if kept.refusal is not None:
        table.add_row("Refused", escape(plain(f"{_refusal(kept.refusal.code, session.covenant)}. {kept.refusal.text}")))
    if kept.assigned_to is not None:
        name = session.vault.evidence.people()(kept.assigned_to)
        table.add_row("Answered by", escape(plain(name or kept.assigned_to)))
    out.print(table)
    out.print()


def show_disclosed(out: Console, given: Disclosed, saved: Mapping[str, Path], covenant: Covenant) -> None:
    """Print what was given: what to mind for safety first."""
    safety = {**given.danger, **given.contact_preference}
    if safety:
        out.print(Panel(_table(safety), title="Mind the safety first", expand=False), style="bold red")
    said = ({"": given.text} if given.text else {}) | dict(given.fields)
    if said:
        out.print(Panel(_table(said), title=f"{escape(_title(given.sender, covenant))} says", expand=False))
    for one in given.attachments:
        where = f"saved as {saved[one.name]}" if one.name in saved else "not saved: give --into FOLDER"
        out.print(escape(f"{plain(one.name)} ({len(one.content):,} bytes): {where}"), highlight=False)


def show_codes(out: Console, covenant: Covenant) -> None:
    """Print about what can be asked, and why it can be refused."""
    if covenant.disclosures is None:
        out.print("This covenant names no topics.")
        return
    for title, codes in (("Topics", covenant.disclosures.topics), ("Reasons to refuse", covenant.disclosures.refusals)):
        table = Table("Code", title, box=None)
        for code, said in codes.items():
            table.add_row(code, f"{escape(said.en)} / {escape(said.nl)}")
        out.print(table)


def _table(fields: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, text in fields.items():
        table.add_row(escape(plain(name)), escape(_lines(text)))
    return table


def _lines(text: str) -> str:
    # ``plain`` is for one short line; what a person wrote may have several, and long ones.
    return "\n".join("".join(letter if letter.isprintable() else "?" for letter in line) for line in text.splitlines())


def _title(party: PartyId, covenant: Covenant) -> str:
    found = covenant.find(party)
    return party if found is None else found.title.nl


def _refusal(code: str, covenant: Covenant) -> str:
    found = None if covenant.disclosures is None else covenant.disclosures.refusals.get(code)
    return code if found is None else found.en
