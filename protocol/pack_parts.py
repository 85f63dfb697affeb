# SPDX-License-Identifier: EUPL-1.2
"""What an evidence pack holds: its manifest, entries and proofs as messages, and the names of its files.

All of it is a stranger's word until ``evidence_pack.py`` has checked it. Spec: ``spec/evidence-pack.md``.
"""

import json
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from protocol.encoding import Json, canonical_json
from protocol.event_search import EventFilters
from protocol.messages import (
    Bytes32,
    Bytes64,
    KeyName,
    LogIndex,
    Message,
    Opening,
    Party,
    Time,
)
from protocol.questions import LogPurpose, PersonRole

FORM: Final = "sluis/evidence-pack/1"
"""The form of all files together, but for the words of the pages."""
MAX_ENTRIES: Final = 20_000
"""Entries of one pack: with their proofs some 60 MB; a longer period is cut into several packs."""

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
ENTRIES: Final = "entries.json"
TABLE: Final = "entries.csv"
PROOFS: Final = "proofs.json"
CHECKPOINT: Final = "checkpoint.txt"
PAGES: Final = {"nl": "summary.nl.html", "en": "summary.en.html"}
COVENANTS: Final = "covenants/"
"""Folder of covenant bundles, each called by its SHA-256."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:~-]{1,128}$")]


class PackedCovenant(Message):
    """A version of the covenant, by the hash of its bundle."""

    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
    sha256: Sha256


class PackManifest(Message):
    """What the exporter signs: who took out what, when and why, and the hash of every other file."""

    form: Literal["sluis/evidence-pack/1"]
    agency: Party
    person: Reference
    """The agency's own opaque reference to its employee."""
    role: PersonRole
    log_purpose: LogPurpose
    begins: Time
    """The period's first moment."""
    ends: Time
    """The first moment after the period."""
    filters: EventFilters = EventFilters()
    """What was asked for beside the period; empty for all that the exporter may see."""
    covenant: PackedCovenant
    """Under which the exporter acted, and whose keys the checkpoint carries."""
    exported_at: Time
    exports: Annotated[tuple[LogIndex, ...], Field(strict=False, max_length=1_000)]
    """The entries of the log that tell of this export."""
    pages: Sha256
    """Names the words and style in which the pages are written (``edge/pack_pages.py``)."""
    files: Annotated[dict[str, Sha256], Field(max_length=1_000)]


class PackSignature(Message):
    """The exporter's signature over the manifest's bytes."""

    key_id: KeyName
    signature: Bytes64


class PackEntry(Message):
    """One entry: its place, what it says, and the entry that erased its subject part, when that was erased."""

    index: LogIndex
    opening: Opening
    erased_by: LogIndex | None = None


class PackEntries(Message):
    """The entries of the period, and those beside it that explain them: erasures, and the export itself."""

    entries: Annotated[tuple[PackEntry, ...], Field(strict=False, max_length=MAX_ENTRIES)]
    beside: Annotated[tuple[PackEntry, ...], Field(strict=False, max_length=MAX_ENTRIES)] = ()


class PackProof(Message):
    """The path from an entry to the checkpoint's root (RFC 6962)."""

    index: LogIndex
    hashes: Annotated[tuple[Bytes32, ...], Field(strict=False, max_length=63)]


class PackProofs(Message):
    """The paths of all entries in the tree of the checkpoint."""

    proofs: Annotated[tuple[PackProof, ...], Field(strict=False, max_length=2 * MAX_ENTRIES)]


def covenant_file(sha256: str) -> str:
    """Return the name of a bundle's file."""
    return f"{COVENANTS}{sha256}.json"


def one_form(message: Message) -> bytes:
    """Return a message's canonical JSON: the same content has the same bytes, so that any other byte is found."""
    held: Json = json.loads(message.to_json())
    return canonical_json(held)


def period_holds(manifest: PackManifest, moment: datetime) -> bool:
    """Say whether a moment lies in the manifest's period."""
    return manifest.begins <= moment < manifest.ends
