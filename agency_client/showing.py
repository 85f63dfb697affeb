# SPDX-License-Identifier: EUPL-1.2
"""What the commands print: for people in words and tables, for programs as JSON. Only what was verified.

Not here: the sentence of a hit (``wording.py``) and the commands (``commands_*.py``).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from agency_client.acts import Opened
from agency_client.canary_wording import asked_sentence, pushed_words
from agency_client.draft import Draft
from agency_client.intake import Taken
from agency_client.post import Tally
from agency_client.safety import SAFETY_LABELS, field_key
from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.signals import Kept
from agency_client.wording import Words, counted, muted_sentence, queried_sentence, words_of
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.errors import Code, NotFoundError, SluisError
from protocol.ids import SignalId
from protocol.messages import PartName
from protocol.notices import QueriedNotice

_STATE_WORDS = {
    SignalState.NEW: "waits for the key-holders",
    SignalState.READY: "waits in the outbox",
    SignalState.SENT: "sent, waits for proof",
    SignalState.ACCEPTED: "stands, proven in the log",
    SignalState.REFUSED: "refused",
    SignalState.WITHDRAWN: "withdrawn",
}
_COLOURS = {"hit": "bold red", "probable": "bold yellow", "possible": "cyan"}
_SHORT = 8
"""Characters of a hit's id that tell it from the others in practice; `open` says so when they do not."""
_CONTACT_LABELS: Final = {
    "organisation": "Organisation",
    "unit": "Organisation or unit",
    "name": "Name",
    "function": "Function",
    "phone": "Phone",
    "email": "E-mail",
    "when": "When to call",
    "reference": "Their reference",
}
"""In the order in which somebody who wants to call needs them."""


def reference_of(vault: Vault, signal: SignalId) -> str:
    """Return the agency's own reference of a signal's record."""
    try:
        return Draft.from_bytes(vault.signals.get(signal).draft).reference
    except NotFoundError:
        return "a record that is not here"


def hit_json(vault: Vault, kept: KeptHit, covenant: Covenant, now: datetime) -> dict[str, Json]:
    """Return a hit for programs."""
    notice = kept.notice
    reference = reference_of(vault, notice.my_signal)
    words = _words(vault, kept, covenant, now)
    other = notice.counterpart
    return {
        "hitId": str(notice.hit_id),
        "seq": notice.seq,
        "reference": reference,
        "signalId": str(notice.my_signal),
        "purpose": notice.purpose,
        "quality": notice.quality,
        "level": notice.level,
        "urgency": notice.urgency,
        "agency": None if other is None else other.agency,
        "kinds": [*dict.fromkeys(one.kind for one in notice.agreed)],
        "state": str(kept.state),
        "toldAt": format_time(notice.at),
        "openedAt": kept.opened_at,
        "deadline": None if words.deadline is None else format_time(words.deadline),
        "couldBeTwin": words.twin,
        "sentence": words.sentence,
        "sure": words.sure,
        "canary": vault.canaries.cover_of(notice.my_signal) is not None,
    }


def _words(vault: Vault, kept: KeptHit, covenant: Covenant, now: datetime) -> Words:
    reference = reference_of(vault, kept.notice.my_signal)
    words, cover = words_of(kept, reference, covenant, now), vault.canaries.cover_of(kept.notice.my_signal)
    return words if cover is None else pushed_words(words, kept, reference, cover, covenant)


def show_hit(out: Console, vault: Vault, kept: KeptHit, covenant: Covenant, now: datetime) -> None:
    """Print a hit: one sentence, how sure, and what to do next."""
    words = _words(vault, kept, covenant, now)
    short = str(kept.id)[:_SHORT]
    live = kept.state is not HitState.WITHDRAWN
    colour = _COLOURS[kept.notice.quality] if live else "dim"
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row(f"[{colour}]{short}[/]", escape(words.sentence))
    if live:
        table.add_row("", f"[dim]{escape(words.sure)}[/]")
        other = kept.notice.counterpart
        if other is not None and any(part.name == "contact" for part in other.parts):
            done = f"opened {kept.opened_at}; again" if kept.opened_at else "whom to call"
            table.add_row("", f"[dim]{done}: sluis agency open {short}[/]")
    if kept.state is HitState.UNDELIVERED:
        table.add_row("", "[dim]The contact is not delivered yet; the next inbox asks for it again.[/]")
    out.print(table, highlight=False)


