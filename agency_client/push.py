# SPDX-License-Identifier: EUPL-1.2
"""The push of files: settle the mapping, then read and send at the same time, with a progress bar.

Not here: reading rows (``intake.py``) and sending (``tagging.py``).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agency_client.handing_over import left_to_the_other
from agency_client.intake import Taken
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.mapping_guess import guess
from agency_client.post import Tally
from agency_client.session import Session, online
from agency_client.settings import SendingError
from agency_client.source import sample
from protocol.errors import (
    Code,
    ConfigurationError,
    InputError,
    NotFoundError,
    RefusedError,
    SluisError,
    UnavailableError,
)
from protocol.ids import PurposeId

MAPPING_SUFFIX: Final = ".mapping.yaml"


@dataclass(frozen=True, slots=True)
class Constants:
    """What the user says for all records of a push."""

    purpose: str | None = None
    grounds: str | None = None
    basis: str | None = None
    urgency: str | None = None

    @property
    def given(self) -> dict[str, str]:
        """Those that were said."""
        named = {"purpose": self.purpose, "grounds": self.grounds, "basis": self.basis, "urgency": self.urgency}
        return {name: value for name, value in named.items() if value is not None}


def settle_mapping(
    session: Session, file: Path, chosen: Path | None, constants: Constants, out: Console
) -> tuple[ColumnMapping, bool]:
    """Return the mapping of a file, and whether it was guessed now.

    The one chosen; else the one beside the file; else a guess, which is shown and written beside the file. Raises
    ``InputError`` or ``ConfigurationError`` when it cannot be used, or lacks what every record needs.
    """
    beside = file.with_name(file.name + MAPPING_SUFFIX)
    source = chosen or (beside if beside.exists() else None)
    seen = sample(file)
    guessed = source is None
    if source is not None:
        mapping = ColumnMapping.from_yaml(_text(source))
    else:
        found = guess(seen.columns, seen.rows)
        mapping = found.mapping
        out.print(f"{escape(file.name)}: which column is what was guessed:", highlight=False)
        for line in found.explanation:
            out.print(f"  {escape(line)}", highlight=False)
    mapping = mapping.with_constants(**constants.given)
    mapping = mapping.with_constants(**only_choices(session, mapping))
    if seen.fixed:
        mapping.check_columns(seen.columns)
    if guessed:
        beside.write_text(mapping.to_yaml(), encoding="utf-8")
        out.print(f"  Written to {escape(str(beside))}: correct it there, and push again.", highlight=False)
    if mapping.missing:
        raise InputError(
            Code.UNKNOWN_COLUMN,
            f"{file.name}: no column and no constant for {', '.join(mapping.missing)}.",
            hint=_what_to_give(session, mapping),
        )
    return mapping, guessed


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(Code.SETTINGS_INVALID, f"The mapping file {path.name} cannot be read.") from None


def only_choices(session: Session, mapping: ColumnMapping) -> dict[str, str]:
    """Return what need not be asked, because the covenant leaves one choice."""
    missing, found = mapping.missing, {}
    mine = {name: one.bases_of(session.kind) for name, one in session.covenant.purposes.items()}
    senders = [name for name, bases in mine.items() if bases]
    if "purpose" in missing and len(senders) == 1:
        found["purpose"] = str(senders[0])
    said = found.get("purpose") or dict(mapping.constants).get("purpose")
    purpose = session.covenant.purposes.get(PurposeId(said)) if said else None
    if purpose is not None:
        bases, grounds = purpose.bases_of(session.kind), tuple(purpose.grounds)
        if "basis" in missing and len(bases) == 1:
            found["basis"] = bases[0]
        if "grounds" in missing and len(grounds) == 1:
            found["grounds"] = grounds[0]
    return found


def _what_to_give(session: Session, mapping: ColumnMapping) -> str:
    said = dict(mapping.constants).get("purpose")
    purposes = {name: one for name, one in session.covenant.purposes.items() if one.bases_of(session.kind)}
    lines = []
    if "purpose" in mapping.missing:
        lines.append(f"--purpose: {', '.join(purposes)}.")
    for name, purpose in purposes.items():
        if said in (None, name):
            lines.append(f"For {name}: --grounds {', '.join(purpose.grounds)};")
            lines.append(f"--basis {', '.join(purpose.bases_of(session.kind))}.")
    if "reference" in mapping.missing:
        lines.append("A column with your own record number is needed: name it in the mapping file.")
    return " ".join(lines)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push; ``obstacle`` is why something still waits."""

    taken: dict[str, Taken]
    tally: Tally
    obstacle: SluisError | None


async def push_files(
    session: Session,
    files: Mapping[Path, ColumnMapping],
    console: Console,
    sleep: Callable[[float], Awaitable[None]],
) -> Pushed:
    """Read files into the vault and send at the same time."""
    taken: dict[str, Taken] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        reading, sent = bar.add_task("read", total=None), bar.add_task("proven", total=None)

        def read() -> None:
            before = 0
            for file, mapping in files.items():

                def told(now: Taken, name: str = file.name, before: int = before) -> None:
                    taken[name] = now
                    bar.update(reading, completed=before + now.rows)

                before += session.intake().take(file, mapping, session.vault, told).rows
            bar.update(reading, total=before)

        def told_sent(tally: Tally) -> None:
            done = tally.accepted + tally.refused
            bar.update(sent, completed=done, total=done + session.vault.pending.count())

        task = asyncio.create_task(asyncio.to_thread(read))
        try:
            tally, obstacle = await drain(session, sleep, lambda: not task.done(), told_sent)
        finally:
            # What is read stays in the vault, also when sending stops; a broken file is told after what was sent.
            await task
    return Pushed(taken, tally, obstacle)


async def drain(
    session: Session,
    sleep: Callable[[float], Awaitable[None]],
    more: Callable[[], bool],
    told: Callable[[Tally], None],
) -> tuple[Tally, SluisError | None]:
    """Send all there is; when another command of this home is sending already, leave it to that one."""
    before = await asyncio.to_thread(session.vault.signals.count)
    try:
        with session.home.sending():
            await asyncio.to_thread(session.prober().alone)
            async with online(session, sleep) as doors:
                obstacle = await doors.drain(more, told)
                # Done again at the next push or send when it cannot be now; no signal waits for it.
                with contextlib.suppress(UnavailableError, RefusedError, NotFoundError):
                    await doors.declaring.run()
                return doors.sending.tally, obstacle
    except SendingError as error:
        return await left_to_the_other(session, before, more, told, sleep, error)
    except UnavailableError as error:
        return Tally(), error


def settle_mappings(
    session: Session, files: Sequence[Path], chosen: Path | None, constants: Constants, out: Console
) -> tuple[dict[Path, ColumnMapping], bool]:
    """Settle the mapping of every file before the first is read; also returns whether any was guessed now."""
    settled = {file: settle_mapping(session, file, chosen, constants, out) for file in files}
    return {file: mapping for file, (mapping, _) in settled.items()}, any(new for _, new in settled.values())
