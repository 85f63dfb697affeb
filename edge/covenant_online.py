# SPDX-License-Identifier: EUPL-1.2
"""What the broker adds to a board's signed covenant: its short-lived word that this is the current one.

Snapshot and timestamp, signed by the one online key. It can keep a party waiting, for as long as the last timestamp
holds; it cannot change what the board signed. Not here: serving (``broker/publishing.py``).
Spec: ``protocol/spec/distribution.md``.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from edge.covenant_fetch import TARGETS
from edge.covenant_keys import CovenantSigner
from edge.covenant_repository import COMPACT, Repository
from edge.covenant_terms import stored_paths
from edge.covenant_trust import SHA256
from edge.files import put_file
from protocol.errors import Code, ConfigurationError

TIMESTAMP_LIFE: Final = timedelta(days=1)
"""A covenant that the board withdrew is refused by every party a day later, also by those who are kept from the broker;
and a broker that stands still for a night does not stop the agencies: half of it is always left.
"""
SNAPSHOT_LIFE: Final = timedelta(days=7)
"""It is renewed beside the timestamp; longer only so that the two do not run out together."""
STEP: Final = 1_000_000
"""Versions of one half-life: more covenants than a board can sign."""
KEPT_SNAPSHOTS: Final = 3
"""The newest, the one before for who reads just now, and one more."""
_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP: Final = "timestamp.json"
_TARGETS_FILE: Final = "targets.json"


def assemble(repository: Repository, into: Path) -> None:
    """Copy what the board signed into a folder that is to be served; what was there stays for who still reads it.

    Raises ``ConfigurationError``, also when signatures are missing.
    """
    for standing in repository.standings():
        if not standing.complete:
            wanted = max(standing.missing, standing.missing_before)
            raise ConfigurationError(
                Code.COVENANT_INVALID,
                f"The {standing.role} (version {standing.version}) still needs signatures: {wanted}.",
                hint=f"Let them sign with `sluis policy sign`: {', '.join(standing.unsigned)}.",
            )
    there = Repository(into)
    known = set(there.versions(Root.type))
    for version in set(repository.versions(Root.type)) - known:
        put_file(into / f"{version}.root.json", repository.raw(Root.type, version))
    targets = repository.targets().signed
    for path, sha256 in stored_paths(targets).items():
        put_file(into / TARGETS / path, repository.bundle(sha256))
    # Who signed first stays: the same version with another set of signatures is the same.
    if targets.version not in there.versions(Targets.type):
        put_file(into / f"{targets.version}.targets.json", repository.raw(Targets.type, targets.version))


def renew(folder: Path, online: CovenantSigner, now: datetime) -> bool:
    """Sign snapshot and timestamp anew where they lack, do not fit or half their life is over; say whether any was.

    The timestamp comes last: before it, no reader looks at what else is new. Raises ``ConfigurationError`` when the
    root names another online key.
    """
    served = Repository(folder)
    root = served.root().signed
    for role in (Snapshot.type, Timestamp.type):
        if online.key.id not in root.roles[role].keyids:
            raise ConfigurationError(
                Code.KEY_FILE_INVALID,
                "The board's root names another online key than this broker's.",
                hint="Give covenant.pub of this home to the board: `sluis policy root … --online covenant.pub`.",
            )
    targets = served.targets().signed
    signs = MetaFile.from_data(targets.version, served.raw(Targets.type, targets.version), [SHA256])
    meta = {_TARGETS_FILE: signs}
    versions = served.versions(Snapshot.type)
    snapshot = served.snapshot() if versions else None
    number, expires = _turn(now, SNAPSHOT_LIFE, targets)
    if snapshot is None or snapshot.signed.meta != meta or _is_over(root, snapshot, expires):
        number = max(number, versions[-1] + 1 if versions else 1)
        snapshot = Metadata(Snapshot(number, expires=expires, meta=meta))
        snapshot.sign(online.tuf)
        put_file(folder / f"{number}.snapshot.json", snapshot.to_bytes(COMPACT))
    points = MetaFile.from_data(snapshot.signed.version, served.raw(Snapshot.type, snapshot.signed.version), [SHA256])
    timestamp = _timestamp(folder)
    number, expires = _turn(now, TIMESTAMP_LIFE, targets)
    if timestamp is not None:
        if timestamp.signed.snapshot_meta == points and not _is_over(root, timestamp, expires):
            return False
        number = max(number, timestamp.signed.version + 1)
    made = Metadata(Timestamp(number, expires=expires, snapshot_meta=points))
    made.sign(online.tuf)
    put_file(folder / _TIMESTAMP, made.to_bytes(COMPACT))
    return True


def forget_snapshots(folder: Path) -> None:
    """Remove snapshots that no reader of the last days can still be asking for."""
    for version in Repository(folder).versions(Snapshot.type)[:-KEPT_SNAPSHOTS]:
        (folder / f"{version}.snapshot.json").unlink(missing_ok=True)


def _turn(now: datetime, life: timedelta, targets: Targets) -> tuple[int, datetime]:
    """Return version and expiry of what is signed now: the same through half a life, for the same covenant.

    So several brokers with the same key serve the same bytes, and a home restored from an older copy signs nothing that
    looks older than what it has forgotten.
    """
    half = life / 2
    place = (now - _ZERO) // half
    return place * STEP + targets.version, _ZERO + place * half + life


def _timestamp(folder: Path) -> Metadata[Timestamp] | None:
    try:
        found: Metadata[Timestamp] = Metadata.from_bytes((folder / _TIMESTAMP).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, RepositoryError):
        # Its version is lost, but not needed: versions follow the clock.
        return None
    return found


def _is_over(root: Root, found: Metadata[Snapshot] | Metadata[Timestamp], expires: datetime) -> bool:
    """Whether one signed now would hold longer, or the root names another key now."""
    held = root.get_verification_result(found.signed.type, found.signed_bytes, found.signatures)
    return not held or found.signed.expires < expires