def show_muted(out: Console, vault: Vault) -> None:
    """Print the verified words about muted keys."""
    for notice in vault.hits.muted():
        out.print(escape(muted_sentence(notice, reference_of(vault, notice.example))), style="yellow", highlight=False)


def show_erased(out: Console, vault: Vault) -> None:
    """Print how many notices were erased before they were read: that they were told is all that there is."""
    if count := len(vault.hits.erased()):
        were = counted(count, "notice was", "notices were")
        out.print(f"{were} erased from the log before being read here; the log says so itself.", style="dim")


def queried_json(vault: Vault, notice: QueriedNotice, covenant: Covenant) -> dict[str, Json]:
    """Return for programs that somebody asked about one of our people."""
    reference = reference_of(vault, notice.my_signal)
    return {
        "seq": notice.seq,
        "reference": reference,
        "signalId": str(notice.my_signal),
        "purpose": notice.purpose,
        "quality": notice.quality,
        "level": notice.level,
        "agency": notice.asker,
        "kinds": [*dict.fromkeys(one.kind for one in notice.agreed)],
        "askedAt": format_time(notice.at),
        "sentence": _asked(vault, notice, covenant),
        "canary": vault.canaries.cover_of(notice.my_signal) is not None,
    }


def _asked(vault: Vault, notice: QueriedNotice, covenant: Covenant) -> str:
    reference, cover = reference_of(vault, notice.my_signal), vault.canaries.cover_of(notice.my_signal)
    if cover is None:
        return queried_sentence(notice, reference, covenant)
    return asked_sentence(notice, reference, cover, covenant)


def show_queried(out: Console, vault: Vault, covenant: Covenant, notices: Iterable[QueriedNotice]) -> None:
    """Print the verified words about who asked about our people."""
    for notice in notices:
        out.print(escape(_asked(vault, notice, covenant)), style="blue", highlight=False)


def opened_json(opened: Opened) -> dict[str, Json]:
    """Return what a hit released, for programs."""
    parts: dict[str, Json] = {name: dict(fields) for name, fields in opened.parts.items()}
    return {"hitId": str(opened.hit.id), "openedAt": opened.hit.opened_at, "parts": parts}


def show_opened(out: Console, opened: Opened, words: Words) -> None:
    """Print what a hit released; the other agency's texts are shown as plain text, whatever is in them."""
    out.print(escape(words.sentence), highlight=False)
    if not opened.parts:
        out.print("The covenant releases no contact for this hit; the agency's own contact point can help.")
    show_parts(out, opened.parts)
    out.print("Your opening stands in the log.", style="dim")


def show_parts(out: Console, parts: Mapping[PartName, Mapping[str, str]]) -> None:
    """Print what was released: what to mind for safety first, then whom to call, then the rest."""
    contact, content = parts.get("contact", {}), parts.get("content", {})
    safety = {field: value for field, value in content.items() if field_key(field) in SAFETY_LABELS}
    facts = {field: value for field, value in content.items() if field not in safety}
    if safety:
        panel = Panel(_fields(safety, SAFETY_LABELS), title="Mind the safety, before you call", expand=False)
        out.print(panel, style="bold red")
    if contact:
        out.print(Panel(_fields(contact, _CONTACT_LABELS), title="Call", expand=False))
    if facts:
        out.print(Panel(_fields(facts, {}), title="What they say", expand=False))


def _fields(fields: Mapping[str, str], labels: Mapping[str, str]) -> Table:
    """Return fields with labels for people, in the labels' order; those without one come last, under their own name."""
    places = list(labels)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for field in sorted(
        fields, key=lambda one: places.index(field_key(one)) if field_key(one) in labels else len(places)
    ):
        own = plain(field).replace("-", " ").replace("_", " ")
        label = labels.get(field_key(field)) or own[:1].upper() + own[1:]
        table.add_row(escape(label), escape(plain(fields[field])))
    return table


