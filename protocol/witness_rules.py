# SPDX-License-Identifier: EUPL-1.2
"""When a witness may cosign: the whole of C2SP tlog-witness ``add-checkpoint``, from bytes to a decision.

The shell reads the last checkpoint, asks ``witness_update``, stores the new checkpoint if the last one is still the
same, and only then cosigns and answers: two requests that race must not both be stored. Spec: ``spec/checkpoint.md``.
Not here: storing, signing, HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from protocol.checkpoint import Checkpoint, open_signed, parse_size
from protocol.errors import SluisError, VerificationError
from protocol.merkle import HASH_BYTES, verify_consistency
from protocol.note import MAX_NOTE, LogKey, UnverifiedNote, b64, parse_note, signature_line, unbase64, verify_note

MAX_PROOF: Final = 63
"""Lines of a consistency proof (C2SP): no tree that can be counted needs more."""
MAX_REQUEST: Final = 4 * MAX_NOTE + 4_096
"""Bytes of a request: a note, up to 63 hashes of 45 characters, and the old size."""
SIZE_TYPE: Final = "text/x.tlog.size"
"""Media type of the 409 answer, whose body is the size of the last checkpoint."""
NOTE_TYPE: Final = "text/plain; charset=utf-8"
"""Media type of every other answer."""

LAST_CHECKPOINT: Final = "/last-checkpoint"
"""Where a witness shows the note that it cosigned last. Ours, beside C2SP: a status code proves nothing to a log, but a
note under its own key does."""


@dataclass(frozen=True, slots=True)
class WitnessDecision:
    """What to do with one request.

    With ``new_checkpoint``: store it in place of the last one, atomically, then answer ``status`` 200 with its
    cosignature line. Without: store nothing and answer ``status`` and ``body``. ``contradiction`` is a note by the log
    that denies the last one, without other people's lines: keep it.
    """

    status: int
    body: bytes = b""
    content_type: str = NOTE_TYPE
    new_checkpoint: Checkpoint | None = None
    contradiction: str | None = None


def format_add_checkpoint(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body of ``POST /add-checkpoint``."""
    lines = "".join(f"{b64(digest)}\n" for digest in proof)
    return f"old {old_size}\n{lines}\n{note}".encode()


def parse_conflict(body: bytes) -> int:
    """Read the body of a 409 answer: the size the witness saw last. Raises ``ValueError``."""
    return parse_size(body.decode("ascii").removesuffix("\n"))


def witness_update(last: Checkpoint | None, request: bytes, log_key: LogKey) -> WitnessDecision:
    """Decide on one request, given the last checkpoint this witness cosigned for the log.

    In C2SP's order: 400 malformed, 404 another origin, 403 not signed by the log, 400 old size above the new,
    409 old size is not the last, 422 inconsistent. Never raises for anything in the request.
    """
    try:
        old_size, proof, note = _take_apart(request)
        parsed = parse_note(note)
    except (ValueError, SluisError):
        return WitnessDecision(400, b"malformed request\n")
    if parsed.text.split("\n", 1)[0] != log_key.name:
        return WitnessDecision(404, b"unknown log\n")
    try:
        verify_note(parsed, log_key)
    except VerificationError:
        return WitnessDecision(403, b"not signed by the log\n")
    try:
        checkpoint = open_signed(note, log_key).checkpoint
    except VerificationError:
        return _unusable(parsed)
    decision = _check_sizes(last, checkpoint, old_size, proof)
    if last is not None and last.size == checkpoint.size and last.root != checkpoint.root:
        # Whatever is wrong with the request: these two signatures of the log cannot both be true.
        return replace(decision, contradiction=_signed_part(parsed, log_key))
    return decision


def _check_sizes(last: Checkpoint | None, new: Checkpoint, old_size: int, proof: Sequence[bytes]) -> WitnessDecision:
    if old_size > new.size:
        return WitnessDecision(400, b"old size above the checkpoint's\n")
    last_size = last.size if last else 0
    if old_size != last_size:
        return WitnessDecision(409, b"%d\n" % last_size, SIZE_TYPE)
    return _check_consistency(last, new, proof)


def _check_consistency(last: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> WitnessDecision:
    if last is None or last.size == 0:
        # Everything is consistent with the empty tree, so a proof would prove nothing.
        if proof:
            return WitnessDecision(422, b"a proof from the empty tree\n")
        return WitnessDecision(200, new_checkpoint=new)
    try:
        verify_consistency(last.size, new.size, proof, last.root, new.root)
    except VerificationError:
        return WitnessDecision(422, b"not consistent with the last checkpoint\n")
    return WitnessDecision(200, new_checkpoint=new)


def _signed_part(note: UnverifiedNote, log_key: LogKey) -> str:
    """Return the verified note with the log's signature only: anybody can put more lines under it."""
    signature = next(
        line.signature for line in note.lines if (line.name, line.key_id) == (log_key.name, log_key.key_id)
    )
    return f"{note.text}\n{signature_line(log_key, signature)}"


def _unusable(note: UnverifiedNote) -> WitnessDecision:
    # The one badly formed checkpoint that C2SP answers otherwise: an empty tree with a root that is not empty.
    lines = note.text.split("\n")
    root = unbase64(lines[2]) if len(lines) == 4 else None
    if root is not None and len(root) == HASH_BYTES and lines[1] == "0":
        return WitnessDecision(422, b"an empty tree with another root\n")
    return WitnessDecision(400, b"malformed checkpoint\n")


def _take_apart(request: bytes) -> tuple[int, list[bytes], str]:
    if len(request) > MAX_REQUEST:
        raise ValueError("too long")
    head, blank, note = request.decode().partition("\n\n")
    old, *lines = head.split("\n")
    if not blank or not old.startswith("old ") or len(lines) > MAX_PROOF:
        raise ValueError("no old size, no note, or too long a proof")
    proof = [unbase64(line) for line in lines]
    hashes = [digest for digest in proof if digest is not None and len(digest) == HASH_BYTES]
    if len(hashes) != len(lines):
        raise ValueError("a proof line is not a hash")
    return parse_size(old.removeprefix("old ")), hashes, note
