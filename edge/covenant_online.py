# SPDX-License-Identifier: EUPL-1.2
"""What the broker adds to a board's signed covenant: its short-lived word that this is the current one.

Snapshot and timestamp, signed by the one online key. It can keep a party waiting, for as long as the last timestamp
holds; it cannot change what the board signed. Not here: serving (``broker/publishing.py``).
Spec: ``protocol/spec/distribution.md``.
"""

from datetime import datetime, timedelta
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
and a broker that stands still for a night does not stop the agencies.
"""
SNAPSHOT_LIFE: Final = timedelta(days=7)
"""It is renewed with the timestamp; longer only so that the two do not run out together."""
KEPT_SNAPSHOTS: Final = 3
"""The newest, the one before for who reads just now, and one more."""
_TIMESTAMP: Final = "timestamp.json"
_TARGETS_FILE: Final = "targets.json"
_SNAPSHOT_FILE: Final = "snapshot.json"


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
    """Sign snapshot and timestamp anew where they lack, do not fit or are past half their life; say whether any was.

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
    versions = served.versions(Snapshot.type)
    snapshot = served.snapshot() if versions else None
    fresh = (
        snapshot is None or snapshot.signed.meta != {_TARGETS_FILE: signs} or _aged(root, snapshot, SNAPSHOT_LIFE, now)
    )
    if fresh or snapshot is None:
        number = _next(versions[-1] if versions else 0, now)
        snapshot = Metadata(Snapshot(number, expires=now + SNAPSHOT_LIFE, meta={_TARGETS_FILE: signs}))
        snapshot.sign(online.tuf)
        put_file(folder / f"{number}.snapshot.json", snapshot.to_bytes(COMPACT))
    number = snapshot.signed.version
    points = MetaFile.from_data(number, served.raw(Snapshot.type, number), [SHA256])
    timestamp = _timestamp(folder)
    fits = timestamp is not None and timestamp.signed.snapshot_meta == points
    if timestamp is not None and fits and not _aged(root, timestamp, TIMESTAMP_LIFE, now):
        return False
    last = timestamp.signed.version if timestamp is not None else 0
    made = Metadata(Timestamp(_next(last, now), expires=now + TIMESTAMP_LIFE, snapshot_meta=points))
    made.sign(online.tuf)
    put_file(folder / _TIMESTAMP, made.to_bytes(COMPACT))
    return True


def forget_snapshots(folder: Path) -> None:
    """Remove snapshots that no reader of the last days can still be asking for."""
    for version in Repository(folder).versions(Snapshot.type)[:-KEPT_SNAPSHOTS]:
        (folder / f"{version}.snapshot.json").unlink(missing_ok=True)


def _next(last: int, now: datetime) -> int:
    """Return a version above the last, and above all that a home restored from an older copy has forgotten."""
    return max(last + 1, int(now.timestamp()))


def _timestamp(folder: Path) -> Metadata[Timestamp] | None:
    try:
        found: Metadata[Timestamp] = Metadata.from_bytes((folder / _TIMESTAMP).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, RepositoryError):
        # Its version is lost, but not needed: versions follow the clock.
        return None
    return found


def _aged(root: Root, found: Metadata[Snapshot] | Metadata[Timestamp], life: timedelta, now: datetime) -> bool:
    """Whether it is past half its life, or not signed by the key that the root names now."""
    role = found.signed.type
    held = root.get_verification_result(role, found.signed_bytes, found.signatures)
    return not held or found.signed.expires - now < life / 2
