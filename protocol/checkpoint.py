# SPDX-License-Identifier: EUPL-1.2
"""The log's signed head: checkpoints, what makes one count, and the cosignatures of witnesses.

``Checkpoint`` is what a log claims; ``SignedCheckpoint`` is what the log's key signed; ``CosignedCheckpoint`` is what a
quorum of witnesses saw too, and the only one that evidence may rest on. Spec: ``spec/checkpoint.md``.
Not here: signed notes and their keys (``note.py``, offered here again), the proofs (``merkle.py``), what a witness may
cosign (``witness_rules.py``) and who the witnesses are (the covenant).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.errors import Code, VerificationError
from protocol.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from protocol.note import (
    LogKey,
    LogSigner,
    UnverifiedNote,
    WitnessKey,
    WitnessSigner,
    b64,
    cosignature_times,
    decode_note,
    is_utf8,
    parse_note,
    signature_line,
    unbase64,
    verify_note,
)

__all__ = [
    "Checkpoint",
    "CosignedCheckpoint",
    "LogKey",
    "LogSigner",
    "SignedCheckpoint",
    "WitnessKey",
    "WitnessSigner",
    "add_cosignatures",
    "cosign",
    "decode_note",
    "open_checkpoint",
    "open_signed",
    "parse_checkpoint",
    "parse_size",
    "read_cosignatures",
    "sign_checkpoint",
    "without_cosignatures",
]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's claim: after ``size`` entries its root is ``root``."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or not is_utf8(self.origin) or any(char < " " for char in self.origin):
            raise ValueError("a checkpoint needs an origin on one line")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise ValueError("a checkpoint needs a size and a 32-byte root")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("an empty tree has the empty root")

    @property
    def text(self) -> str:
        """The note's text: origin, size and root, a line each (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that the log's key signed; nobody else may have seen it. Made by ``open_signed`` only."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint that the log signed and a quorum of witnesses cosigned. Made by ``open_checkpoint`` only."""

    checkpoint: Checkpoint
    note: str
    cosigners: tuple[str, ...]
    """Names of the witnesses that count, in the order of the keys given."""
    cosigned_at: int
    """POSIX seconds: a whole quorum said at this time or later that this was the largest tree it had seen."""


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text. Extension lines are refused: nobody could audit what they carry.

    Raises ``VerificationError`` (``checkpoint_invalid``).
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise _invalid("A checkpoint has exactly three lines: origin, size and root.")
    origin, size, encoded = lines[:3]
    root = unbase64(encoded)
    if root is None:
        raise _invalid("The checkpoint's root is not base64.")
    try:
        return Checkpoint(origin, parse_size(size), root)
    except ValueError as error:
        raise _invalid("The checkpoint's origin, size or root cannot be.") from error


def parse_size(text: str) -> int:
    """Read a tree size: ASCII decimal without leading zeroes. Raises ``ValueError``."""
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or str(int(text)) != text:
        raise ValueError("not a tree size")
    return int(text)


def sign_checkpoint(checkpoint: Checkpoint, signer: LogSigner) -> str:
    """Return the note that says this checkpoint, signed by its log.

    The caller must never sign two checkpoints that contradict each other. Raises ``ValueError`` for another origin.
    """
    if checkpoint.origin != signer.key.name:
        raise ValueError("a log signs its own origin only")
    return f"{checkpoint.text}\n{signer.sign(checkpoint.text)}"


def open_signed(note: str, log_key: LogKey) -> SignedCheckpoint:
    """Check that the log itself signed this note. Raises ``VerificationError`` (``checkpoint_invalid``)."""
    parsed = parse_note(note)
    verify_note(parsed, log_key)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != log_key.name:
        raise _invalid("The checkpoint is of another log.")
    return SignedCheckpoint(checkpoint, note)


def without_cosignatures(signed: SignedCheckpoint, log_key: LogKey) -> SignedCheckpoint:
    """Return it with the log's own signature only: anybody can put more lines under a note."""
    parsed = parse_note(signed.note)
    verify_note(parsed, log_key)
    own = next(line for line in parsed.lines if (line.name, line.key_id) == (log_key.name, log_key.key_id))
    return SignedCheckpoint(signed.checkpoint, f"{parsed.text}\n{signature_line(log_key, own.signature)}")


def open_checkpoint(note: str, log_key: LogKey, witness_keys: Sequence[WitnessKey], quorum: int) -> CosignedCheckpoint:
    """Check that the log signed this note and at least ``quorum`` different witnesses cosigned it.

    Lines of unknown keys are ignored; a line of a known key that does not hold rejects the note. A witness counts once,
    however often it cosigned. Raises ``VerificationError`` (``checkpoint_invalid``, ``quorum_missing``), and
    ``ValueError`` when quorum and keys make no sense.
    """
    publics = {log_key.public, *(key.public for key in witness_keys)}
    if not 1 <= quorum <= len(witness_keys) or len(publics) != 1 + len(witness_keys):
        # A v1 cosignature does not name its maker, so one key under two names would count twice; and a log that
        # cosigns itself has no witness.
        raise ValueError("a quorum needs at least as many witnesses, each with a key of its own, not the log's")
    signed = open_signed(note, log_key)
    parsed = parse_note(note)
    latest = {key.name: max(times) for key in witness_keys if (times := cosignature_times(parsed, key))}
    if len(latest) < quorum:
        raise VerificationError(
            Code.QUORUM_MISSING,
            f"{len(latest)} of the needed {quorum} witnesses cosigned the checkpoint of size {signed.checkpoint.size}.",
            hint="Try again when more witnesses are reachable.",
        )
    at = sorted(latest.values(), reverse=True)[quorum - 1]
    return CosignedCheckpoint(signed.checkpoint, note, tuple(latest), at)


def cosign(checkpoint: Checkpoint, signer: WitnessSigner, moment: datetime) -> str:
    """Return a witness's cosignature line; only for what ``witness_rules.py`` accepted and the witness has stored."""
    return signer.sign(checkpoint.text, int(moment.timestamp()))


def read_cosignatures(note: str, body: str, witness_key: WitnessKey) -> tuple[str, ...]:
    """Return the latest of a witness's own valid cosignatures of this note in its answer; other lines are dropped.

    So a witness cannot spoil a note with a line that makes everybody reject it, nor with so many lines that it gets too
    long. Raises ``VerificationError`` (``checkpoint_invalid``) when it has none or a line in its name does not hold.
    """
    text = parse_note(note).text
    answer = parse_note(f"{text}\n{body}")
    own = tuple(line for line in answer.lines if (line.name, line.key_id) == (witness_key.name, witness_key.key_id))
    times = cosignature_times(UnverifiedNote(text, own), witness_key)
    if answer.text != text or not times:
        raise _invalid("The witness's answer has no cosignature of its own.")
    return (signature_line(witness_key, own[times.index(max(times))].signature),)


def add_cosignatures(note: str, lines: Iterable[str]) -> str:
    """Return the note with these lines under it, each once. The lines come from ``read_cosignatures`` or ``cosign``."""
    present = {f"{line}\n" for line in note.split("\n")}
    return note + "".join(line for line in dict.fromkeys(lines) if line not in present)


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.CHECKPOINT_INVALID, detail)