def signal_json(kept: Kept) -> dict[str, Json]:
    """Return a signal for programs."""
    draft = Draft.from_bytes(kept.draft)
    return {
        "signalId": str(kept.id),
        "reference": draft.reference,
        "purpose": kept.purpose,
        "state": str(kept.state),
        "epoch": kept.epoch,
        "createdAt": kept.created_at,
        "expiresAt": kept.expires_at,
        "code": kept.code,
        "rule": kept.rule,
        "supersedes": None if kept.supersedes is None else str(kept.supersedes),
    }


def show_signals(out: Console, signals: Iterable[Kept]) -> None:
    """Print signals as a table."""
    table = Table("Record", "Purpose", "State", "Since", "Until", box=None)
    for kept in signals:
        draft = Draft.from_bytes(kept.draft)
        state = _STATE_WORDS[kept.state]
        if kept.code is not None:
            state += f" ({kept.code}{f', rule {kept.rule}' if kept.rule else ''})"
        table.add_row(
            escape(draft.reference), kept.purpose, escape(plain(state)), kept.created_at[:10], kept.expires_at[:10]
        )
    out.print(table)


def state_words(numbers: Mapping[SignalState, int]) -> str:
    """Return how many signals are where, in one line."""
    said = [f"{numbers[state]:,} {_STATE_WORDS[state]}" for state in _STATE_WORDS if numbers.get(state)]
    return "; ".join(said) or "no signals yet"


def push_json(takens: Mapping[str, Taken], tally: Tally, waiting: int) -> dict[str, Json]:
    """Return what became of a push, for programs."""
    files: list[Json] = [
        {
            "file": name,
            "rows": taken.rows,
            "quarantined": taken.quarantined,
            "partly": taken.partly,
            "new": taken.added.new,
            "known": taken.added.known,
            "changed": taken.added.changed,
            "withdrawn": taken.added.withdrawn,
        }
        for name, taken in takens.items()
    ]
    return {"files": files, "accepted": tally.accepted, "refused": tally.refused, "waiting": waiting}


def show_taken(out: Console, name: str, taken: Taken, quarantine: str) -> None:
    """Print what was read of one file."""
    added = taken.added
    said = [f"{added.new:,} new"]
    said += [f"{added.known:,} unchanged"] if added.known else []
    said += [f"{added.changed:,} changed"] if added.changed else []
    said += [f"{added.withdrawn:,} withdrawn by you before and left so"] if added.withdrawn else []
    out.print(f"{escape(name)}: {counted(taken.rows, 'row')}; {', '.join(said)}.", highlight=False)
    if taken.quarantined or taken.partly:
        out.print(
            f"  {counted(taken.quarantined, 'row')} not sent, {taken.partly:,} sent without some values: "
            f"reasons in {escape(quarantine)}",
            style="yellow",
            highlight=False,
        )


def show_tally(out: Console, tally: Tally) -> None:
    """Print what became of what was sent."""
    if tally.accepted:
        stand = counted(tally.accepted, "signal stands", "signals stand")
        out.print(f"{stand}, proven in the log.", style="green", highlight=False)
    for reason, count in tally.refusals.items():
        out.print(f"{counted(count, 'signal')} refused: {escape(plain(reason))}.", style="red", highlight=False)


def show_waiting(out: Console, waiting: int, obstacle: SluisError) -> None:
    """Print that signals wait, why, and what sends them: who reads only the result must not think that they left."""
    if not waiting:
        return
    reason = plain(obstacle.detail).rstrip(".")
    reason = reason[:1].lower() + reason[1:]
    if obstacle.code is Code.BUDGET_EXHAUSTED and obstacle.hint:
        # Nothing helps before the budget renews, so when that is stands here too.
        hint = plain(obstacle.hint).rstrip(".")
        reason += f"; {hint[:1].lower()}{hint[1:]}"
    waits, sent = counted(waiting, "signal waits", "signals wait"), "It is" if waiting == 1 else "They are"
    out.print(
        f"{waits} in the outbox: {escape(reason)}. {sent} sent by `sluis agency send` or the next push.",
        style="yellow",
        highlight=False,
        soft_wrap=True,
    )
