# SPDX-License-Identifier: EUPL-1.2
"""Write receipts: of everything that the log proved to this agency, a file each, from the vault alone.

By event, not by kind of act: whatever was proven and kept has its receipt. A file's name holds the entry's number and
nothing about a person; its content does. Written again, the files are the same. Not here: the file's form
(``protocol/receipts.py``), what is kept (``vault/proofs.py``), the command (``commands_receipts.py``).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from agency_client.vault import Vault
from agency_client.vault.proofs import KeptProof
from edge.covenant_trust import CovenantTrust
from edge.files import put_file, sync_folder
from protocol.checkpoint import Checkpoint, parse_checkpoint
from protocol.commitments import Opened, open_entry, without_subject
from protocol.encoding import Json, format_time
from protocol.errors import Code, ConfigurationError, NotFoundError, VerificationError
from protocol.events import Event, KeyMuted, NoticeIssued
from protocol.ids import HitId, SignalId
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.note import parse_note
from protocol.receipts import write_receipt
from protocol.tlog_proof import SUFFIX

PRIVATE: Final = 0o600
"""Mode of a receipt: its opening is for its owner, who decides who else sees it."""
PRIVATE_FOLDER: Final = 0o700
_SHOWN: Final = 12
"""Characters of a hash that tell versions apart for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries somebody wants receipts of: all that meet every condition given."""

    signals: frozenset[SignalId] | None = None
    hit: HitId | None = None
    notice: int | None = None
    since: datetime | None = None

    def meets(self, event: Event, about: str) -> bool:
        """Say whether an event is wanted; ``about`` is what it was kept under, which an erasure leaves."""
        subject = event.subject
        signals = {*map(str, subject.signal_ids), about}
        return (
            (self.signals is None or not signals.isdisjoint(map(str, self.signals)))
            and (self.hit is None or str(self.hit) in (str(subject.hit_id), about))
            and (self.notice is None or _number_of(event) == self.notice)
            and (self.since is None or event.act.time >= self.since)
        )


@dataclass(frozen=True, slots=True)
class Written:
    """A receipt that is there: its file, and what it is of."""

    file: Path
    index: int
    event: Event
    erased: bool

    @property
    def json(self) -> Json:
        """What programs are told: nothing of the subject part, nor who acted."""
        act = self.event.act
        return {
            "file": self.file.name,
            "index": self.index,
            "event": type(self.event).__name__,
            "operation": self.event.OPERATION,
            "at": format_time(act.time),
            "purpose": act.purpose,
            "agency": act.agency,
            "recipient": act.recipient,
            "subjectLeftOut": self.erased,
        }


def write_receipts(
    vault: Vault, wanted: Wanted, folder: Path, told: Callable[[int], None], *, bare: bool = False
) -> Iterator[Written]:
    """Write the wanted receipts, none of probes, and yield each; ``told`` hears how many entries were looked at.

    With ``bare`` the subject parts are left out: they prove the same, without ids, tags or words. Raises
    ``ConfigurationError`` when the folder cannot be written, ``VerificationError`` when the vault's own copy of a proof
    does not hold.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        probes = frozenset(map(str, vault.probes.signals()))
        for number, kept in enumerate(vault.proofs.all(), start=1):
            told(number)
            opened = open_entry(kept.evidence.opening)
            if not wanted.meets(opened.event, kept.about):
                continue
            # Nobody who works with receipts of people should wonder about one of nobody.
            if not probes.isdisjoint((*map(str, opened.event.subject.signal_ids), kept.about)):
                continue
            _require_proven(kept, opened)
            yield _write(kept, opened, folder, bare)
        # One for all: who pulls the plug before gets them by the same command again.
        sync_folder(folder)
    except OSError as error:
        raise ConfigurationError(
            Code.SETTINGS_INVALID, f"Receipts cannot be written: {error.strerror}.", hint=f"Looked at {folder}."
        ) from None


def write_covenants(trust: CovenantTrust, versions: Iterable[str], folder: Path) -> list[Json]:
    """Put the covenants of these hashes beside the receipts, as far as they are kept here; returns the files' names."""
    names: list[Json] = []
    for sha256 in sorted(versions):
        try:
            bundle = trust.kept_bundle(sha256)
        except NotFoundError:
            # Who checks without it is told which version is missing; the board has all of them.
            continue
        file = folder / f"covenant-{sha256[:_SHOWN]}.json"
        put_file(file, bundle)
        names.append(file.name)
    return names


def _write(kept: KeptProof, opened: Opened, folder: Path, bare: bool) -> Written:
    evidence = kept.evidence
    if bare:
        evidence = evidence.model_copy(update={"opening": without_subject(evidence.opening)})
    file = folder / f"receipt-{evidence.index}{SUFFIX}"
    content = write_receipt(evidence, kept.note).encode()
    if not file.is_file() or file.read_bytes() != content:
        fresh = file.with_name(f".{file.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        fresh.replace(file)
    return Written(file, evidence.index, opened.event, bare or opened.erased)


def _require_proven(kept: KeptProof, opened: Opened) -> None:
    head, evidence = _head(kept.note), kept.evidence
    try:
        verify_inclusion(leaf_hash(opened.leaf), evidence.index, head.size, evidence.proof, head.root)
    except VerificationError as error:
        raise VerificationError(
            Code.PROOF_INVALID,
            f"What this vault keeps as the proof of entry {evidence.index} does not hold.",
            hint="The file was changed or damaged: put back its latest backup.",
        ) from error


@lru_cache(maxsize=8)
def _head(note: str) -> Checkpoint:
    # Its signatures were verified before it was kept; who reads the receipt verifies them again.
    return parse_checkpoint(parse_note(note).text)


def _number_of(event: Event) -> int | None:
    return event.notice_seq if isinstance(event, NoticeIssued | KeyMuted) else None
