# SPDX-License-Identifier: EUPL-1.2
"""Evidence packs: entries of a period with all that proves them, checkable by who has the covenant and nothing else.

``read_pack`` takes a pack apart; ``verify_pack`` returns another type, made nowhere else, when all of it holds under a
covenant that the checker trusts. What the entries prove is proven by ``prove_content`` alone, which the exporter runs
too before it signs. Spec: ``spec/evidence-pack.md``.
Not here: the pages (``edge/pack_pages.py``), files and commands (each role's own).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from protocol.backdating import Seen, require_dated
from protocol.checkpoint import CosignedCheckpoint, decode_note, open_checkpoint
from protocol.commitments import open_entry
from protocol.covenant import Covenant
from protocol.doubles import Acts
from protocol.erasure import read_marker, require_named
from protocol.errors import AuthenticationError, Code, ConfigurationError, InputError, SluisError, VerificationError
from protocol.event_search import fits
from protocol.events import EventsErased, EventsExported
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import Message, parse
from protocol.pack_parts import (
    CHECKPOINT,
    COVENANTS,
    ENTRIES,
    MANIFEST,
    PAGES,
    PROOFS,
    SIGNATURE,
    TABLE,
    PackedCovenant,
    PackEntries,
    PackEntry,
    PackManifest,
    PackProofs,
    PackSignature,
    covenant_file,
    one_form,
    period_holds,
)
from protocol.pack_table import write_table
from protocol.proven_entries import ProvenEntry, SubjectPart
from protocol.signing import Signer, sign_statement, verify_statement
from protocol.stored_zip import read_zip, write_zip

_STATEMENT: Final = "evidence-pack"
_OF_COVENANT: Final = "Somebody changed it, or it is of another covenant than yours: of the one with SHA-256 {sha256}."
_FIXED: Final = frozenset({ENTRIES, TABLE, PROOFS, CHECKPOINT, *PAGES.values()})

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class UnverifiedPack:
    """A pack taken apart: a stranger's word."""

    manifest: PackManifest
    signature: PackSignature
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class PackContent:
    """What a pack proves. Made by ``prove_content`` only."""

    manifest: PackManifest
    cosigned: CosignedCheckpoint
    entries: tuple[ProvenEntry, ...]
    """Of the period, in the log's order."""
    beside: tuple[ProvenEntry, ...]
    """Not of the period: they tell of erasures, and of this export."""
    lacking: tuple[str, ...]
    """Covenants that the entries name and that the pack does not hold, by their SHA-256."""


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """A pack that holds: its content, and whose key signed it. Made by ``verify_pack`` only."""

    content: PackContent
    key_id: str
    files: Mapping[str, bytes]


# --- Writing --------------------------------------------------------------------------------------------------------


def seal_pack(manifest: PackManifest, files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Return the pack of these files, with the manifest that names each of them, signed."""
    hashed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    raw = one_form(manifest.model_copy(update={"files": hashed}))
    signature = PackSignature(key_id=signer.key_id, signature=sign_statement(signer, _STATEMENT, raw))
    return write_zip({**files, MANIFEST: raw, SIGNATURE: one_form(signature)})


# --- Reading --------------------------------------------------------------------------------------------------------


def read_pack(raw: bytes) -> UnverifiedPack:
    """Take a pack apart.

    Raises ``VerificationError`` (``pack_invalid``) when the archive is not in its one form or its manifest is none.
    """
    files = read_zip(raw)
    manifest = _read(PackManifest, MANIFEST, files)
    signature = _read(PackSignature, SIGNATURE, files)
    return UnverifiedPack(
        manifest, signature, {name: content for name, content in files.items() if name not in (MANIFEST, SIGNATURE)}
    )


def verify_pack(pack: UnverifiedPack, covenant: Covenant) -> VerifiedPack:
    """Return the pack when its exporter signed it and all of it holds under this covenant, which the caller trusts.

    Its pages are compared by who can write them. Raises ``VerificationError``: ``pack_invalid``,
    ``signature_invalid``, ``receipt_invalid`` when an entry does not stand in the log, ``checkpoint_invalid``,
    ``quorum_missing``, ``erasure_unproven``, ``log_backdated``, ``log_doubled``. And
    ``ConfigurationError`` when the pack is signed, and of another version of the covenant.
    """
    manifest = pack.manifest
    _require_signed(pack, covenant)
    if manifest.covenant != PackedCovenant(version=covenant.version, sha256=covenant.sha256):
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The pack was exported under another version of the covenant: {manifest.covenant.version}.",
            hint=f"Check it with the covenant that has SHA-256 {manifest.covenant.sha256}.",
        )
    _require_files(pack)
    content = prove_content(
        manifest,
        _read(PackEntries, ENTRIES, pack.files),
        _read(PackProofs, PROOFS, pack.files),
        pack.files,
        covenant,
    )
    if pack.files[TABLE] != write_table(content.entries):
        raise _refused(f"{TABLE} does not say the same as {ENTRIES}.")
    return VerifiedPack(content, pack.signature.key_id, pack.files)


def _require_signed(pack: UnverifiedPack, covenant: Covenant) -> None:
    manifest, signature = pack.manifest, pack.signature
    try:
        key = covenant.key_directory().lookup(signature.key_id, manifest.exported_at)
        verify_statement(key.key, _STATEMENT, one_form(manifest), signature.signature)
    except AuthenticationError as error:
        raise VerificationError(
            Code.SIGNATURE_INVALID,
            f"The key that {SIGNATURE} names is not in the covenant, or not at the time of the export.",
            hint=_OF_COVENANT.format(sha256=manifest.covenant.sha256),
        ) from error
    except VerificationError as error:
        raise VerificationError(
            Code.SIGNATURE_INVALID,
            f"{MANIFEST} is not as its exporter signed it in {SIGNATURE}.",
            hint=_OF_COVENANT.format(sha256=manifest.covenant.sha256),
        ) from error
    if key.party != manifest.agency:
        raise VerificationError(Code.SIGNATURE_INVALID, f"{MANIFEST} is signed by another party than it names.")


def _require_files(pack: UnverifiedPack) -> None:
    named, found = pack.manifest.files, pack.files
    for name in sorted({*found, *named, *_FIXED}):
        if name not in found:
            raise _refused(f"The pack lacks {name}.")
        if name not in named or not (name in _FIXED or name.startswith(COVENANTS)):
            raise _refused(f"The pack's manifest does not name {name}.")
        if hashlib.sha256(found[name]).hexdigest() != named[name]:
            raise _refused(f"{name} is not the file that the manifest names.")


# --- Proving --------------------------------------------------------------------------------------------------------


def prove_content(
    manifest: PackManifest,
    entries: PackEntries,
    proofs: PackProofs,
    files: Mapping[str, bytes],
    covenant: Covenant,
) -> PackContent:
    """Return what the entries prove; ``files`` has the checkpoint and the covenants' bundles. Raises as
    ``verify_pack``.
    """
    cosigned = open_checkpoint(
        decode_note(files[CHECKPOINT]), covenant.log.verifier, covenant.witness_keys, covenant.witness_quorum
    )
    paths = {proof.index: proof.hashes for proof in proofs.proofs}
    listed = [*entries.entries, *entries.beside]
    if [proof.index for proof in proofs.proofs] != sorted({one.index for one in listed}):
        raise _refused(f"{PROOFS} does not have one path for each entry.")
    for rows in (entries.entries, entries.beside):
        _require_ordered([row.index for row in rows])
    if len(paths) != len(listed):
        raise _refused(f"{ENTRIES} has an entry twice.")
    proven = {one.index: _prove(one, paths[one.index], cosigned) for one in listed}
    _require_erasures(proven)
    content = PackContent(
        manifest=manifest,
        cosigned=cosigned,
        entries=tuple(proven[one.index] for one in entries.entries),
        beside=tuple(proven[one.index] for one in entries.beside),
        lacking=_lacking(manifest, proven.values(), files),
    )
    _require_exports(content, proven)
    _require_period(content)
    acts = Acts()
    for index, one in proven.items():
        acts.take(index, one.event, open_entry(one.opening).leaf)
    require_dated([(index, one.event.act.time) for index, one in sorted(proven.items())], [Seen.of(cosigned)])
    return content


def _prove(entry: PackEntry, path: Sequence[bytes], cosigned: CosignedCheckpoint) -> ProvenEntry:
    try:
        opened = open_entry(entry.opening)
    except InputError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID, f"Entry {entry.index} of the pack cannot be read. {error.detail}"
        ) from error
    _require_place(opened.leaf, entry.index, path, cosigned)
    if entry.erased_by is not None and not opened.erased:
        raise _refused(f"Entry {entry.index} of the pack is said to be erased, and it is not.")
    part: SubjectPart = ("left-out" if entry.erased_by is None else "erased") if opened.erased else "whole"
    return ProvenEntry(entry.index, opened.event, entry.opening, part, entry.erased_by)


def _require_place(leaf: bytes, index: int, path: Sequence[bytes], cosigned: CosignedCheckpoint) -> None:
    head = cosigned.checkpoint
    try:
        verify_inclusion(leaf_hash(leaf), index, head.size, path, head.root)
    except VerificationError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID,
            f"Entry {index} of the pack does not stand in the log as the pack has it. {error.detail}",
        ) from error


def _require_erasures(proven: Mapping[int, ProvenEntry]) -> None:
    for index, one in proven.items():
        by = one.erased_by
        if by is None:
            continue
        marker = proven.get(by)
        if marker is None:
            raise _refused(f"The pack lacks entry {by}, which is said to tell that entry {index} was erased.")
        require_named(index, one.event, read_marker(by, marker.event))


def _require_period(content: PackContent) -> None:
    manifest = content.manifest
    if not manifest.begins < manifest.ends:
        raise _refused("The period of the pack ends before it begins.")
    needed = {one.erased_by for one in content.entries} | set(manifest.exports)
    for one in content.entries:
        if not period_holds(manifest, one.event.act.time):
            raise _refused(f"Entry {one.index} is not of the period of the pack.")
        if not fits(one.index, one.event, manifest.filters, erased=one.subject_part != "whole"):
            raise _refused(f"Entry {one.index} is not one that the pack was asked for.")
    for one in content.beside:
        if one.index not in needed or not isinstance(one.event, EventsErased | EventsExported):
            raise _refused(f"Entry {one.index} stands beside the period and explains nothing.")


def _require_exports(content: PackContent, proven: Mapping[int, ProvenEntry]) -> None:
    manifest = content.manifest
    told: list[EventsExported] = []
    for index in manifest.exports:
        one = proven.get(index)
        if one is None or not isinstance(one.event, EventsExported):
            raise _refused(f"The pack lacks entry {index}, which is said to tell of this export.")
        act = one.event.act
        if (act.agency, act.person, one.event.log_purpose) != (manifest.agency, manifest.person, manifest.log_purpose):
            raise _refused(f"Entry {index} tells of another export.")
        told.append(one.event)
    if not told or sum(one.entries for one in told) < len(content.entries):
        raise _refused("The log tells of fewer exported entries than the pack has.")
    if manifest.exported_at != max(one.act.time for one in told):
        raise _refused("The pack was exported at another moment than the log tells.")


def _lacking(manifest: PackManifest, proven: Iterable[ProvenEntry], files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return which covenants the pack does not hold; those that it holds must be the ones that it names."""
    named = {manifest.covenant.sha256, *(one.event.act.covenant.sha256 for one in proven)}
    held = {name for name in files if name.startswith(COVENANTS)}
    for name in sorted(held):
        if covenant_file(hashlib.sha256(files[name]).hexdigest()) != name:
            raise _refused(f"{name} is another covenant than its name says.")
    if covenant_file(manifest.covenant.sha256) not in held:
        raise _refused("The pack lacks the covenant under which it was exported.")
    if held - set(map(covenant_file, named)):
        raise _refused("The pack holds a covenant that no entry names.")
    return tuple(sorted(sha256 for sha256 in named if covenant_file(sha256) not in held))


def _require_ordered(indexes: Sequence[int]) -> None:
    if any(later <= earlier for earlier, later in pairwise(indexes)):
        raise _refused(f"{ENTRIES} is not in the log's order.")


def _read(kind: type[M], name: str, files: Mapping[str, bytes]) -> M:
    if name not in files:
        raise _refused(f"The pack lacks {name}.")
    try:
        found = parse(kind, files[name])
        alike = one_form(found) == files[name]
    except (SluisError, RecursionError, ValueError) as error:
        raise _refused(f"{name} cannot be read.") from error
    if not alike:
        raise _refused(f"{name} is not in its one form.")
    return found


def _refused(detail: str) -> VerificationError:
    return VerificationError(Code.PACK_INVALID, detail)
